// Package heartbeat tells whether the partner lives, and whether it hears us,
// on each path between the boxes, by one small signed datagram a second.
//
//	 0            4       5       6       8
//	+------------+-------+-------+-------+--------------------------+
//	|   "TDhb"   |   1   | path  |   0   | run of the sender        |   0
//	+------------+-------+-------+-------+--------------------------+
//	| number of this datagram in it      | run that it heard last   |  16
//	+------------------------------------+--------------------------+
//	| highest number that it heard of it | Ed25519 signature over   |  32
//	+------------------------------------+ "tandem heartbeat 1" and |
//	|                   ... octets 0 to 39 (64 octets)              |  104
//	+---------------------------------------------------------------+
//
// A run is a random number that a sender draws when it starts. A datagram is a
// sign of life only if its run is proven: a datagram of that run echoed a
// recent number of our own run, which nobody could know before we drew it; and
// if its number is higher than any before. So nothing that was recorded earlier
// counts, whoever restarts. An echo of a number proves besides that the partner
// still heard us when we sent that number.
//
// The rules (file rules.go) are pure; file service.go has the sockets.
package heartbeat

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
)

// Path is one of the ways between the boxes.
type Path byte

// The paths.
const (
	LAN    Path = 1
	Direct Path = 2
)

// String is the path's name in status.json.
func (p Path) String() string {
	switch p {
	case LAN:
		return "lan"
	case Direct:
		return "direct"
	}
	return "unknown"
}

// Beat is the content of a datagram.
type Beat struct {
	Path       Path
	Run        uint64
	Number     uint64 // from 1
	EchoRun    uint64 // zero if nothing was heard yet
	EchoNumber uint64
}

const (
	bodyLen = 40
	// Len is the length of a datagram in octets.
	Len = bodyLen + ed25519.SignatureSize
)

var magic = [...]byte{'T', 'D', 'h', 'b', 1}

const signed = "tandem heartbeat 1"

// Sign gives the datagram.
func (b Beat) Sign(key ed25519.PrivateKey) []byte {
	raw := make([]byte, 8, Len)
	copy(raw, magic[:])
	raw[5] = byte(b.Path)
	for _, n := range [...]uint64{b.Run, b.Number, b.EchoRun, b.EchoNumber} {
		raw = binary.BigEndian.AppendUint64(raw, n)
	}
	return append(raw, ed25519.Sign(key, append([]byte(signed), raw...))...)
}

// Open reads a datagram that the owner of the key signed. The verdict is
// Fresh, or why it is not looked at further.
func Open(raw []byte, key ed25519.PublicKey) (Beat, Verdict) {
	if len(raw) != Len || !bytes.HasPrefix(raw, magic[:]) || raw[6] != 0 || raw[7] != 0 {
		return Beat{}, Malformed
	}
	if !ed25519.Verify(key, append([]byte(signed), raw[:bodyLen]...), raw[bodyLen:]) {
		return Beat{}, WrongKey
	}
	n := func(at int) uint64 { return binary.BigEndian.Uint64(raw[at:]) }
	return Beat{Path: Path(raw[5]), Run: n(8), Number: n(16), EchoRun: n(24), EchoNumber: n(32)}, Fresh
}

// Verdict is what a datagram is worth. The name of each is a counter's.
type Verdict uint8

// The verdicts.
const (
	Fresh     Verdict = iota // the partner sent it just now
	Unproven                 // perhaps; its run is not proven yet
	Replayed                 // its number, or what it echoes, was there before
	WrongPath                // it was sent on the other path
	Malformed
	WrongKey
	Stranger // it came from another address than the partner's
	Flood    // more than are looked at in a second
	// Verdicts is how many there are.
	Verdicts = int(iota)
)

var verdictNames = [Verdicts]string{"heartbeat-fresh", "heartbeat-unproven", "heartbeat-replayed", "heartbeat-wrong-path",
	"heartbeat-malformed", "heartbeat-wrong-key", "heartbeat-stranger", "heartbeat-flood"}

// String is the counter's name.
func (v Verdict) String() string {
	if int(v) < Verdicts {
		return verdictNames[v]
	}
	return "heartbeat-unknown"
}
