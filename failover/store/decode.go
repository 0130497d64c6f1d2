package store

import (
	"encoding/binary"

	"tandem/failover/lease"
)

// decoder turns payloads into records. The lease it gives is its own and is
// overwritten by the next one; the strings in it are not.
type decoder struct {
	lease lease.Lease
	texts interner
	// Peers and boots come again and again with the same words.
	peer string
	boot [3]string
}

// record decodes a payload; nil without error for frames that hold no record.
func (d *decoder) record(typ byte, payload []byte) (lease.Record, error) {
	in := input{buf: payload}
	var rec lease.Record
	switch typ {
	case typeLease:
		d.readLease(&in)
		rec = &d.lease
	case typePeer:
		rec = d.readPeer(&in)
	case typeBoot:
		rec = d.readBoot(&in)
	case typeObject:
		rec = readObject(&in)
	default:
		return nil, nil
	}
	if in.bad || len(in.buf) > 0 {
		return nil, errPayload
	}
	return rec, nil
}

func (d *decoder) readLease(in *input) {
	word := in.uint32()
	l := lease.Lease{IP: lease.IP(in.uint32()), State: lease.State(word & 7), Rewind: lease.State(word >> 3 & 7)}
	if l.Rewind == 0 {
		l.Rewind = l.State
	}
	in.bad = in.bad || word&^uint32(wordMask) != 0 || !l.State.Valid()
	if word&bitStarts != 0 {
		l.Starts = lease.Time(in.uint32())
	}
	if word&bitFlags != 0 {
		l.Flags = lease.Flags(in.octet())
	}
	if word&bitEpoch != 0 {
		l.Epoch = in.number()
	}
	prev := l.Starts
	for i, t := range [...]*lease.Time{&l.STOS, &l.CLTT, &l.Ends, &l.TSTP, &l.TSFP, &l.ATSFP} {
		switch word >> (shiftTime + 2*i) & 3 {
		case timeBase:
			*t = l.Starts
		case timePrev:
			*t = prev
		case timeDelta:
			*t = in.timeFrom(l.Starts)
		}
		prev = *t
	}
	l.HW, l.UID = in.client(word>>shiftHW&3, word>>shiftUID&3)
	if word&bitExtra != 0 {
		l.Extra = d.readExtra(in)
	}
	d.lease = l
}

// client reads HW and UID into one piece of memory.
func (in *input) client(howHW, howUID uint32) (hw, uid string) {
	var buf [64]byte
	both := buf[:0]
	switch howHW {
	case octetsShort:
		both = append(append(both, htypeEthernet), in.take(6)...)
	case octetsLong:
		both = append(both, in.octets()...)
	case 3:
		in.bad = true
	}
	n := len(both)
	switch howUID {
	case octetsLong:
		both = append(both, in.octets()...)
	case 3:
		in.bad = true
	}
	s := string(both)
	if howUID == octetsShort {
		return s[:n], s[:n]
	}
	return s[:n], s[n:]
}

func (d *decoder) readExtra(in *input) *lease.Extra {
	x := &lease.Extra{}
	mask := in.number()
	in.bad = in.bad || mask >= varsBit<<1
	for i, s := range extraTexts(x) {
		if mask>>i&1 == 0 {
			continue
		}
		b := in.octets()
		switch 1 << i {
		case vendorBit, userBit, requestedBit, billingBit:
			*s = d.texts.text(b) // the same for many clients
		default:
			*s = string(b)
		}
	}
	if mask&varsBit != 0 {
		n := in.number()
		for i := uint32(0); i < n && !in.bad; i++ {
			x.Vars = append(x.Vars, lease.Var{Name: d.texts.text(in.octets()), Value: string(in.octets())})
		}
	}
	return x
}

// again reads a text, which is probably the same as the one before.
func (in *input) again(before *string) string {
	if b := in.octets(); string(b) != *before {
		*before = string(b)
	}
	return *before
}

func (d *decoder) readPeer(in *input) *lease.Peer {
	r := &lease.Peer{Name: in.again(&d.peer),
		State: lease.ServerState(in.octet()), Partner: lease.ServerState(in.octet()),
		Since: lease.Time(in.number()), PartnerSince: lease.Time(in.number()), MCLT: lease.Seconds(in.number()),
		LastContact: lease.Time(in.number()), Authority: lease.Seconds(in.number()), Epoch: in.number(),
		DownFrom: lease.Time(in.number()), Lost: lease.Time(in.number())}
	facts := in.number()
	r.Facts = lease.PeerFacts(facts)
	copy(r.HBA[:], in.take(len(r.HBA)))
	in.bad = in.bad || facts>>16 != 0
	return r
}

func (d *decoder) readBoot(in *input) *lease.Boot {
	r := &lease.Boot{ID: in.again(&d.boot[0]), Reason: in.again(&d.boot[1]), StoreOrigin: in.again(&d.boot[2]),
		Started: lease.Time(in.number()), LastAlive: lease.Time(in.number())}
	if n := in.number(); n > 0 {
		r.Resets = make([]lease.Time, 0, min(n, uint32(len(in.buf))))
		for i := uint32(0); i < n && !in.bad; i++ {
			r.Resets = append(r.Resets, lease.Time(in.number()))
		}
	}
	return r
}

func readObject(in *input) *lease.Object {
	r := &lease.Object{Kind: string(in.octets()), Name: string(in.octets()), Text: string(in.octets())}
	how := in.octet()
	r.Deleted, r.Gone = how&objectDeleted != 0, how&objectGone != 0
	in.bad = in.bad || how&^objectBits != 0
	if how&objectVersion != 0 {
		r.Epoch, r.Changed = in.number(), lease.Time(in.number())
	}
	return r
}

// input is what is left of a payload. Reading beyond its end sets bad and
// gives zeros.
type input struct {
	buf []byte
	bad bool
}

func (in *input) take(n int) []byte {
	if n < 0 || n > len(in.buf) {
		in.bad, in.buf = true, nil
		return nil
	}
	b := in.buf[:n]
	in.buf = in.buf[n:]
	return b
}

func (in *input) octet() byte {
	if b := in.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (in *input) uint32() uint32 {
	if b := in.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// number reads a uvarint of at most 32 bits.
func (in *input) number() uint32 {
	n := in.uvarint()
	in.bad = in.bad || n>>32 != 0
	return uint32(n)
}

func (in *input) uvarint() uint64 {
	n, k := binary.Uvarint(in.buf)
	if k <= 0 {
		in.bad, in.buf = true, nil
		return 0
	}
	in.buf = in.buf[k:]
	return n
}

func (in *input) timeFrom(base lease.Time) lease.Time {
	d, k := binary.Varint(in.buf)
	t := int64(base) + d
	if k <= 0 || d>>33 != 0 && d>>33 != -1 || t < 0 || t > int64(lease.Never) {
		in.bad, in.buf = true, nil
		return 0
	}
	in.buf = in.buf[k:]
	return lease.Time(t)
}

func (in *input) octets() []byte { return in.take(int(in.number())) }

// interner gives equal strings one piece of memory: there are few vendor
// classes, and a million leases.
type interner struct{ known map[string]string }

// maxInterned bounds the interner; what does not fit is simply not shared.
const maxInterned = 4096

func (t *interner) text(b []byte) string {
	if s, ok := t.known[string(b)]; ok {
		return s
	}
	s := string(b)
	if t.known == nil {
		t.known = make(map[string]string)
	}
	if len(t.known) < maxInterned {
		t.known[s] = s
	}
	return s
}
