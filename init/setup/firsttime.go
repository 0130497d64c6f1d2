package setup

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"tandem/init/box"
)

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
