package store

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// SetVersion gives a copy of a file as a program of another version would
// have begun it.
func SetVersion(data []byte, v byte) []byte {
	data = slices.Clone(data)
	data[9] = v
	binary.BigEndian.PutUint32(data[20:], crc32.Checksum(data[:20], castagnoli))
	return data
}

// Reseal gives a copy of a file with a right header and right CRCs for as long
// as it consists of frames, so that a fuzzer gets behind them.
func Reseal(data []byte, kind byte, gen uint64) []byte {
	out, chain := header{kind: kind, gen: gen}.encode()
	for rest := data[min(headerSize, len(data)):]; ; {
		fr, _ := parseFrame(rest, 0, chain)
		if fr.next == 0 {
			return append(out, rest...)
		}
		out, chain = appendFrame(out, chain, fr.typ, fr.payload)
		rest = rest[fr.next:]
	}
}
