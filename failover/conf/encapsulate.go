package conf

import (
	"encoding/binary"
	"strings"
)

// maxEncapsulation is how deep spaces may lie in each other.
const maxEncapsulation = 4

// encapsulate gives each option that holds an option space, and has no value
// of its own, the options of that space. As in dhcpd, a space in which nothing
// is set itself is left out, whatever its options hold.
func (s *settings) encapsulate() {
	vendor := s.vendorSpace()
	if len(s.spaces) == 2 && vendor == nil {
		return
	}
	s.site()
	for _, def := range s.cfg.index.holders {
		s.fold(def, s.cfg.options.space(def.typ.fields[0].space))
	}
	if vendor != nil && vendor != s.cfg.index.dhcp {
		s.fold(s.cfg.vendorOption(), vendor)
	}
}

// vendorOptionCode is vendor-encapsulated-options (RFC 2132 section 8.4).
const vendorOptionCode = 43

// vendorOption is the option that holds the vendor's space.
func (c *Config) vendorOption() *optionDef {
	if d := c.index.dhcp.byCode[vendorOptionCode]; d != nil {
		return d
	}
	return &optionDef{space: c.index.dhcp, code: vendorOptionCode, name: "vendor-encapsulated-options"}
}

// vendorSpace is the space that vendor-option-space names, nil if none.
func (s *settings) vendorSpace() *space {
	v, ok := s.spaces[serverSpace].get(uint32(VendorOptionSpace))
	if !ok {
		return nil
	}
	return s.cfg.options.space(strings.TrimRight(string(v), "\x00"))
}

// firstSiteCode is the first code that site-option-space takes over (dhcpd.conf(5)).
const firstSiteCode = 128

// site puts the options of the site's space in the place of DHCP options.
func (s *settings) site() {
	v, ok := s.spaces[serverSpace].get(uint32(SiteOptionSpace))
	if !ok {
		return
	}
	site := s.cfg.options.space(strings.TrimRight(string(v), "\x00"))
	if site == nil || site == s.cfg.index.dhcp {
		return
	}
	for _, n := range s.in(site).list {
		if n.code >= firstSiteCode && n.code < 255 && n.state == settled {
			s.spaces[dhcpSpace].put(n)
		}
	}
}

// fold makes the value of a DHCP option of the options of a space.
func (s *settings) fold(def *optionDef, inner *space) {
	l := &s.spaces[dhcpSpace]
	if _, found := l.find(def.code); found || inner == nil || inner == def.space {
		return
	}
	if d := s.encode(inner, maxEncapsulation); len(d) > 0 {
		s.in(def.space).put(setting{code: def.code, def: def, value: d})
	}
}

// encode gives the options of a space as they lie in another option: those
// that are set, and behind them those that hold spaces themselves.
func (s *settings) encode(sp *space, depth int) []byte {
	l := s.named(sp.name)
	if depth == 0 || l == nil || len(l.list) == 0 {
		return nil
	}
	if sp.name == "fqdn" {
		return l.fqdn()
	}
	var out []byte
	for _, n := range l.list {
		if n.state == settled {
			out = appendOption(out, sp, n.code, n.value)
		}
	}
	for _, def := range sp.holders {
		if _, found := l.find(def.code); found {
			continue
		}
		if d := s.encode(s.cfg.options.space(def.typ.fields[0].space), depth-1); len(d) > 0 {
			out = appendOption(out, sp, def.code, d)
		}
	}
	return out
}

// appendOption encodes one option with the widths of its space. One that does
// not fit is left out.
func appendOption(out []byte, sp *space, code uint32, v []byte) []byte {
	if uint64(code) >= 1<<(8*sp.codeWidth) || len(v) >= 1<<(8*sp.lengthWidth) {
		return out
	}
	out = appendUint(out, sp.codeWidth, code)
	return append(appendUint(out, sp.lengthWidth, uint32(len(v))), v...)
}

// appendUint appends a number of width octets.
func appendUint(out []byte, width int, v uint32) []byte {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], v)
	return append(out, b[4-width:]...)
}

// lookFor finds an option of a space in encoded data.
func (sp *space) lookFor(d []byte, code uint32) ([]byte, bool) {
	for len(d) >= sp.codeWidth+sp.lengthWidth {
		c, n := readUint(d[:sp.codeWidth]), 0
		if d = d[sp.codeWidth:]; sp.codeWidth == 1 && c == 0 {
			continue // padding
		}
		n, d = int(readUint(d[:sp.lengthWidth])), d[sp.lengthWidth:]
		if n > len(d) {
			return nil, false
		}
		if c == code {
			return d[:n], true
		}
		d = d[n:]
	}
	return nil, false
}

// readUint reads a number of one to four octets.
func readUint(b []byte) (v uint32) {
	for _, c := range b {
		v = v<<8 | uint32(c)
	}
	return v
}

// The parts of option 81 as options of the space fqdn.
const (
	fqdnNoUpdate = 1
	fqdnServer   = 2
	fqdnEncoded  = 3
	fqdnRCode1   = 4
	fqdnRCode2   = 5
	fqdnHost     = 6
	fqdnDomain   = 7
	fqdnName     = 8
)

// fqdn makes option 81 of its parts (RFC 4702 section 2): flags, two result
// codes and the name.
func (l *spaceSettings) fqdn() []byte {
	set := func(code uint32) bool { v, _ := l.get(code); return len(v) > 0 && v[0] != 0 }
	octet := func(code uint32) byte {
		if v, _ := l.get(code); len(v) > 0 {
			return v[0]
		}
		return 0
	}
	name, ok := l.get(fqdnName)
	if !ok {
		name, ok = l.get(fqdnHost)
		if domain, more := l.get(fqdnDomain); ok && more {
			name = append(append(append([]byte(nil), name...), '.'), domain...)
		}
	}
	if !ok {
		return nil
	}
	var flags byte
	if set(fqdnServer) {
		flags |= 1
	}
	if set(fqdnNoUpdate) {
		flags |= 8
	}
	if set(fqdnEncoded) {
		flags |= 4
		wire, err := encodeDomain(string(name))
		if err != nil {
			return nil
		}
		name = wire
	}
	return append([]byte{flags, octet(fqdnRCode1), octet(fqdnRCode2)}, name...)
}
