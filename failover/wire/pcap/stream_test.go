package pcap

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"
)

// file builds a capture, packet by packet.
type file struct {
	order binary.ByteOrder
	nano  bool
	link  uint32
	b     []byte
	n     uint32
}

func newFile(order binary.ByteOrder, nano bool, link uint32) *file {
	f := &file{order: order, nano: nano, link: link}
	magic := uint32(0xa1b2c3d4)
	if nano {
		magic = 0xa1b23c4d
	}
	f.u32(magic, 0x00040002, 0, 0, 65535, link)
	return f
}

func (f *file) u32(list ...uint32) {
	for _, n := range list {
		var b [4]byte
		f.order.PutUint32(b[:], n)
		f.b = append(f.b, b[:]...)
	}
}

// packet adds an IPv4 packet half a second after the last one; missing octets
// of it were not captured.
func (f *file) packet(ip []byte, missing int) {
	link := map[uint32]string{
		linkEthernet: "0200000000010200000000020800", linkNull: "02000000", linkRaw: "", linkIPv4: "",
		linkSLL:  "00000001000602000000000100000800",
		linkSLL2: "0800000000000002000100060200000000010000",
	}[f.link]
	head, err := hex.DecodeString(link)
	if err != nil {
		panic(err)
	}
	whole := append(head, ip...)
	unit := uint32(500_000)
	if f.nano {
		unit *= 1000
	}
	f.u32(1000+f.n/2, f.n%2*unit, uint32(len(whole)-missing), uint32(len(whole)))
	f.b = append(f.b, whole[:len(whole)-missing]...)
	f.n++
}

// tcpPacket makes an IPv4 packet from 10.0.0.1 to 10.0.0.2.
func tcpPacket(from, to uint16, seq uint32, flags byte, data string) []byte {
	b := make([]byte, 40, 40+len(data))
	b[0], b[9] = 0x45, 6
	binary.BigEndian.PutUint16(b[2:], uint16(40+len(data)))
	copy(b[12:], "\x0a\x00\x00\x01\x0a\x00\x00\x02")
	binary.BigEndian.PutUint16(b[20:], from)
	binary.BigEndian.PutUint16(b[22:], to)
	binary.BigEndian.PutUint32(b[24:], seq)
	b[32], b[33] = 5<<4, flags
	return append(b, data...)
}

// message is a CONTACT with this xid.
func message(xid byte) string {
	b, _ := hex.DecodeString(contact)
	b[11] = xid
	return string(b)
}

// story is what Read made of the capture: xids, and notes in brackets.
func story(t *testing.T, data []byte) string {
	t.Helper()
	c, err := Read(data)
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	for _, e := range c.Events {
		if e.Message != nil {
			parts = append(parts, fmt.Sprint(e.Message.Head().XID))
		} else {
			parts = append(parts, "["+e.Note+"]")
		}
	}
	return strings.Join(parts, " ")
}

func TestEveryKindOfFile(t *testing.T) {
	for _, link := range []uint32{linkNull, linkEthernet, linkRaw, linkSLL, linkIPv4, linkSLL2} {
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			for _, nano := range []bool{false, true} {
				f := newFile(order, nano, link)
				f.packet(tcpPacket(4000, 647, 1, flagACK, message(1)), 0)
				f.packet(tcpPacket(4000, 647, 13, flagACK, message(2)), 0)
				c, err := Read(f.b)
				if err != nil || len(c.Events) != 2 || c.Base != 1000 || c.Events[1].At != 500*time.Millisecond {
					t.Errorf("link %d, %v, nano %v: %v, %+v", link, order, nano, err, c)
				}
			}
		}
	}
	f := newFile(binary.LittleEndian, false, 147)
	f.packet(nil, 0)
	if _, err := Read(f.b); err == nil || !strings.HasPrefix(err.Error(), "link type 147 is not known") {
		t.Error(err)
	}
}

func TestVLANTagsAreSkipped(t *testing.T) {
	f := newFile(binary.LittleEndian, false, linkEthernet)
	f.packet(append([]byte("\x00\x07\x08\x00"), tcpPacket(4000, 647, 1, flagACK, message(1))...), 0)
	at := len(f.b) - 56 // the ether type
	f.b[at-2], f.b[at-1] = 0x81, 0x00
	if got := story(t, f.b); got != "1" {
		t.Error(got)
	}
}

func TestSegmentsInAnyOrder(t *testing.T) {
	one, two, three := message(1), message(2), message(3)
	all := one + two + three
	type seg struct {
		seq   uint32
		flags byte
		data  string
	}
	for _, c := range []struct {
		name string
		segs []seg
		want string
	}{
		{"in order", []seg{{1, flagACK, one}, {13, flagACK, two}}, "1 2"},
		{"swapped behind SYN", []seg{{0, flagSYN, ""}, {13, flagACK, two}, {1, flagACK, one}}, "[dials (SYN)] 1 2"},
		{"sent again", []seg{{1, flagACK, one}, {1, flagACK, one}, {13, flagACK, two}}, "1 2"},
		{"overlapping", []seg{{1, flagACK, all[:20]}, {13, flagACK, all[12:]}}, "1 2 3"},
		{"larger the second time", []seg{{1, flagACK, all[:5]}, {1, flagACK, all}}, "1 2 3"},
		{"sequence wraps", []seg{{0xfffffff0, flagSYN, ""}, {0xfffffff1, flagACK, one}, {0xfffffffd, flagACK, two}}, "[dials (SYN)] 1 2"},
		{"end", []seg{{1, flagACK, one}, {13, flagACK | flagFIN, ""}}, "1 [closes (FIN)]"},
		{"aborted", []seg{{1, flagACK, one}, {13, flagRST, ""}}, "1 [aborts (RST)]"},
		{"missing", []seg{{1, flagACK, one}, {25, flagACK, three}}, "1 [12 octets wait for a segment that the capture does not have]"},
		{"not whole", []seg{{1, flagACK, all[:17]}}, "1 [ends within a message, after 5 octets of it]"},
		{"connected again", []seg{{0, flagSYN, ""}, {1, flagACK, all[:13]}, {500, flagSYN, ""}, {501, flagACK, two}},
			"[dials (SYN)] 1 [ends within a message, after 1 octets of it] [dials (SYN)] 2"},
		{"TLS", []seg{{1, flagACK, one}, {13, flagACK, "\x16\x03\x01\x02\x00"}, {18, flagACK, "\x17\x03\x03"}},
			"1 [TLS handshake: encrypted from here on]"},
		{"malformed", []seg{{1, flagACK, one + "\x00\x0b" + two}, {27, flagACK, three}},
			"1 [failover message: octet 0: message too short: 11, want 12; the rest of this direction is left out]"},
	} {
		f := newFile(binary.LittleEndian, false, linkRaw)
		for _, s := range c.segs {
			f.packet(tcpPacket(4000, 647, s.seq, s.flags, s.data), 0)
		}
		if got := story(t, f.b); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestOtherPorts(t *testing.T) {
	f := newFile(binary.LittleEndian, false, linkRaw)
	f.packet(tcpPacket(4000, 80, 0, flagSYN, ""), 0)
	f.packet(tcpPacket(4000, 80, 1, flagACK, "GET / HTTP/1.1\r\n"), 0)
	f.packet(tcpPacket(4000, 80, 17, flagACK|flagFIN, message(9)), 0)
	f.packet(tcpPacket(4001, 1647, 1, flagACK, message(1)), 0)
	f.packet(tcpPacket(4001, 1647, 13, flagACK|flagFIN, message(2)), 0)
	if got := story(t, f.b); got != "1 2 [closes (FIN)]" {
		t.Error(got)
	}
}

func TestCutPackets(t *testing.T) {
	f := newFile(binary.LittleEndian, false, linkRaw)
	f.packet(tcpPacket(4000, 647, 1, flagACK, message(1)), 0)
	f.packet(tcpPacket(4000, 647, 13, flagACK, message(2)), 3)
	f.packet(tcpPacket(4000, 647, 25, flagACK, message(3)), 0)
	want := "1 [packet is not whole in the capture; capture with a larger snap length (tcpdump -s 0)]"
	if got := story(t, f.b); got != want {
		t.Error(got)
	}
	// The packets before the place where the file ends are given all the same.
	c, err := Read(f.b[:len(f.b)-1])
	if err == nil || !strings.Contains(err.Error(), "capture file ends within a packet: octet 157: packet of 52 octets, 51 are left") || len(c.Events) != 2 {
		t.Errorf("%v, %+v", err, c.Events)
	}
}

func TestPaddingAndForeignPackets(t *testing.T) {
	f := newFile(binary.LittleEndian, false, linkRaw)
	udp := tcpPacket(4000, 647, 1, flagACK, message(7))
	udp[9] = 17
	fragment := tcpPacket(4000, 647, 1, flagACK, message(7))
	fragment[6] = 0x20
	short := tcpPacket(4000, 647, 1, flagACK, "")[:30]
	badOffset := tcpPacket(4000, 647, 1, flagACK, message(7))
	badOffset[32] = 0xf0
	for _, p := range [][]byte{udp, fragment, short, badOffset, nil, {0x60}} {
		f.packet(p, 0)
	}
	f.packet(append(tcpPacket(4000, 647, 1, flagACK, message(1)), 0, 0, 0), 0)
	f.packet(tcpPacket(4000, 647, 13, flagACK, message(2)), 0)
	if got := story(t, f.b); got != "1 2" {
		t.Error(got)
	}
}

func TestWaitingIsBounded(t *testing.T) {
	f := newFile(binary.LittleEndian, false, linkRaw)
	f.packet(tcpPacket(4000, 647, 0, flagSYN, ""), 0)
	data := strings.Repeat("x", 60000)
	for i := range uint32(8) {
		f.packet(tcpPacket(4000, 647, 1000+i*60000, flagACK, data), 0)
	}
	want := "[dials (SYN)] [300000 octets wait for a segment that the capture does not have]"
	if got := story(t, f.b); got != want {
		t.Error(got)
	}
}
