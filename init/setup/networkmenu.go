package setup

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"tandem/init/box"
)

// askNetwork changes what is this box's own: box.conf as a form.
func (u *UI) askNetwork() {
	old := u.facts.Box
	c := old
	var gateway string
	if c.Gateway.IsValid() {
		gateway = c.Gateway.String()
	}
	lan, vlan, dns, ntp, cable := c.LAN.Name, "", join(c.DNS), strings.Join(c.NTP, " "), c.Direct.Name
	addr := c.LAN.Prefix.String()
	if c.LAN.VLAN != 0 {
		vlan = strconv.Itoa(c.LAN.VLAN)
	}
	fields := []*field{
		{label: "Name of this box", value: &c.Name, check: hostName, hint: "A host name."},
		{label: "LAN port", value: &lan, check: u.knownPort, hint: "One of: " + u.portNames()},
		{label: "LAN address", value: &addr, check: valid(hostPrefix), hint: "Address and length of the network: 10.0.0.2/24. The partner and the relays must know the new one, too."},
		{label: "VLAN", value: &vlan, optional: true, check: numeral("VLAN", 1, 4094), hint: "The 802.1Q tag, 1 to 4094. Empty: untagged."},
		{label: "Gateway", value: &gateway, optional: true, check: valid(address), hint: "The router of this LAN. Empty: none."},
		{label: "Name servers (DNS)", value: &dns, optional: true, check: valid(addresses), hint: "Addresses with spaces between."},
		{label: "NTP servers", value: &ntp, check: valid(timeServers), hint: "At least three addresses or names with spaces between."},
	}
	// The keyword of each field's line in box.conf.
	places := []string{"name", "", "lan", "", "gateway", "dns", "ntp", "direct"}
	if c.Direct.Configured() {
		fields = append(fields, &field{label: "Port of direct cable", value: &cable, check: u.knownPort, hint: "One of: " + u.portNames()})
	}
	take := func() {
		c.LAN.Name, c.Direct.Name = lan, cable
		c.LAN.Prefix, _ = hostPrefix(addr)
		c.LAN.VLAN, _ = strconv.Atoi(vlan)
		c.Gateway = netip.Addr{}
		if gateway != "" {
			c.Gateway, _ = address(gateway)
		}
		c.DNS, _ = addresses(dns)
		c.NTP, _ = timeServers(ntp)
	}
	u.open(&formPage{
		head: "Network of this box", fields: fields,
		intro: []string{"Nothing changes before you accept it. Only this box is changed."},
		check: func() (int, error) {
			take()
			word, err := goodAt(c)
			return max(0, slices.Index(places, word)), err
		},
		done: func(u *UI) { u.reviewNetwork(old, c) },
	})
}

func join(all []netip.Addr) string {
	var parts []string
	for _, a := range all {
		parts = append(parts, a.String())
	}
	return strings.Join(parts, " ")
}

func (u *UI) portNames() string {
	var names []string
	for _, p := range u.ports {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

func (u *UI) knownPort(s string) error {
	if !u.hasPort(s) {
		return fmt.Errorf("this box has no port %q: it has %s", s, u.portNames())
	}
	return nil
}

// reviewNetwork shows what would change before it does.
func (u *UI) reviewNetwork(old, c box.Config) {
	lines := changed(old.String(), c.String())
	if len(lines) == 0 {
		u.say("Nothing was changed.")
		return
	}
	u.open(&listPage{
		head:  "Network of this box: summary",
		intro: fixedText(append(lines, "", "The box may restart; its partner serves meanwhile.", "")...),
		items: func(*UI) []item {
			return []item{
				{text: "Ask the time servers first", pick: func(u *UI) { u.testTime(c, func(u *UI) { u.back() }) }},
				{text: "Write it and use it", pick: func(u *UI) {
					u.home()
					u.do("Changing the network", SetBox{c}, u.showAnswer("Network"))
				}},
				{text: "Go back and change something", pick: func(u *UI) { u.back() }},
			}
		},
	})
}

// changed lists the lines that differ, old with -, new with +.
func changed(old, now string) []string {
	var lines []string
	was, is := strings.Split(strings.TrimSpace(old), "\n"), strings.Split(strings.TrimSpace(now), "\n")
	list := func(mark string, of, not []string) {
		for _, l := range of {
			found := false
			for _, o := range not {
				found = found || o == l
			}
			if !found {
				lines = append(lines, "  "+mark+" "+l)
			}
		}
	}
	list("-", was, is)
	list("+", is, was)
	return lines
}
