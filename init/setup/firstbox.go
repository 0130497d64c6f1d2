package setup

import (
	"context"
	"errors"
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
	made                              bool // files were made of ranges
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
				fmt.Sprintf("Tandem %s on %s. This box is not set up yet.", u.facts.Version, u.facts.Board),
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

func (u *UI) askISCRole() {
	begin := func(role box.Role) func(*UI) {
		return func(u *UI) {
			u.first.role, u.first.isc = role, true
			u.askLAN()
		}
	}
	u.open(&listPage{
		head: "Set up: partner of an ISC dhcpd",
		intro: fixedText("The dhcpd's failover peer block says \"primary\" or \"secondary\". This box is the other one.", "",
			"Which one is this box?"),
		items: func(*UI) []item {
			return []item{
				{text: "The primary; dhcpd says secondary", pick: begin(box.Primary)},
				{text: "The secondary; dhcpd says primary", pick: begin(box.Secondary)},
			}
		},
	})
}

// fixedText is an intro that does not change.
func fixedText(lines ...string) func(*UI) []string {
	return func(*UI) []string { return lines }
}

// describe is one port in one line.
func (p Port) describe() string {
	state := "no carrier"
	if p.Carrier {
		state = "carrier"
		if p.Speed > 0 {
			state += fmt.Sprintf(", %d Mbit/s", p.Speed)
		}
	}
	return fmt.Sprintf("%-6s %-17s  %-22s %s", p.Name, p.MAC, state, p.Driver)
}

// portItems offers the ports; taken is the port that another answer uses.
func portItems(u *UI, taken, takenBy string, pick func(u *UI, name string)) []item {
	var items []item
	for _, p := range u.ports {
		it := item{text: p.describe(), pick: func(u *UI) { pick(u, p.Name) }}
		if p.Name == taken {
			it.off = takenBy
		}
		items = append(items, it)
	}
	return items
}

// portAt is the place of the port to propose: the one chosen before, else the
// first with a carrier that is free.
func portAt(u *UI, chosen, taken string) int {
	best := -1
	for i, p := range u.ports {
		if p.Name == chosen {
			return i
		}
		if p.Name != taken && (best < 0 || p.Carrier && !u.ports[best].Carrier) {
			best = i
		}
	}
	return max(best, 0)
}

const portText = "Plug a cable in or out and watch the carrier change to find a port."

func (u *UI) askLAN() {
	f := &u.first
	u.open(&listPage{
		head:  "Set up: which port is the LAN?",
		intro: fixedText("The LAN is where the clients or their relays are.", portText, ""),
		at:    portAt(u, f.lan, ""),
		items: func(u *UI) []item {
			items := portItems(u, "", "", func(u *UI, name string) {
				f.lan = name
				if f.direct == name {
					f.direct = ""
				}
				if f.role == box.Single || f.isc {
					f.direct = ""
					u.askAddresses()
					return
				}
				u.askDirect()
			})
			if len(items) == 0 {
				items = append(items, item{text: "No network port was found. Look again", pick: func(*UI) {}})
			}
			return items
		},
	})
}

func (u *UI) askDirect() {
	f := &u.first
	none := item{key: 'n', text: "None: the boxes speak over the LAN alone"}
	none.pick = func(u *UI) {
		f.direct = ""
		u.askAddresses()
	}
	u.open(&listPage{
		head: "Set up: which port is the direct cable?",
		intro: fixedText("A cable from this box straight to its partner lets each know that the other is alive when the LAN fails. Recommended.",
			portText, ""),
		at: portAt(u, f.direct, f.lan),
		items: func(u *UI) []item {
			return append(portItems(u, f.lan, "the LAN port", func(u *UI, name string) {
				f.direct = name
				u.askAddresses()
			}), none)
		},
	})
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

func (u *UI) askISC() {
	f := &u.first
	f.suggest("peer", &f.peer, "dhcp-failover")
	f.suggest("port", &f.peerPort, strconv.Itoa(box.DefaultPeerPort))
	fields := []*field{
		{label: "Name of the peer", value: &f.peer, hint: "As in the dhcpd's line: failover peer \"NAME\" {", check: func(s string) error {
			if strings.ContainsFunc(s, oddInPeer) {
				return errors.New("the name holds a space, quote, backslash or #: give it without quotes; rename it in the dhcpd's file if need be")
			}
			return nil
		}},
		{label: "TCP port", value: &f.peerPort, check: numeral("port", 1, 65535), hint: "The same on both sides: \"port\" and \"peer port\" of the dhcpd. Usually 647."},
	}
	if f.role == box.Primary {
		f.suggest("mclt", &f.mclt, "3600")
		f.suggest("split", &f.split, strconv.Itoa(box.DefaultSplit))
		fields = append(fields,
			&field{label: "MCLT in seconds", value: &f.mclt, check: numeral("MCLT", 60, 7*86400), hint: "Maximum client lead time: how far a lease may run ahead of what the partner knows."},
			&field{label: "Split", value: &f.split, check: numeral("split", 0, 256), hint: "How many of 256 hash buckets the primary serves: 128 is half, 256 all."})
	}
	u.open(&formPage{
		head: "Set up: the ISC dhcpd", fields: fields,
		intro: []string{fmt.Sprintf("The dhcpd at %s must name %s as its \"peer address\".", f.partner, strings.Split(f.addr, "/")[0])},
		done:  func(u *UI) { u.askTime() },
	})
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

func (u *UI) askTime() {
	f := &u.first
	u.open(&formPage{
		head: "Set up: time servers",
		intro: []string{"Both boxes must agree on the time, so nothing is served before several NTP servers agree. Name at least three; the gateway or a domain controller often is one.",
			"They are asked at once."},
		fields: []*field{{label: "NTP servers", value: &f.ntp, check: func(string) error { return f.timeFits() },
			hint: "Addresses or names with spaces between, for example: 10.0.0.10 10.0.0.11 10.0.0.12"}},
		done: func(u *UI) {
			f.single = false
			if all, _ := timeServers(f.ntp); len(all) == 1 {
				u.askSingleTime()
				return
			}
			u.testTime(f.config(), func(u *UI) { u.askDHCP() })
		},
	})
}

// timeFits checks the time servers against the rest.
func (f *firstBox) timeFits() error {
	all, err := timeServers(f.ntp)
	if err != nil {
		return err
	}
	for _, s := range all {
		host, _, _ := strings.Cut(s, ":")
		if _, err := netip.ParseAddr(host); err != nil && strings.TrimSpace(f.dns) == "" {
			return fmt.Errorf("%q is a name, and no name server (DNS) was given: give its address, or go back and name one", host)
		}
	}
	return nil
}

func (u *UI) askSingleTime() {
	f := &u.first
	u.open(&listPage{
		head:  "Set up: only one time server",
		intro: fixedText("If "+f.ntp+" is wrong, nobody notices, and leases get wrong lengths.", "Two do not tell which one is wrong; three do.", ""),
		items: func(*UI) []item {
			return []item{
				{text: "Name more servers", pick: func(u *UI) { u.back() }},
				{text: "Trust this one alone", pick: func(u *UI) {
					f.single = true
					u.testTime(f.config(), func(u *UI) { u.askDHCP() })
				}},
			}
		},
	})
}

// testTime asks the time servers of c and shows what they say.
func (u *UI) testTime(c box.Config, next func(*UI)) {
	run(u, "Asking the time servers over port "+c.LAN.Name, false, func(ctx context.Context, m Machine, _ func(string)) ([]TimeAnswer, error) {
		return m.TestTime(ctx, c)
	}, func(answers []TimeAnswer, err error) {
		lines, fine := timeReport(answers, err, c.SingleNTP)
		at := 0
		if !fine {
			at = 1
		}
		u.open(&listPage{
			head: "What the time servers say", at: at,
			intro: fixedText(append(lines, "")...),
			items: func(*UI) []item {
				return []item{
					{text: "Go on", pick: next},
					{text: "Back, to change the servers or addresses", pick: func(u *UI) { u.back() }},
					{text: "Ask again", pick: func(u *UI) {
						u.back()
						u.testTime(c, next)
					}},
				}
			},
		})
	})
}

// timeReport is what the servers said, in words; fine means that the clock
// would be trusted.
func timeReport(answers []TimeAnswer, err error, single bool) (lines []string, fine bool) {
	if err != nil {
		return []string{"The time servers could not be asked: " + err.Error()}, false
	}
	var usable []TimeAnswer
	for _, a := range answers {
		if a.Err != nil {
			lines = append(lines, fmt.Sprintf("  %-22s no usable answer: %v", a.Server, a.Err))
			continue
		}
		usable = append(usable, a)
		lines = append(lines, fmt.Sprintf("  %-22s offset %+.3f s, good to %.3f s, stratum %d", a.Server, a.Offset.Seconds(), a.Distance.Seconds(), a.Stratum))
	}
	lines = append(lines, "")
	switch {
	case len(usable) == 0:
		return append(lines, "Nobody answers. The box can go on, but it serves nobody until time servers answer. Is the cable in the right port? Are address, VLAN and gateway right?"), false
	case len(usable) == 1 && !single:
		return append(lines, "Only one answers, and nobody confirms it. The box serves nobody until a second one does."), false
	}
	for i, a := range usable {
		for _, b := range usable[:i] {
			if apart := (a.Offset - b.Offset).Abs(); apart > a.Distance+b.Distance {
				return append(lines, fmt.Sprintf("%s and %s disagree by %.3f s: one of them is wrong.", b.Server, a.Server, apart.Seconds())), false
			}
		}
	}
	offset := usable[0].Offset
	word := "slow"
	if offset < 0 {
		word = "fast"
	}
	if offset.Abs() < time.Second {
		return append(lines, "Good. This box's clock is right to a second."), true
	}
	return append(lines, fmt.Sprintf("Good. This box's clock is %s %s and will be set.", human(offset.Abs()), word)), true
}
