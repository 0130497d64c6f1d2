package load

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

func TestBooksFindTwoClients(t *testing.T) {
	var (
		t0   = time.Unix(1_800_000_000, 0)
		a, b = MAC{2, 0, 0, 0, 0, 1}, MAC{2, 0, 0, 0, 0, 2}
		ip   = netip.MustParseAddr("10.0.0.9")
	)
	for _, c := range []struct {
		name      string
		do        func(*Books)
		conflicts int
	}{
		{"another, while it is held", func(k *Books) { k.Note(Ack{t0.Add(time.Minute), b, ip, 60}) }, 1},
		{"another, after its end", func(k *Books) { k.Note(Ack{t0.Add(101 * time.Second), b, ip, 60}) }, 0},
		{"the same client", func(k *Books) { k.Note(Ack{t0.Add(time.Minute), a, ip, 60}) }, 0},
		{"another, after a release", func(k *Books) { k.GaveUp(a, ip); k.Note(Ack{t0.Add(time.Minute), b, ip, 60}) }, 0},
		{"another, after a stranger's release", func(k *Books) { k.GaveUp(b, ip); k.Note(Ack{t0.Add(time.Minute), b, ip, 60}) }, 1},
		{"another, after a renewal", func(k *Books) {
			k.Note(Ack{t0.Add(90 * time.Second), a, ip, 100})
			k.Note(Ack{t0.Add(120 * time.Second), b, ip, 60})
		}, 1},
	} {
		var k Books
		k.Note(Ack{t0, a, ip, 100})
		c.do(&k)
		if len(k.Conflicts) != c.conflicts {
			t.Errorf("%s: conflicts %v", c.name, k.Conflicts)
		}
	}
}

func TestHeldLeavesOutWhatHasEnded(t *testing.T) {
	var k Books
	t0 := time.Unix(1_800_000_000, 0)
	for i, seconds := range []uint32{10, 100} {
		k.Note(Ack{t0, MAC{2, 0, 0, 0, 0, byte(i)}, netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), seconds})
	}
	if held := k.Held(t0.Add(50 * time.Second)); len(held) != 1 || held[0].Seconds != 100 {
		t.Errorf("%+v", held)
	}
}

func TestPercentile(t *testing.T) {
	var s Spread
	if s.Percentile(50) != 0 {
		t.Error("a percentile of nothing")
	}
	for i := 100; i > 0; i-- {
		s.Add(time.Duration(i))
	}
	if s.Percentile(50) != 51 || s.Percentile(99) != 100 || s.Percentile(0) != 1 {
		t.Error(s.Percentile(50), s.Percentile(99), s.Percentile(0))
	}
}

// The receiver's check of RFC 1071: the sum over a block with its checksum is
// all ones.
func TestFrameChecksums(t *testing.T) {
	for _, payload := range []string{"even", "odd"} {
		f := frame(MAC{2}, broadcast, netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("255.255.255.255"), []byte(payload))
		ip := f[etherLen:]
		if sum := ones(0, ip[:ipLen]); sum != 0xffff {
			t.Errorf("IP header sums to %x", sum)
		}
		udp := ip[ipLen:]
		if n := int(binary.BigEndian.Uint16(udp[4:])); n != len(udp) {
			t.Errorf("UDP length %d of %d", n, len(udp))
		}
		pseudo := uint32(ones(uint32(protoUDP+len(udp)), ip[12:20]))
		if sum := ones(pseudo, udp); sum != 0xffff {
			t.Errorf("UDP sums to %x", sum)
		}
	}
}
