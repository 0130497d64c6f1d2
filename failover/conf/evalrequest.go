package conf

import (
	"bytes"
	"strings"
)

// The places of sname and file in a packet (RFC 2131 section 2).
const (
	snameOffset, snameLength = 44, 64
	fileOffset, fileLength   = 108, 128
)

// evalRequest evaluates what asks about the request.
func (m *machine) evalRequest(e *expr) value {
	switch e.op {
	case opNull:
		return value{}
	case opOption:
		d, ok := m.option(e.option)
		return defined(d, ok)
	case opConfigOption:
		return defined(m.pending(e.option.key()))
	}
	if m.env == nil {
		return value{}
	}
	switch e.op {
	case opHardware:
		return data(m.env.Hardware())
	case opLeasedAddress:
		if ip, ok := m.env.LeasedAddress(); ok {
			b := ip.As4()
			return data(b[:])
		}
	case opFilename:
		return m.packetText(fileOffset, fileLength)
	case opServerName:
		return m.packetText(snameOffset, snameLength)
	case opHostName:
		if name := m.env.HostName(); name != "" {
			return data([]byte(name))
		}
	case opPacket:
		offset, ok := m.number(e.args[0])
		length, ok2 := m.number(e.args[1])
		if ok && ok2 && offset <= maxData {
			d := m.env.Packet(int(offset), int(min(length, maxData)))
			return defined(d, len(d) > 0)
		}
	}
	return value{}
}

// defined makes a value of data that may be missing.
func defined(d []byte, ok bool) value {
	if !ok {
		return value{}
	}
	return data(d)
}

// packetText is a field of the packet up to the first NUL.
func (m *machine) packetText(offset, length int) value {
	d := m.env.Packet(offset, length)
	if i := bytes.IndexByte(d, 0); i >= 0 {
		d = d[:i]
	}
	return defined(d, len(d) > 0)
}

// option is an option of the request. Options of a space that another option
// encapsulates are looked for in that one.
func (m *machine) option(def *optionDef) ([]byte, bool) {
	if m.env == nil {
		return nil, false
	}
	if d, ok := m.env.Option(def.key()); ok {
		return d, true
	}
	outer := def.space.outer
	if outer == nil && m.vendor == def.space {
		outer = m.cfg.vendorOption()
	}
	if outer == nil || outer.space == def.space {
		return nil, false
	}
	d, ok := m.env.Option(outer.key())
	if !ok {
		return nil, false
	}
	return def.space.lookFor(d, def.code)
}

// vendorSpace is the space that vendor-option-space names, nil if none.
func (m *machine) vendorSpace() *space {
	v, ok := m.pending(VendorOptionSpace.key())
	if !ok {
		return nil
	}
	return m.cfg.options.space(strings.TrimRight(string(v), "\x00"))
}
