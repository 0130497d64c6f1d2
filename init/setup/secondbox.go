package setup

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tandem/init/box"
)

// secondBox holds the answers for a box that joins another one.
type secondBox struct {
	replace         bool
	port            string // towards the other box
	code            string
	offer           Offer
	lan, direct     string // ports of this box
	name            string
	password, again string
}

func (u *UI) askJoinPort(replace bool) {
	s := &u.second
	s.replace = replace
	word := "first box"
	if replace {
		word = "box that works"
	}
	u.open(&listPage{
		head: "Set up: the way to the other box",
		intro: fixedText("Which port has the cable to the "+word+"? Without a direct cable, choose the LAN that both boxes are on.",
			portText, ""),
		at: portAt(u, s.port, u.likelyLAN()),
		items: func(u *UI) []item {
			return portItems(u, "", "", func(u *UI, name string) {
				s.port = name
				u.askCode()
			})
		},
	})
}

// likelyLAN is the port that is probably the LAN, if another one may be the
// direct cable: the first box proposes it the same way.
func (u *UI) likelyLAN() string {
	var up []string
	for _, p := range u.ports {
		if p.Carrier {
			up = append(up, p.Name)
		}
	}
	if len(up) < 2 {
		return ""
	}
	return up[0]
}

func (u *UI) askCode() {
	s := &u.second
	where := "The other box shows the code on its console."
	if s.replace {
		where = "On the box that works, choose \"pair or replace\" in the menu of the console (or failctl pair open): it shows a code."
	}
	u.open(&formPage{
		head:  "Set up: the pairing code",
		intro: []string{where, "It proves that the two boxes speak to each other and to nobody else. Capital and small letters do not matter, nor does the hyphen."},
		fields: []*field{{label: "Pairing code", value: &s.code, check: pairingCode,
			hint: "Eight letters and digits, as K7QM-3F2P. It is good for ten minutes and three tries."}},
		done: func(u *UI) { u.join() },
	})
}

// join reaches the other box and learns.
func (u *UI) join() {
	s := &u.second
	j := Join{Port: s.port, Code: s.code, Replace: s.replace}
	run(u, "Reaching the other box over port "+s.port, false, func(ctx context.Context, m Machine, tell func(string)) (Offer, error) {
		return m.Join(ctx, j, tell)
	}, func(o Offer, err error) {
		if err != nil {
			u.fail(err)
			return
		}
		s.offer = o
		s.name, s.lan, s.direct = o.Box.Name, o.Box.LAN.Name, ""
		if o.Box.Direct.Configured() {
			s.direct = s.port
		} else {
			s.lan = s.port
		}
		if !u.hasPort(s.lan) || s.lan == s.direct {
			s.lan = ""
			for _, p := range u.ports {
				if p.Name != s.direct && (s.lan == "" || p.Carrier && !u.carrier(s.lan)) {
					s.lan = p.Name
				}
			}
		}
		u.showOffer()
	})
}

func (u *UI) hasPort(name string) bool {
	return slices.ContainsFunc(u.ports, func(p Port) bool { return p.Name == name })
}

func (u *UI) carrier(name string) bool {
	return slices.ContainsFunc(u.ports, func(p Port) bool { return p.Name == name && p.Carrier })
}

// config is the offered box.conf with this box's own ports.
func (s *secondBox) config() box.Config {
	c := s.offer.Box
	c.Name = s.name
	c.LAN.Name = s.lan
	if c.Direct.Configured() {
		c.Direct.Name = s.direct
	}
	return c
}

// learned is the offer in words.
func (s *secondBox) learned() []string {
	lines := []string{fmt.Sprintf("%s offers to be the partner of this box and proposes:", s.offer.From), ""}
	if s.offer.Replace {
		lines[0] = fmt.Sprintf("%s offers this box the place of the broken one:", s.offer.From)
	}
	lines = append(lines, boxLines(s.config())...)
	if len(s.offer.Files) > 0 {
		lines = append(lines, fmt.Sprintf("  serves      version %d of the pair: %s", s.offer.Version, describeFiles(s.offer.Files)))
	} else {
		lines = append(lines, "  serves      nobody yet: the pair has no dhcpd.conf")
	}
	if apart := s.offer.Time.Sub(s.offer.Asked); !s.offer.Time.IsZero() && apart.Abs() > 2*time.Second {
		lines = append(lines, fmt.Sprintf("  clock       the two boxes differ by %s; NTP will set it right", human(apart.Abs())))
	}
	return append(lines, "")
}

// leaveOffer lets go of the other box.
func (u *UI) leaveOffer() {
	u.effects = append(u.effects, Effect{Work: func(_ context.Context, m Machine, _ func(string)) (any, error) {
		m.Leave()
		return nil, nil
	}})
}

func (u *UI) showOffer() {
	s := &u.second
	u.open(&listPage{
		head:  "Set up: what the other box says",
		intro: func(*UI) []string { return s.learned() },
		onto: func(u *UI) {
			if !u.committed {
				u.leaveOffer()
			}
		},
		items: func(u *UI) []item {
			items := []item{
				{text: "Check it: the dhcpd.conf, the cables, the time servers", pick: func(u *UI) { u.checkOffer() }},
				{text: fmt.Sprintf("Change the LAN port (now %s)", s.lan), pick: func(u *UI) { u.changePort(&s.lan, &s.direct) }},
			}
			if s.offer.Box.Direct.Configured() {
				items = append(items, item{text: fmt.Sprintf("Change the port of the direct cable (now %s)", s.direct),
					pick: func(u *UI) { u.changePort(&s.direct, &s.lan) }})
			}
			if !s.offer.Replace {
				items = append(items, item{text: fmt.Sprintf("Change the name (now %s)", s.name), pick: func(u *UI) { u.changeName() }})
			}
			return items
		},
	})
}

// changePort chooses another port for one use; the other use keeps its own.
func (u *UI) changePort(port, other *string) {
	u.open(&listPage{
		head:  "Set up: choose the port",
		intro: fixedText(portText, ""),
		at:    portAt(u, *port, *other),
		items: func(u *UI) []item {
			return portItems(u, *other, "is used otherwise", func(u *UI, name string) {
				*port = name
				u.back()
			}, item{key: 'b', text: "Back", pick: func(u *UI) { u.back() }})
		},
	})
}

func (u *UI) changeName() {
	s := &u.second
	u.open(&formPage{
		head: "Set up: name of this box",
		fields: []*field{{label: "Name of this box", value: &s.name, hint: "A host name: letters, digits and hyphens, at most 63.", check: func(name string) error {
			if name == s.offer.From {
				return fmt.Errorf("%s is the other box's name: choose another", name)
			}
			return hostName(name)
		}}},
		done: func(u *UI) { u.back() },
	})
}

// checkOffer looks whether what was learned holds here.
func (u *UI) checkOffer() {
	s := &u.second
	c := s.config()
	switch err := good(c); {
	case s.lan == "":
		u.say("This box has no port left for the LAN: it needs two, or a pair without a direct cable.")
		return
	case err != nil:
		u.say("The proposal does not fit this box: " + err.Error())
		return
	}
	files := s.offer.Files
	run(u, "Checking what was learned", false, func(ctx context.Context, m Machine, tell func(string)) (checkedOffer, error) {
		var r checkedOffer
		if len(files) > 0 {
			tell("the dhcpd.conf")
			r.problems, r.conf = m.CheckDHCP(ctx, c, files)
		}
		tell("the time servers")
		r.answers, r.time = m.TestTime(ctx, c)
		return r, ctx.Err()
	}, func(r checkedOffer, err error) {
		if err != nil {
			u.fail(err)
			return
		}
		u.showChecks(c, r)
	})
}

// checkedOffer is what the checks of an offer found.
type checkedOffer struct {
	problems []string
	conf     error
	answers  []TimeAnswer
	time     error
}

func (u *UI) showChecks(c box.Config, r checkedOffer) {
	s := &u.second
	var lines []string
	fine := true
	wrong := func(format string, args ...any) {
		lines, fine = append(lines, "NOT GOOD: "+fmt.Sprintf(format, args...)), false
	}
	if u.carrier(s.lan) {
		lines = append(lines, "good: the LAN port "+s.lan+" has a carrier")
	} else {
		wrong("the LAN port %s has no carrier: plug the cable in", s.lan)
	}
	switch {
	case r.conf != nil:
		wrong("the dhcpd.conf could not be checked: %v", r.conf)
	case len(r.problems) > 0:
		wrong("this box can not use the pair's dhcpd.conf: %s", r.problems[0])
	case len(s.offer.Files) > 0:
		lines = append(lines, "good: this box can use the pair's dhcpd.conf")
	}
	report, clock := timeReport(r.answers, r.time, c.SingleNTP)
	fine = fine && clock
	lines = append(append(lines, "", "The time servers:"), report...)
	at := 0
	if !fine {
		at = 1
	}
	u.open(&listPage{
		head: "Set up: checked", at: at,
		intro: fixedText(append(lines, "")...),
		items: func(*UI) []item {
			return []item{
				{text: "Go on", pick: func(u *UI) {
					u.open(passwordForm("Set up: console password", &s.password, &s.again, func(u *UI) { u.accept() }))
				}},
				{text: "Back", pick: func(u *UI) { u.back() }},
				{text: "Check again", pick: func(u *UI) {
					u.back()
					u.checkOffer()
				}},
			}
		},
	})
}

// accept shows the summary of a box that joins.
func (u *UI) accept() {
	s := &u.second
	c := s.config()
	lines := append(s.learned(), "  password    "+map[bool]string{true: "none", false: "set"}[s.password == ""], "",
		"Nothing has been written yet. When you accept, each box keeps the other's key.")
	u.open(&listPage{
		head:  "Set up: summary",
		intro: fixedText(lines...),
		items: func(*UI) []item {
			return []item{
				{text: "Accept, write it and start", pick: func(u *UI) { u.commit(Result{Box: c, Joined: true}, s.password) }},
				{text: "Go back and change something", pick: func(u *UI) { u.back() }},
			}
		},
	})
}

// askRestore sets a blank box up from a backup.
func (u *UI) askRestore() {
	u.do("Looking for backups", BackupList{}, func(a Answer, err error) {
		if err != nil {
			u.fail(err)
			return
		}
		u.open(&listPage{
			head: "Restore a backup",
			intro: fixedText("A backup is a signed file on a USB stick. The box then asks its partner for everything newer before it serves.", "",
				map[bool]string{true: "No backup was found.", false: "Which one?"}[len(a.Sources) == 0]),
			items: func(*UI) []item {
				var items []item
				for _, s := range a.Sources {
					items = append(items, item{text: s.Label, pick: func(u *UI) { u.confirmRestore(s) }})
				}
				return append(items, item{key: 'b', text: "Back", pick: func(u *UI) { u.back() }})
			},
		})
	})
}
