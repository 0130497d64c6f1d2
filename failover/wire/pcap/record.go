package pcap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Link types (the registry of the tcpdump group) that packets may have.
const (
	linkNull     = 0
	linkEthernet = 1
	linkRaw      = 101
	linkSLL      = 113
	linkIPv4     = 228
	linkSLL2     = 276
)

// record is one captured packet.
type record struct {
	at   time.Duration // since 1970
	data []byte
	cut  bool // longer on the wire than in the file
}

const (
	fileHeadLen   = 24
	recordHeadLen = 16
)

// byteOrder tells the byte order of a capture file by its magic number, and the
// unit of the fraction of a second in its records.
func byteOrder(data []byte) (order binary.ByteOrder, unit time.Duration, ok bool) {
	if len(data) < 4 {
		return nil, 0, false
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch order.Uint32(data) {
		case 0xa1b2c3d4:
			return order, time.Microsecond, true
		case 0xa1b23c4d:
			return order, time.Nanosecond, true
		}
	}
	return nil, 0, false
}

// isNextGeneration tells whether data is a pcapng file.
func isNextGeneration(data []byte) bool {
	return len(data) >= 4 && binary.BigEndian.Uint32(data) == 0x0a0d0d0a
}

var errCutFile = errors.New("capture file ends within a packet")

// records gives the packets of a capture file and their link type. If the file
// is cut off, the packets before are given with an error that wraps errCutFile.
func records(data []byte) (link uint32, list []record, err error) {
	order, unit, ok := byteOrder(data)
	if !ok {
		return 0, nil, errors.New("not a pcap file")
	}
	if len(data) < fileHeadLen {
		return 0, nil, fmt.Errorf("%w: %d octets, the file header has %d", errCutFile, len(data), fileHeadLen)
	}
	link = order.Uint32(data[20:]) & 0xffff
	for at := fileHeadLen; at < len(data); {
		rest := data[at:]
		if len(rest) < recordHeadLen {
			return link, list, fmt.Errorf("%w: octet %d", errCutFile, at)
		}
		n := order.Uint32(rest[8:])
		if uint64(n) > uint64(len(rest)-recordHeadLen) {
			return link, list, fmt.Errorf("%w: octet %d: packet of %d octets, %d are left",
				errCutFile, at, n, len(rest)-recordHeadLen)
		}
		list = append(list, record{
			at: time.Duration(order.Uint32(rest))*time.Second +
				time.Duration(order.Uint32(rest[4:]))*unit,
			data: rest[recordHeadLen : recordHeadLen+n],
			cut:  order.Uint32(rest[12:]) > n,
		})
		at += recordHeadLen + int(n)
	}
	return link, list, nil
}
