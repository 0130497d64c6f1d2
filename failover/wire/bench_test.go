package wire

import "testing"

// plainUpdate is a BNDUPD as dhcpd sends it for a new lease.
func plainUpdate(b *testing.B) []byte {
	b.Helper()
	return frameOf(b, KindBndupd, "0002 0004 0a4d0064 0003 0001 02 0005 0007 01020000000001"+
		"000d 0004 6b00d4a0 0012 0004 6b00d4d2 0019 0004 6b00d48c 0006 0004 6b00d48c")
}

func BenchmarkDecodeUpdate(b *testing.B) {
	frame := plainUpdate(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(frame); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeUpdate(b *testing.B) {
	m, err := Decode(plainUpdate(b))
	if err != nil {
		b.Fatal(err)
	}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		if dst, err = Append(dst[:0], m, ISC); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeUpdateWithExtra(b *testing.B) {
	frame := sampleUpdate(b)
	b.ReportAllocs()
	for b.Loop() {
		m, err := Decode(frame)
		if err != nil {
			b.Fatal(err)
		}
		if _, ok, err := m.(*Bndupd).Extra(); !ok || err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeAck(b *testing.B) {
	m, err := Decode(frameOf(b, KindBndack, "0002 0004 0a4d0064"))
	if err != nil {
		b.Fatal(err)
	}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		if dst, err = Append(dst[:0], m, ISC); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHash(b *testing.B) {
	key := []byte{2, 0, 0, 0, 0, 1}
	var sum int
	for b.Loop() {
		sum += int(Hash(key))
	}
	if sum == 0 {
		b.Fatal("no hash")
	}
}
