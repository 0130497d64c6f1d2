package box

import "net/netip"

// ForPartner is the configuration of the other box of the pair, as far as this
// one knows it: the roles, addresses and ends of the cable swapped, everything
// about the site the same. The ports are those of this box, which is right for
// two boxes of one model; the person at the other box may choose others.
func (c *Config) ForPartner(name string) Config {
	p := *c
	p.Name = name
	p.Role = Primary
	if c.Role == Primary {
		p.Role = Secondary
	}
	p.LAN.Prefix = netip.PrefixFrom(c.Partner.LAN, c.LAN.Prefix.Bits())
	p.Partner = Partner{LAN: c.LAN.Prefix.Addr()}
	p.Direct = Port{}
	if c.Direct.Configured() && c.Partner.Direct.IsValid() {
		p.Direct = c.Direct
		p.Direct.Prefix = netip.PrefixFrom(c.Partner.Direct, c.Direct.Prefix.Bits())
		p.Partner.Direct = c.Direct.Prefix.Addr()
	}
	// What the primary alone says does not travel; a secondary does not know it.
	p.Peer.MCLT, p.Peer.Split, p.Peer.HasSplit = 0, 0, false
	p.NTP = append([]string(nil), c.NTP...)
	p.DNS = append([]netip.Addr(nil), c.DNS...)
	return p
}

// NeedsKey tells whether the box may serve only once its partner's key is
// pinned.
func (c *Config) NeedsKey() bool {
	return c.Role != Single && !c.Peer.ISC && !c.Peer.Clear
}
