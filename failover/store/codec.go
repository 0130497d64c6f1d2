package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"tandem/failover/lease"
)

// The payload of a lease. Most fields of most leases are absent or equal to
// another one, so a word of flags says how each is given:
//
//	 0      4    8       12
//	+------+----+--------+------------------------------------------+
//	| word | IP | starts | flags? epoch? times* HW? UID? extra?      |
//	+------+----+--------+------------------------------------------+
//	              only if bit 6
//
//	word, bit 0-2  state            3-5  rewind state, 0 = equal to state or unset
//	      6        starts is given (else it is 0)
//	      7        one octet of flags         8  uvarint epoch
//	      9-20     two bits each for STOS, CLTT, ends, TSTP, TSFP, ATSFP:
//	               0 unset, 1 equal to starts, 2 equal to the time before it
//	               in this list, 3 varint of the difference to starts
//	      21-22    HW: 0 none, 1 six octets of Ethernet, 2 uvarint length + octets
//	      23-24    UID: 0 none, 1 equal to HW, 2 uvarint length + octets
//	      25       extra: uvarint of what is given, then each as a string
//	               (uvarint length + octets); variables as count and pairs
//	      26-31    zero
//
// Peer, boot and object records are rare; they are their fields in order. An
// object ends with one octet of the bits below and, if objectVersion is set,
// its epoch and moment.
const (
	objectDeleted = 1
	objectVersion = 2
	objectGone    = 4
	objectBits    = objectDeleted | objectVersion | objectGone

	bitStarts = 1 << 6
	bitFlags  = 1 << 7
	bitEpoch  = 1 << 8
	bitExtra  = 1 << 25
	shiftTime = 9
	shiftHW   = 21
	shiftUID  = 23
	wordMask  = 1<<26 - 1

	timeUnset = 0
	timeBase  = 1
	timePrev  = 2
	timeDelta = 3

	octetsNone  = 0
	octetsShort = 1 // Ethernet address, or UID equal to HW
	octetsLong  = 2

	htypeEthernet = 1
)

const (
	hostnameBit = 1 << iota
	fqdnBit
	vendorBit
	userBit
	relayBit
	requestedBit
	billingBit
	billingSubBit
	varsBit
)

// encoder turns records into frames.
type encoder struct {
	buf     []byte // frames of one write
	payload []byte
}

// add appends a frame that holds rec to dst.
func (e *encoder) add(dst []byte, chain uint32, rec lease.Record) ([]byte, uint32, error) {
	var typ byte
	p := e.payload[:0]
	switch r := rec.(type) {
	case *lease.Lease:
		if !r.State.Valid() || r.Rewind > lease.Backup {
			return dst, chain, fmt.Errorf("store: lease %s has the states %d/%d, which do not exist", r.IP, r.State, r.Rewind)
		}
		typ, p = typeLease, appendLease(p, r)
	case *lease.Peer:
		typ, p = typePeer, appendPeer(p, r)
	case *lease.Boot:
		typ, p = typeBoot, appendBoot(p, r)
	case *lease.Object:
		typ, p = typeObject, appendObject(p, r)
	default:
		return dst, chain, fmt.Errorf("store: no format for a record of type %T", rec)
	}
	e.payload = p
	if len(p) > MaxRecord {
		return dst, chain, fmt.Errorf("%w: %d octets, the limit is %d", ErrTooLarge, len(p), MaxRecord)
	}
	dst, chain = appendFrame(dst, chain, typ, p)
	return dst, chain, nil
}

func appendLease(p []byte, l *lease.Lease) []byte {
	at := len(p)
	p = append(p, 0, 0, 0, 0)
	p = binary.BigEndian.AppendUint32(p, uint32(l.IP))
	word := uint32(l.State & 7)
	if l.Rewind != l.State {
		word |= uint32(l.Rewind&7) << 3
	}
	if l.Starts != 0 {
		word |= bitStarts
		p = binary.BigEndian.AppendUint32(p, uint32(l.Starts))
	}
	if l.Flags != 0 {
		word |= bitFlags
		p = append(p, byte(l.Flags))
	}
	if l.Epoch != 0 {
		word |= bitEpoch
		p = binary.AppendUvarint(p, uint64(l.Epoch))
	}
	prev := l.Starts
	for i, t := range [...]lease.Time{l.STOS, l.CLTT, l.Ends, l.TSTP, l.TSFP, l.ATSFP} {
		how := uint32(timeDelta)
		switch t {
		case 0:
			how = timeUnset
		case l.Starts:
			how = timeBase
		case prev:
			how = timePrev
		default:
			p = binary.AppendVarint(p, int64(t)-int64(l.Starts))
		}
		word |= how << (shiftTime + 2*i)
		prev = t
	}
	p, word = appendClient(p, word, l)
	if x := l.Extra; x != nil {
		word |= bitExtra
		p = appendExtra(p, x)
	}
	binary.BigEndian.PutUint32(p[at:], word)
	return p
}

func appendClient(p []byte, word uint32, l *lease.Lease) ([]byte, uint32) {
	switch {
	case l.HW == "":
	case len(l.HW) == 7 && l.HW[0] == htypeEthernet:
		word |= octetsShort << shiftHW
		p = append(p, l.HW[1:]...)
	default:
		word |= octetsLong << shiftHW
		p = appendString(p, l.HW)
	}
	switch l.UID {
	case "":
	case l.HW:
		word |= octetsShort << shiftUID
	default:
		word |= octetsLong << shiftUID
		p = appendString(p, l.UID)
	}
	return p, word
}

func appendExtra(p []byte, x *lease.Extra) []byte {
	texts := extraTexts(x)
	var mask uint64
	for i, s := range texts {
		if *s != "" {
			mask |= 1 << i
		}
	}
	if len(x.Vars) > 0 {
		mask |= varsBit
	}
	p = binary.AppendUvarint(p, mask)
	for _, s := range texts {
		if *s != "" {
			p = appendString(p, *s)
		}
	}
	if len(x.Vars) > 0 {
		p = binary.AppendUvarint(p, uint64(len(x.Vars)))
		for _, v := range x.Vars {
			p = appendString(appendString(p, v.Name), v.Value)
		}
	}
	return p
}

// extraTexts are the strings of x in the order of their bits.
func extraTexts(x *lease.Extra) [8]*string {
	return [8]*string{&x.Hostname, &x.FQDN, &x.VendorClass, &x.UserClass,
		&x.RelayAgent, &x.Requested, &x.Billing, &x.BillingSub}
}

func appendPeer(p []byte, r *lease.Peer) []byte {
	p = appendString(p, r.Name)
	p = append(p, byte(r.State), byte(r.Partner))
	for _, n := range [...]uint32{uint32(r.Since), uint32(r.PartnerSince), uint32(r.MCLT),
		uint32(r.LastContact), uint32(r.Authority), r.Epoch, uint32(r.DownFrom), uint32(r.Lost), uint32(r.Facts)} {
		p = binary.AppendUvarint(p, uint64(n))
	}
	return append(p, r.HBA[:]...)
}

func appendBoot(p []byte, r *lease.Boot) []byte {
	for _, s := range [...]string{r.ID, r.Reason, r.StoreOrigin} {
		p = appendString(p, s)
	}
	p = binary.AppendUvarint(p, uint64(r.Started))
	p = binary.AppendUvarint(p, uint64(r.LastAlive))
	p = binary.AppendUvarint(p, uint64(len(r.Resets)))
	for _, t := range r.Resets {
		p = binary.AppendUvarint(p, uint64(t))
	}
	return p
}

func appendObject(p []byte, r *lease.Object) []byte {
	for _, s := range [...]string{r.Kind, r.Name, r.Text} {
		p = appendString(p, s)
	}
	how := byte(0)
	if r.Deleted {
		how |= objectDeleted
	}
	if r.Gone {
		how |= objectGone
	}
	if r.Epoch == 0 && r.Changed == 0 {
		return append(p, how)
	}
	p = append(p, how|objectVersion)
	p = binary.AppendUvarint(p, uint64(r.Epoch))
	return binary.AppendUvarint(p, uint64(r.Changed))
}

func appendString(p []byte, s string) []byte {
	return append(binary.AppendUvarint(p, uint64(len(s))), s...)
}

var errPayload = errors.New("the record's contents are malformed")
