package gpt

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// GUID is a partition table's identifier as it lies on disk: the first three
// groups little-endian, the rest in the order in which it is written down.
type GUID [16]byte

// Types of partition that an image has.
var (
	BIOSBoot  = must("21686148-6449-6E6F-744E-656564454649") // GRUB's second stage on a BIOS machine
	EFISystem = must("C12A7328-F81F-11D2-BA4B-00A0C93EC93B") // FAT that UEFI and the Pi's firmware read
	LinuxData = must("0FC63DAF-8483-4772-8E79-3D69D8477DE4")
)

// Derive makes an identifier out of a text: the same text gives the same
// identifier (RFC 9562 version 8), so that an image is the same bytes each time.
func Derive(text string) GUID {
	sum := sha256.Sum256([]byte(text))
	var g GUID
	copy(g[:], sum[:])
	g[7] = g[7]&0x0f | 0x80 // version, in the third group's high byte
	g[8] = g[8]&0x3f | 0x80 // variant
	return g
}

// ParseGUID reads "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", in either case.
func ParseGUID(s string) (GUID, error) {
	var g GUID
	raw, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil || len(raw) != len(g) || len(s) != 36 {
		return g, fmt.Errorf("%q is no GUID (want 8-4-4-4-12 hex digits)", s)
	}
	binary.LittleEndian.PutUint32(g[0:], binary.BigEndian.Uint32(raw[0:]))
	binary.LittleEndian.PutUint16(g[4:], binary.BigEndian.Uint16(raw[4:]))
	binary.LittleEndian.PutUint16(g[6:], binary.BigEndian.Uint16(raw[6:]))
	copy(g[8:], raw[8:])
	return g, nil
}

// String writes the identifier as ParseGUID reads it, in capitals.
func (g GUID) String() string {
	return fmt.Sprintf("%08X-%04X-%04X-%X-%X", binary.LittleEndian.Uint32(g[0:]),
		binary.LittleEndian.Uint16(g[4:]), binary.LittleEndian.Uint16(g[6:]), g[8:10], g[10:])
}

func must(s string) GUID {
	g, err := ParseGUID(s)
	if err != nil {
		panic(err)
	}
	return g
}
