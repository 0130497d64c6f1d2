package setup

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"tandem/init/box"
)

// firstBox holds the answers for a box that is set up from nothing, as they
// were typed. They are kept when the person goes back.
type firstBox struct {
	role                              box.Role
	isc                               bool
	lan, direct                       string // names of ports; direct may be empty
	name, addr, vlan, gateway, dns    string
	partner                           string
	peer, peerPort, mclt, split       string
	ntp                               string
	single                            bool // one time server alone will do
	ranges, router, clientDNS, domain string
	lease, longest                    string
	files                             []File
	made                              bool       // files were made of ranges
	leases                            *LeaseFile // of the old server, to be taken
	pasted                            string
	password, again                   string
	suggested                         map[string]string // what was proposed, by label
	imported                          string            // what was said about an import
}

// Addresses of the direct cable: nothing else is on it, so nobody has to
// choose them.
var (
	directOwn     = netip.MustParsePrefix("169.254.77.1/30")
	directPartner = netip.MustParseAddr("169.254.77.2")
)

// welcome is the first page of a box that is not set up.
func welcome() page {
	return &listPage{
		head: "Set up this box",
		intro: func(u *UI) []string {
			lines := []string{
				fmt.Sprintf("Tandem %s on %s%s. This box is not set up yet.", u.facts.Version, u.facts.Board, u.facts.serial()),
				"A few questions take about two minutes. Nothing is written before you accept the summary at the end; Esc goes back at any time.",
				"",
			}
			for i, p := range u.facts.Problems {
				if i == 3 {
					lines = append(lines, fmt.Sprintf("and %d more", len(u.facts.Problems)-i))
					break
				}
				lines = append(lines, "There is a configuration that is wrong: "+p)
			}
			return append(lines, "What is this box?")
		},
		items: func(*UI) []item {
			begin := func(role box.Role, isc bool) func(*UI) {
				return func(u *UI) {
					u.first.role, u.first.isc = role, isc
					u.askLAN()
				}
			}
			return []item{
				{text: "The first box of a new pair (primary)", pick: begin(box.Primary, false)},
				{text: "The second box of a pair (secondary): the first one shows a code", pick: func(u *UI) { u.askJoinPort(false) }},
				{text: "The replacement of a broken box: its partner shows a code", pick: func(u *UI) { u.askJoinPort(true) }},
				{text: "A single box without a partner", pick: begin(box.Single, false)},
				{text: "The partner of an ISC dhcpd with failover", pick: func(u *UI) { u.askISCRole() }},
				{text: "A box that is restored from a backup", pick: func(u *UI) { u.askRestore() }},
			}
		},
	}
}

// serial is the serial number as it stands in a sentence.
func (f Facts) serial() string {
	if f.Serial == "" {
		return ""
	}
	return ", serial number " + f.Serial
}

// fixedText is an intro that does not change.
func fixedText(lines ...string) func(*UI) []string {
	return func(*UI) []string { return lines }
}

// suggest fills a value that nobody has typed: it is empty or still what was
// proposed before.
func (f *firstBox) suggest(label string, value *string, proposal string) {
	if f.suggested == nil {
		f.suggested = map[string]string{}
	}
	old, before := f.suggested[label]
	if *value == "" && !before || before && *value == old {
		*value = proposal
		f.suggested[label] = proposal
	}
}

// propose fills what follows from the LAN address.
func (f *firstBox) propose() {
	lan, err := hostPrefix(f.addr)
	if err != nil {
		return
	}
	first := lan.Masked().Addr().Next()
	if first == lan.Addr() {
		first = last(lan).Prev()
	}
	f.suggest("gateway", &f.gateway, first.String())
	f.suggest("dns", &f.dns, first.String())
	partner := lan.Addr().Next()
	if partner == last(lan) || partner == first {
		partner = lan.Addr().Prev()
	}
	f.suggest("partner", &f.partner, partner.String())
}

func (u *UI) askAddresses() {
	f := &u.first
	names := map[box.Role]string{box.Primary: "dhcp-a", box.Secondary: "dhcp-b", box.Single: "dhcp"}
	f.suggest("name", &f.name, names[f.role])
	fields := []*field{
		{label: "Name of this box", value: &f.name, check: hostName, hint: "A host name: letters, digits and hyphens, at most 63."},
		{label: "LAN address", value: &f.addr, hint: "This box's own address on the LAN, with the length of the network: 10.0.0.2/24 has the mask 255.255.255.0.",
			check: func(s string) error {
				p, err := hostPrefix(s)
				if err == nil && p.Overlaps(directOwn) && f.direct != "" {
					err = fmt.Errorf("%s is used on the direct cable: choose another network for the LAN", directOwn.Masked())
				}
				if err == nil {
					f.propose()
				}
				return err
			}},
		{label: "VLAN", value: &f.vlan, optional: true, check: numeral("VLAN", 1, 4094), hint: "The 802.1Q tag of the LAN on this port, 1 to 4094. Empty: untagged."},
	}
	if f.role != box.Single {
		fields = append(fields, &field{label: "Partner's LAN address", value: &f.partner, check: f.inLAN("the partner", true),
			hint: "The address that the other box has, or will get, on the same LAN."})
	}
	fields = append(fields,
		&field{label: "Gateway", value: &f.gateway, optional: true, check: f.inLAN("the gateway", false), hint: "The router of this LAN. Empty: none."},
		&field{label: "Name servers (DNS)", value: &f.dns, optional: true, check: valid(addresses), hint: "Addresses with spaces between. Needed only if time servers are given by name."})
	u.open(&formPage{
		head: "Set up: name and addresses", fields: fields,
		intro: []string{fmt.Sprintf("LAN: %s.  %s", f.lan, f.cable())},
		done: func(u *UI) {
			if f.isc {
				u.askISC()
				return
			}
			u.askTime()
		},
	})
}

func (f *firstBox) cable() string {
	if f.direct == "" {
		return "No direct cable."
	}
	return fmt.Sprintf("Direct cable: %s, %s here, %s there.", f.direct, directOwn.Addr(), directPartner)
}

// inLAN checks an address that stands in a relation to the LAN address. far
// allows one behind the gateway.
func (f *firstBox) inLAN(who string, far bool) func(string) error {
	return func(s string) error {
		a, err := address(s)
		if err != nil {
			return err
		}
		lan, err := hostPrefix(f.addr)
		switch {
		case err != nil:
			return nil // said where it is typed
		case a == lan.Addr():
			return fmt.Errorf("%s is this box's own address: give the one of %s", a, who)
		case lan.Contains(a) && (a == lan.Masked().Addr() || a == last(lan)):
			return fmt.Errorf("%s is the network's or the broadcast address: no host has it", a)
		case !lan.Contains(a) && !(far && f.isc):
			return fmt.Errorf("%s is not in the LAN's network %s: check both addresses and the length", a, lan.Masked())
		case who == "the gateway" && s == f.partner && f.role != box.Single:
			return fmt.Errorf("%s is the partner's address already: give the router's, or none", a)
		}
		return nil
	}
}

// config is the box.conf that the answers make.
func (f *firstBox) config() box.Config {
	c := box.Config{Name: f.name, Role: f.role, SingleNTP: f.single}
	lan, _ := hostPrefix(f.addr)
	vlan, _ := strconv.Atoi(f.vlan)
	c.LAN = box.Port{Name: f.lan, Prefix: lan, VLAN: vlan}
	if f.gateway != "" {
		c.Gateway, _ = address(f.gateway)
	}
	c.NTP, _ = timeServers(f.ntp)
	c.DNS, _ = addresses(f.dns)
	if f.role == box.Single {
		return c
	}
	c.Partner.LAN, _ = address(f.partner)
	if f.direct != "" {
		c.Direct = box.Port{Name: f.direct, Prefix: directOwn}
		c.Partner.Direct = directPartner
	}
	c.Peer.Name = f.peer
	if f.isc {
		c.Peer.ISC = true
		c.Peer.Port, _ = strconv.Atoi(f.peerPort)
		if f.role == box.Primary {
			mclt, _ := strconv.Atoi(f.mclt)
			c.Peer.MCLT = time.Duration(mclt) * time.Second
			c.Peer.Split, _ = strconv.Atoi(f.split)
			c.Peer.HasSplit = true
		}
	}
	return c
}

// good checks a configuration as the box will read it.
func good(c box.Config) error {
	_, err := goodAt(c)
	return err
}

// goodAt is good; word is the keyword of the line that is wrong.
func goodAt(c box.Config) (word string, err error) {
	text := c.String()
	_, problems := box.Parse("box.conf", text)
	if len(problems) == 0 {
		return "", nil
	}
	p := problems[0]
	if p.Line > 0 {
		word, _, _ = strings.Cut(strings.Split(text, "\n")[p.Line-1], " ")
	}
	return word, fmt.Errorf("%s (%s)", p.What, p.Remedy)
}
