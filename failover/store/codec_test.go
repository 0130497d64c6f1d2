package store

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"tandem/failover/lease"
)

// randomLease has every shape of field with some likelihood.
func randomLease(rng *rand.Rand) *lease.Lease {
	when := func(base lease.Time) lease.Time {
		switch rng.IntN(6) {
		case 0:
			return 0
		case 1:
			return lease.Never
		case 2:
			return base
		case 3:
			return lease.Time(rng.Uint32())
		}
		return base.Add(lease.Seconds(rng.IntN(100000)))
	}
	octets := func(most int) string {
		b := make([]byte, rng.IntN(most+1))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return string(b)
	}
	l := &lease.Lease{IP: lease.IP(rng.Uint32()), State: lease.Free + lease.State(rng.IntN(7)),
		Rewind: lease.Free + lease.State(rng.IntN(7)), Flags: lease.Flags(rng.Uint32() & rng.Uint32())}
	l.Starts = when(1700000000)
	l.STOS, l.Ends, l.CLTT = when(l.Starts), when(l.Starts), when(l.Starts)
	l.TSTP, l.TSFP = when(l.Starts), when(l.Starts)
	l.ATSFP = when(l.TSFP)
	switch rng.IntN(3) {
	case 0:
		l.HW = ethernet(int(rng.Uint32()))
	case 1:
		l.HW = octets(17)
	}
	switch rng.IntN(3) {
	case 0:
		l.UID = l.HW
	case 1:
		l.UID = octets(255)
	}
	if rng.IntN(4) == 0 {
		l.Epoch = rng.Uint32()
	}
	if rng.IntN(2) == 0 {
		l.Extra = &lease.Extra{}
		for _, s := range extraTexts(l.Extra) {
			if rng.IntN(2) == 0 {
				*s = octets(40)
			}
		}
		for range rng.IntN(3) {
			l.Extra.Vars = append(l.Extra.Vars, lease.Var{Name: octets(8), Value: octets(300)})
		}
	}
	return l
}

func TestLeaseRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var d decoder
	for range 20000 {
		l := randomLease(rng)
		got, err := d.record(typeLease, appendLease(nil, l))
		if err != nil || !reflect.DeepEqual(got, l) {
			t.Fatalf("%v\ngot  %+v\nwant %+v", err, got, l)
		}
	}
}

// A lease as most are, with what dhcpd keeps of a client, stays small.
func TestOrdinaryLeaseIsSmall(t *testing.T) {
	l := boundLease(1, 1700000000)
	if n := len(appendLease(nil, l)); n > 56 {
		t.Errorf("with name and vendor class: %d octets", n)
	}
	l.Extra = nil
	if n := len(appendLease(nil, l)); n > 28 {
		t.Errorf("without: %d octets", n)
	}
}

func TestMalformedPayloads(t *testing.T) {
	var d decoder
	whole := appendLease(nil, randomLease(rand.New(rand.NewPCG(4, 4))))
	cases := map[string][]byte{
		"empty":              {},
		"trailing octet":     append(whole[:len(whole):len(whole)], 0),
		"no state":           {0, 0, 0, 0, 1, 2, 3, 4},
		"unknown bit":        {0x80, 0, 0, 1, 1, 2, 3, 4},
		"hardware kind 3":    {0, 0x60, 0, 1, 1, 2, 3, 4},
		"UID kind 3":         {1, 0x80, 0, 1, 1, 2, 3, 4},
		"time before 1970":   {0, 0, 6, 1, 1, 2, 3, 4, 1},
		"endless variables":  {2, 0, 0, 1, 1, 2, 3, 4, 0x80, 2, 0xff, 0xff, 0xff, 0xff, 0x0f},
		"string beyond end":  {2, 0, 0, 1, 1, 2, 3, 4, 1, 200, 'x'},
		"number of 33 bits":  {0, 0, 1, 1, 1, 2, 3, 4, 0x80, 0x80, 0x80, 0x80, 0x40},
		"unknown extra text": {2, 0, 0, 1, 1, 2, 3, 4, 0x80, 0x40},
	}
	for i := range len(whole) {
		cases["cut "+strings.Repeat("I", i)] = whole[:i]
	}
	for name, p := range cases {
		if rec, err := d.record(typeLease, p); err == nil {
			t.Errorf("%s: decoded to %+v", name, rec)
		}
	}
}

func TestInternerIsBounded(t *testing.T) {
	var in interner
	for i := range 3 * maxInterned {
		in.text([]byte(ethernet(i)))
	}
	if len(in.known) != maxInterned {
		t.Errorf("%d strings", len(in.known))
	}
}

func FuzzRecord(f *testing.F) {
	rng := rand.New(rand.NewPCG(2, 2))
	for range 20 {
		f.Add(byte(typeLease), appendLease(nil, randomLease(rng)))
	}
	f.Add(byte(typePeer), appendPeer(nil, &lease.Peer{Name: "dhcp", State: lease.Normal}))
	f.Add(byte(typeBoot), appendBoot(nil, &lease.Boot{ID: "x", Resets: []lease.Time{1}}))
	f.Add(byte(typeObject), appendObject(nil, &lease.Object{Kind: "host", Name: "a", Deleted: true}))
	f.Add(byte(typeObject), appendObject(nil, &lease.Object{Kind: "host", Name: "a", Epoch: 1, Changed: 7, Gone: true}))
	f.Fuzz(func(t *testing.T, typ byte, payload []byte) {
		var d, d2 decoder
		rec, err := d.record(typ, payload)
		if err != nil || rec == nil {
			return
		}
		var e encoder
		frames, _, err := e.add(nil, 0, rec)
		if err != nil {
			if l, ok := rec.(*lease.Lease); ok && l.Rewind > lease.Backup {
				return
			}
			t.Fatal(err)
		}
		fr, bad := parseFrame(frames, 0, 0)
		if bad != nil {
			t.Fatal(bad)
		}
		again, err := d2.record(fr.typ, fr.payload)
		if err != nil || !reflect.DeepEqual(rec, again) {
			t.Fatalf("%v\n%+v\n%+v", err, rec, again)
		}
	})
}

// fillFields gives every field of a struct a value that is not zero.
func fillFields(v reflect.Value) {
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString("text of " + v.Type().Field(i).Name)
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Uint8:
			f.SetUint(uint64(1 + i%7))
		case reflect.Uint16, reflect.Uint32:
			f.SetUint(uint64(1000 + i))
		case reflect.Array:
			f.Index(i % f.Len()).SetUint(9)
		case reflect.Slice:
			one := reflect.New(f.Type().Elem()).Elem()
			if one.Kind() == reflect.Struct {
				fillFields(one)
			} else {
				one.SetUint(7)
			}
			f.Set(reflect.Append(f, one))
		case reflect.Pointer:
			f.Set(reflect.New(f.Type().Elem()))
			fillFields(f.Elem())
		}
	}
}

// A field that a record got later must not be forgotten here.
func TestEveryFieldIsStored(t *testing.T) {
	for _, rec := range []lease.Record{&lease.Lease{}, &lease.Peer{}, &lease.Boot{}, &lease.Object{}} {
		v := reflect.ValueOf(rec).Elem()
		fillFields(v)
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Fatalf("%T: field %s was not filled", rec, v.Type().Field(i).Name)
			}
		}
		var e encoder
		frames, _, err := e.add(nil, 0, rec)
		must(t, err)
		fr, bad := parseFrame(frames, 0, 0)
		if bad != nil {
			t.Fatal(bad)
		}
		var d decoder
		got, err := d.record(fr.typ, fr.payload)
		if err != nil || !reflect.DeepEqual(got, rec) {
			t.Errorf("%T: %v\n got %+v\nwant %+v", rec, err, got, rec)
		}
	}
}
