package dhcp

import (
	"errors"
	"fmt"
	"io"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// Places in a BOOTP message (RFC 951, RFC 2131 figure 1).
const (
	atFile     = 108
	atSname    = 44
	atOptions  = 236
	headerSize = 240 // with the magic cookie
	maxOctets  = 1500
)

var cookie = [4]byte{99, 130, 83, 99}

// Decode reads a datagram with the codec, and forgives what dhcpd forgives:
// a missing end option, options that overflow into file and sname
// (RFC 2131 section 4.1), and a BOOTP client without the magic cookie of
// RFC 1048, whose message has nil Options. The error names what is wrong.
func Decode(raw []byte) (*dhcpv4.DHCPv4, error) {
	m, err := dhcpv4.FromBytes(raw)
	switch {
	case err == nil:
	case len(raw) < atOptions:
		return nil, fmt.Errorf("datagram of %d octets is too short for BOOTP: %w", len(raw), err)
	case len(raw) < headerSize || [4]byte(raw[atOptions:headerSize]) != cookie:
		return decodePlain(raw)
	case errors.Is(err, io.ErrUnexpectedEOF):
		whole := append(append(make([]byte, 0, len(raw)+1), raw...), byte(optEnd))
		if m, err = dhcpv4.FromBytes(whole); err != nil {
			return nil, err
		}
	default:
		return nil, err
	}
	if v := m.Options[optOverload]; len(v) == 1 {
		return m, overflow(m, raw, v[0])
	}
	return m, nil
}

// decodePlain reads a BOOTP message without options.
func decodePlain(raw []byte) (*dhcpv4.DHCPv4, error) {
	whole := append(make([]byte, 0, headerSize+1), raw[:atOptions]...)
	whole = append(whole, cookie[:]...)
	m, err := dhcpv4.FromBytes(append(whole, byte(optEnd)))
	if err != nil {
		return nil, err
	}
	m.Options = nil
	return m, nil
}

// overflow reads the options in file (bit 0) and sname (bit 1).
func overflow(m *dhcpv4.DHCPv4, raw []byte, where byte) error {
	if where&1 != 0 {
		if err := m.Options.FromBytes(raw[atFile:atOptions]); err != nil {
			return fmt.Errorf("options in file: %w", err)
		}
		m.BootFileName = ""
	}
	if where&2 != 0 {
		if err := m.Options.FromBytes(raw[atSname:atFile]); err != nil {
			return fmt.Errorf("options in sname: %w", err)
		}
		m.ServerHostName = ""
	}
	return nil
}
