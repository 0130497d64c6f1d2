package box

import (
	"strconv"
	"strings"
	"time"
)

// String writes the configuration as Parse reads it.
func (c *Config) String() string {
	var b strings.Builder
	line := func(word string, values ...string) {
		b.WriteString(word + strings.Repeat(" ", 12-len(word)) + strings.Join(values, " ") + "\n")
	}
	line("name", c.Name)
	line("role", string(c.Role))
	line("lan", c.LAN.fields()...)
	if c.Direct.Configured() {
		line("direct", c.Direct.fields()...)
	}
	if c.Gateway.IsValid() {
		line("gateway", c.Gateway.String())
	}
	line("ntp", c.NTP...)
	if c.SingleNTP {
		line("ntp-single", "yes")
	}
	if c.ClockBound != 0 {
		line("clock-bound", strconv.FormatFloat(c.ClockBound.Seconds(), 'f', -1, 64))
	}
	if len(c.DNS) > 0 {
		var all []string
		for _, a := range c.DNS {
			all = append(all, a.String())
		}
		line("dns", all...)
	}
	if c.Partner.LAN.IsValid() {
		fields := []string{c.Partner.LAN.String()}
		if c.Partner.Direct.IsValid() {
			fields = append(fields, "direct", c.Partner.Direct.String())
		}
		line("partner", fields...)
	}
	if c.Peer != (Peer{}) {
		line("peer", c.Peer.fields()...)
	}
	if c.Syslog != "" {
		line("syslog", c.Syslog)
	}
	return b.String()
}

func (p Port) fields() []string {
	f := []string{p.Name, p.Prefix.String()}
	if p.VLAN != 0 {
		f = append(f, "vlan", itoa(p.VLAN))
	}
	if p.MTU != 0 {
		f = append(f, "mtu", itoa(p.MTU))
	}
	return f
}

func (p Peer) fields() []string {
	f := []string{p.name()}
	if p.Port != 0 {
		f = append(f, "port", itoa(p.Port))
	}
	if p.MCLT != 0 {
		f = append(f, "mclt", itoa(int(p.MCLT/time.Second)))
	}
	if p.HasSplit {
		f = append(f, "split", itoa(p.Split))
	}
	if p.ISC {
		f = append(f, "kind", "isc")
	}
	if p.Clear {
		f = append(f, "clear")
	}
	return f
}
