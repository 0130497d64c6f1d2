package frame

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"tandem/failover/lease"
)

// golden is sample with its headers, made by a few lines of Python's struct
// and a plain ones' complement sum.
const golden = "4510002400000000801130b90a000001ffffffff00440043001085990101060012345678"

func sample() Datagram {
	return Datagram{Src: lease.MustIP("10.0.0.1"), Dst: lease.MustIP("255.255.255.255"), SrcPort: 68, DstPort: 67,
		Payload: []byte{1, 1, 6, 0, 0x12, 0x34, 0x56, 0x78}}
}

func TestAppendParse(t *testing.T) {
	for n := range 64 {
		d := sample()
		d.Payload = bytes.Repeat([]byte{0xa5, 0xff, 0x00}, n)[:n]
		raw := Append([]byte("head"), d)[4:]
		got, fault := Parse(append(raw, "link padding"...), 67, false)
		if fault != 0 {
			t.Fatalf("%d octets: %v", n, fault)
		}
		if got.Src != d.Src || got.Dst != d.Dst || got.SrcPort != 68 || got.DstPort != 67 || !bytes.Equal(got.Payload, d.Payload) {
			t.Fatalf("%d octets: %+v came back as %+v", n, d, got)
		}
	}
}

func TestAppendRefusesTooLong(t *testing.T) {
	d := sample()
	d.Payload = make([]byte, MaxPayload+1)
	if got := Append(nil, d); len(got) != 0 {
		t.Fatalf("made a datagram of %d octets", len(got))
	}
}

// reference is a second, naive implementation of RFC 1071.
func reference(parts ...[]byte) uint16 {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	if len(all)%2 == 1 {
		all = append(all, 0)
	}
	total := 0
	for i := 0; i < len(all); i += 2 {
		total += int(binary.BigEndian.Uint16(all[i:]))
		if total > 0xffff {
			total -= 0xffff
		}
	}
	return ^uint16(total)
}

func TestChecksumsAgainstReference(t *testing.T) {
	raw := Append(nil, sample())
	if got := reference(raw[:ipv4Len]); got != 0 {
		t.Errorf("header sums up to %04x, want 0", got)
	}
	ph := []byte{0, protocolUDP, raw[ipv4Len+4], raw[ipv4Len+5]}
	if got := reference(raw[12:20], ph, raw[ipv4Len:]); got != 0 {
		t.Errorf("UDP sums up to %04x, want 0", got)
	}
}

func TestAppendGolden(t *testing.T) {
	want, err := hex.DecodeString(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got := Append(nil, sample()); !bytes.Equal(got, want) {
		t.Fatalf("got  %x\nwant %x", got, want)
	}
}

// fixHeader recomputes the IPv4 header checksum after a change.
func fixHeader(b []byte) []byte {
	b[10], b[11] = 0, 0
	binary.BigEndian.PutUint16(b[10:], reference(b[:int(b[0]&15)*4]))
	return b
}

func TestFaults(t *testing.T) {
	edit := func(fn func(b []byte) []byte) []byte { return fn(Append(nil, sample())) }
	tests := []struct {
		name string
		raw  []byte
		want Fault
	}{
		{"empty", nil, Short},
		{"nineteen octets", make([]byte, 19), Short},
		{"cut", edit(func(b []byte) []byte { return b[:len(b)-1] }), Short},
		{"total length under header", edit(func(b []byte) []byte { b[2], b[3] = 0, 19; return b }), Short},
		{"IPv6", edit(func(b []byte) []byte { b[0] = 0x65; return b }), NotIPv4},
		{"header of 16", edit(func(b []byte) []byte { b[0] = 0x44; return b }), NotIPv4},
		{"header checksum", edit(func(b []byte) []byte { b[8]--; return b }), BadHeader},
		{"more fragments", edit(func(b []byte) []byte { b[6] |= 0x20; return fixHeader(b) }), Fragment},
		{"last fragment", edit(func(b []byte) []byte { b[7] = 9; return fixHeader(b) }), Fragment},
		{"TCP", edit(func(b []byte) []byte { b[9] = 6; return fixHeader(b) }), NotUDP},
		{"no UDP header", edit(func(b []byte) []byte { b[3] = 27; return fixHeader(b)[:27] }), Short},
		{"port 68", edit(func(b []byte) []byte { b[23] = 68; return b }), WrongPort},
		{"UDP length 7", edit(func(b []byte) []byte { b[25] = 7; return b }), BadLength},
		{"UDP length too large", edit(func(b []byte) []byte { b[24] = 1; return b }), BadLength},
		{"payload", edit(func(b []byte) []byte { b[30]++; return b }), BadChecksum},
	}
	for _, tt := range tests {
		if _, got := Parse(tt.raw, 67, false); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestTrustedAndAbsentChecksum(t *testing.T) {
	raw := Append(nil, sample())
	raw[27]++
	if _, fault := Parse(raw, 67, true); fault != 0 {
		t.Errorf("partial checksum of a local sender: %v", fault)
	}
	raw[26], raw[27] = 0, 0
	if _, fault := Parse(raw, 67, false); fault != 0 {
		t.Errorf("no checksum: %v", fault)
	}
}

func TestParseAllocatesNothing(t *testing.T) {
	raw := Append(nil, sample())
	if n := testing.AllocsPerRun(100, func() { Parse(raw, 67, false) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzParse: no panic, and what is accepted can be sent again and read back.
func FuzzParse(f *testing.F) {
	f.Add(Append(nil, sample()))
	f.Add(fixHeader(append([]byte{0x46, 0, 0, 36, 0, 0, 0, 0, 64, 17, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 1, 1, 1, 0}, 0, 68, 0, 67, 0, 12, 0, 0, 1, 2, 3, 4)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, fault := Parse(raw, 0, false)
		if fault != 0 {
			return
		}
		again, fault := Parse(Append(nil, d), d.DstPort, false)
		if fault != 0 || again.Src != d.Src || again.Dst != d.Dst || again.SrcPort != d.SrcPort || !bytes.Equal(again.Payload, d.Payload) {
			t.Fatalf("%+v came back as %+v, %v", d, again, fault)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	d := sample()
	d.Payload = make([]byte, 300)
	raw := Append(nil, d)
	b.ReportAllocs()
	for b.Loop() {
		if _, fault := Parse(raw, 67, false); fault != 0 {
			b.Fatal(fault)
		}
	}
}
