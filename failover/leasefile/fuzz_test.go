package leasefile

import (
	"bytes"
	"os"
	"reflect"
	"strings"
	"testing"

	"tandem/failover/lease"
)

// FuzzParse reads any text; what it understands it also understands after
// writing it.
func FuzzParse(f *testing.F) {
	for _, path := range samples(f) {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text[:min(len(text), 3000)]))
	}
	f.Add("lease 1.2.3.4 { starts 1 2026/01/01 00:00:00 3600; ends epoch 4000000000; billing subclass \"c\" 1:2; hardware unknown-9 1; set a = %7; option agent.unknown-7 1; }")
	f.Add("class \"c\" { lease limit 4; }\nsubclass \"c\" 1 { a; }\nhost a.b { deleted; }\nfailover peer \"x\" state { my state recover; mclt 5; }")
	f.Fuzz(func(t *testing.T, text string) {
		first, err := Parse("t", text, now)
		if err != nil {
			return
		}
		r := first.Report
		if things := len(first.Leases) + len(first.Peers) + len(first.Objects); r.Records-r.Superseded != things {
			t.Fatalf("%d records of which %d superseded make %d", r.Records, r.Superseded, things)
		}
		var out bytes.Buffer
		writable := first.Write(&out, Options{Failover: func(lease.IP) bool { return true }, Secondary: true}) == nil
		again, err := Parse("t", out.String(), now)
		if err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		for i := range first.Leases {
			forget(&first.Leases[i])
		}
		for i := range again.Leases {
			forget(&again.Leases[i])
		}
		if !reflect.DeepEqual(first.Leases, again.Leases) {
			t.Fatalf("%+v\n%+v\n%s", first.Leases, again.Leases, out.String())
		}
		if writable && (len(again.Peers) != len(first.Peers) || len(again.Objects) != len(first.Objects)) {
			t.Fatalf("%+v\n%+v\n%s", first.Peers, again.Peers, out.String())
		}
	})
}

// forget takes from a lease what a file can not hold for certain.
func forget(l *lease.Lease) {
	if l.Extra == nil {
		return
	}
	x := *l.Extra
	if !printable(x.Hostname) {
		x.Hostname = ""
	}
	x.Vars = variables(&x)
	if len(x.Vars) == 0 {
		x.Vars = nil
	}
	if strings.Contains(x.RelayAgent, "\x00") {
		x.RelayAgent = "" // an empty sub-option can not be written
	}
	if l.Extra = &x; reflect.DeepEqual(x, lease.Extra{}) {
		l.Extra = nil
	}
}
