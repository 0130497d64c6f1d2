package node

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"tandem/failover"
	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/wire"
)

// Two boxes of a pair bring their objects in line by notes (wire.Note):
//
//	sum    1, SHA-256 over all versions. The first note on a link, sent by
//	       whoever has objects, and answered by a sum. If the sums differ, both
//	       send everything; from then on each change is sent.
//	piece  2, u32 serial, u8 1 if it is the last one, octets of a version
//	ack    3, u32 serial: the version is durable, or an older one than there is
//
// A version is u8 length and kind, u16 length and name, u32 epoch, u32 moment,
// u8 bits (1: deleted), text. A partner that does not answer the sum knows
// nothing of objects and is sent none. Nothing here outlives the link.
const (
	noteSum   = 1
	notePiece = 2
	noteAck   = 3

	pieceHead = 6
	sumLen    = 1 + sha256.Size
)

// Limits of an exchange.
const (
	// maxNotesAhead is the versions that the partner has not acknowledged.
	maxNotesAhead = 8
	// maxVersion is the longest version in octets.
	maxVersion = maxObjectText + 1024
	// maxObjectName is the longest name in octets.
	maxObjectName = 255
)

// exchange is the state of one link.
type exchange struct {
	link    failover.ConnID
	summed  bool // our sum was sent
	speaks  bool // the partner's was heard
	scolded bool // said that there is no room

	queue  []objectKey // to send, each once
	queued map[objectKey]bool
	flight map[uint32]*object // sent, by serial
	serial uint32

	parts      []byte // of the version that is being received
	partSerial uint32
}

// exchange gives the state of a relationship's link, a fresh one if the link
// is new.
func (o *objects) exchange(r *relation) *exchange {
	x := o.links[r.peer.Name]
	if link := r.end.Link(); x == nil || x.link != link {
		x = &exchange{link: link, queued: map[objectKey]bool{}, flight: map[uint32]*object{}}
		o.links[r.peer.Name] = x
	}
	return x
}

// due sends what is to be sent.
func (o *objects) due(now lease.Now) {
	for _, r := range o.node.relations {
		x := o.exchange(r)
		if x.link == 0 {
			continue
		}
		if !x.summed && len(o.all) > 0 {
			o.sendSum(now, r, x)
		}
		o.pump(now, r, x)
	}
}

// tell sends a note; what it says may not be durable yet.
func (o *objects) tell(now lease.Now, r *relation, note []byte) {
	if r.end.Tell(now, wire.Note(note)) {
		o.node.promised = true
		o.node.take(r)
	}
}

func (o *objects) sendSum(now lease.Now, r *relation, x *exchange) {
	x.summed = true
	sum := o.sum()
	o.tell(now, r, append([]byte{noteSum}, sum[:]...))
}

// sum is the same on two servers with the same versions.
func (o *objects) sum() [sha256.Size]byte {
	h := sha256.New()
	for _, k := range o.keys() {
		h.Write(appendVersion(nil, &o.all[k].Object))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// appendVersion encodes a version, its own length first.
func appendVersion(b []byte, r *lease.Object) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(1+len(r.Kind)+2+len(r.Name)+4+4+1+len(r.Text)))
	b = append(append(b, byte(len(r.Kind))), r.Kind...)
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(r.Name))), r.Name...)
	b = binary.BigEndian.AppendUint32(b, r.Epoch)
	b = binary.BigEndian.AppendUint32(b, uint32(r.Changed))
	if r.Deleted {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	return append(b, r.Text...)
}

// parseVersion is the inverse of appendVersion.
func parseVersion(b []byte) (r lease.Object, err error) {
	short := fmt.Errorf("a version of %d octets is cut off", len(b))
	if len(b) < 5 || binary.BigEndian.Uint32(b) != uint32(len(b)-4) {
		return r, short
	}
	kind := int(b[4])
	if b = b[5:]; len(b) < kind+2 {
		return r, short
	}
	r.Kind, b = string(b[:kind]), b[kind:]
	name := int(binary.BigEndian.Uint16(b))
	if b = b[2:]; len(b) < name+9 {
		return r, short
	}
	r.Name, b = string(b[:name]), b[name:]
	r.Epoch, r.Changed = binary.BigEndian.Uint32(b), lease.Time(binary.BigEndian.Uint32(b[4:]))
	r.Deleted, r.Text = b[8]&1 != 0, string(b[9:])
	if r.Name == "" || name > maxObjectName || len(r.Text) > maxObjectText {
		return r, fmt.Errorf("%s: a name of %d octets or a text of %d is not possible", r.Kind, name, len(r.Text))
	}
	return r, nil
}

// spread has a new version sent to every partner that takes part, bar the one
// it came from.
func (o *objects) spread(k objectKey, from string) {
	for _, r := range o.node.relations {
		if x := o.exchange(r); x.speaks && r.peer.Name != from {
			x.enqueue(k)
		}
	}
}

func (x *exchange) enqueue(k objectKey) {
	if !x.queued[k] {
		x.queued[k] = true
		x.queue = append(x.queue, k)
	}
}

// pump sends versions as far as the partner keeps up.
func (o *objects) pump(now lease.Now, r *relation, x *exchange) {
	for len(x.queue) > 0 && len(x.flight) < maxNotesAhead {
		k := x.queue[0]
		x.queue = x.queue[1:]
		delete(x.queued, k)
		v := o.all[k]
		if v == nil {
			continue // forgotten meanwhile
		}
		x.serial++
		x.flight[x.serial] = v
		rest := appendVersion(nil, &v.Object)
		for first := true; first || len(rest) > 0; first = false {
			n := min(len(rest), wire.MaxNote-pieceHead)
			note := binary.BigEndian.AppendUint32([]byte{notePiece}, x.serial)
			last := byte(0)
			if n == len(rest) {
				last = 1
			}
			o.tell(now, r, append(append(note, last), rest[:n]...))
			rest = rest[n:]
		}
	}
	if len(x.queue) == 0 {
		x.queue = nil
	}
}

// hear takes a note out of a CONTACT of a partner.
func (o *objects) hear(now lease.Now, in *PeerReceived) {
	contact, ok := in.Message.(*wire.Contact)
	r := o.node.conns[in.Conn]
	if !ok || !contact.Vendor.Set || r == nil || r.end.Link() != failover.ConnID(in.Conn) {
		return
	}
	note, ok, err := wire.DecodeNote(contact.Vendor.V)
	if err == nil && !ok {
		return
	}
	if err == nil {
		err = o.take(now, r, o.exchange(r), []byte(note))
	}
	if err != nil {
		o.refused++
		o.node.line(dhcp.LevelWarning, "failover peer %s: a note about hosts and groups is ignored: %v", r.peer.Name, err)
	}
}

func (o *objects) take(now lease.Now, r *relation, x *exchange, note []byte) error {
	switch {
	case len(note) == sumLen && note[0] == noteSum:
		o.compare(now, r, x, [sha256.Size]byte(note[1:]))
	case len(note) >= pieceHead && note[0] == notePiece:
		return o.piece(now, r, x, note)
	case len(note) == 5 && note[0] == noteAck:
		o.acked(r, x, binary.BigEndian.Uint32(note[1:]))
	default:
		return fmt.Errorf("%d octets that mean nothing", len(note))
	}
	return nil
}

// compare begins the exchange once the partner's sum is known.
func (o *objects) compare(now lease.Now, r *relation, x *exchange, theirs [sha256.Size]byte) {
	x.speaks = true
	if !x.summed {
		o.sendSum(now, r, x)
	}
	same := o.sum() == theirs
	for _, k := range o.keys() {
		if same {
			o.all[k].knownTo(r.peer.Name)
		} else {
			x.enqueue(k)
		}
	}
}

func (v *object) knownTo(peer string) {
	if !slices.Contains(v.told, peer) {
		v.told = append(v.told, peer)
	}
}

// piece takes a part of a version.
func (o *objects) piece(now lease.Now, r *relation, x *exchange, note []byte) error {
	serial, last := binary.BigEndian.Uint32(note[1:]), note[5] != 0
	if serial != x.partSerial {
		x.parts, x.partSerial = x.parts[:0], serial
	}
	x.parts = append(x.parts, note[pieceHead:]...)
	if len(x.parts) > maxVersion {
		x.parts = nil
		return fmt.Errorf("a version has more than %d octets", maxVersion)
	}
	if !last {
		return nil
	}
	v, err := parseVersion(x.parts)
	x.parts, x.partSerial = nil, 0
	if err == nil && !o.keeps(v.Kind) {
		err = fmt.Errorf("%q is no kind of object", v.Kind)
	}
	if err == nil {
		o.adopt(r, x, v)
	}
	o.tell(now, r, binary.BigEndian.AppendUint32([]byte{noteAck}, serial))
	return err
}

// adopt takes over a partner's version if it is newer than what there is.
func (o *objects) adopt(r *relation, x *exchange, v lease.Object) {
	k := keyOf(&v)
	switch old := o.all[k]; {
	case old != nil && old.Newer(&v):
		x.enqueue(k)
	case old != nil && !v.Newer(&old.Object):
		old.knownTo(r.peer.Name)
	case !o.room(k):
		if !x.scolded {
			x.scolded = true
			o.node.line(dhcp.LevelError, "failover peer %s: %s; %s %s is not taken over", r.peer.Name, errFull.Text, v.Kind, v.Name)
		}
	default:
		o.received++
		o.save(v, r.peer.Name)
		o.node.events.Lines = append(o.node.events.Lines, dhcp.Line{Level: dhcp.LevelInfo, Class: "objects", // many at a time
			Text: fmt.Sprintf("failover peer %s: %s %s taken over", r.peer.Name, v.Kind, v.Name)})
	}
}

// acked notes that the partner has what was sent with this serial.
func (o *objects) acked(r *relation, x *exchange, serial uint32) {
	if v := x.flight[serial]; v != nil {
		delete(x.flight, serial)
		v.knownTo(r.peer.Name)
	}
}
