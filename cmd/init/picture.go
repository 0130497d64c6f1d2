package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"tandem/failover/daemon/control"
	"tandem/images/layout"
	"tandem/init/clock"
	"tandem/init/network"
	"tandem/init/pair"
	"tandem/init/setup"
	"tandem/init/supervise"
)

// engineStatus is what dhcpfd tells of itself, as far as it is shown.
type engineStatus struct {
	Sentence string       `json:"sentence"`
	Pools    []poolInfo   `json:"pools"`
	Peers    []enginePeer `json:"peers"`
}

type enginePeer struct {
	State      string `json:"state"`
	Partner    string `json:"partner"`
	Connected  bool   `json:"connected"`
	Posture    string `json:"posture"`
	Rule       string `json:"rule"`
	PostureWhy string `json:"postureWhy"`
	Until      int64  `json:"postureUntil"` // seconds since 1970
	MCLT       int64  `json:"mclt"`         // seconds
}

// askEvery is how often dhcpfd is asked for its status.
const askEvery = 2 * time.Second

// keepAsking asks dhcpfd for its status as long as the box runs.
func (b *box) keepAsking() {
	for {
		b.engineNow.Store(askEngine())
		time.Sleep(askEvery)
	}
}

// askEngine gives nil if dhcpfd does not answer.
func askEngine() *engineStatus {
	c, err := control.Dial(layout.Control)
	if err != nil {
		return nil
	}
	defer c.Close()
	limit := time.AfterFunc(askLimit, func() { c.Close() })
	defer limit.Stop()
	var s engineStatus
	err = c.Ask([]string{"status"}, func(body json.RawMessage) error { return json.Unmarshal(body, &s) })
	if err != nil {
		return nil
	}
	return &s
}

// paintBooting makes the picture of a box that boots, from what is known
// while the boot steps are at work.
func (b *box) paintBooting() {
	s := setup.Status{Time: time.Now(), Uptime: clock.SinceBoot(), Booting: b.wait()}
	s.Sentence = "starting: " + s.Booting
	if c := b.configNow.Load(); c != nil {
		s.Name, s.Role = c.Name, c.Role
	}
	s.Clock = b.paintClock()
	b.paintPair(&s, b.pairNow.Load())
	b.picture.Store(&s)
}

// paint makes the picture of a box that runs. Who looks at it changes nothing
// in it: it is made anew each second.
func (b *box) paint() {
	s := setup.Status{
		Time: time.Now(), Name: b.config.Name, Role: b.config.Role, Uptime: clock.SinceBoot(),
		Started: string(b.ledger.Reason), Slot: b.slotName(), Clock: b.paintClock(),
	}
	if other := b.otherSlot.Load(); other != nil {
		s.OtherSlot = *other
	}
	engine := b.engine()
	switch {
	case b.engineWaits != "":
		s.Sentence = "Not serving: " + b.engineWaits + "."
	case engine.Phase == supervise.Ready:
		s.Sentence = engine.Text
	default:
		s.Sentence = "Not serving: dhcpfd is " + string(engine.Phase)
		if n := len(engine.Exits); n > 0 {
			s.Sentence += ", " + engine.Exits[n-1].Text
		}
	}
	known := b.engineNow.Load()
	if known != nil && engine.Phase == supervise.Ready {
		for _, p := range known.Peers {
			s.State, s.Partner = p.State, p.Partner
			s.Posture, s.Rule, s.Why = p.Posture, p.Rule, p.PostureWhy
			s.MCLT = time.Duration(p.MCLT) * time.Second
			if p.Until > 0 {
				s.Until = time.Unix(p.Until, 0).UTC()
			}
			s.Maintenance = p.State == "shutdown" || p.State == "paused"
		}
		s.Pools = b.pace.paint(clock.SinceBoot(), known.Pools)
	}
	paired := b.pairNow.Load()
	for _, w := range b.wanted {
		s.Links = append(s.Links, b.paintLink(w, paired))
	}
	for _, a := range b.passed {
		s.Alarms = append(s.Alarms, setup.Alarm{Severity: "critical", Name: "boot", Text: fmt.Sprintf("%s failed: %v", a.Step, a.Err), Since: b.ledger.Started})
	}
	for _, a := range b.monitor.Alarms() {
		s.Alarms = append(s.Alarms, setup.Alarm{Severity: a.Severity, Name: a.Name, Text: a.Text, Since: a.Since})
	}
	b.paintPair(&s, paired)
	b.picture.Store(&s)
}

// stepped is the offset above which the gate sets the clock instead of turning
// it slowly: it is gone at once.
const stepped = time.Second

func (b *box) paintClock() setup.Clock {
	c := b.trusted()
	if c.Offset.Abs() > stepped {
		c.Offset = 0 // the clock was set by it
	}
	out := setup.Clock{Trusted: c.Trusted, State: string(c.State), Why: c.Why, Offset: c.Offset}
	for _, name := range c.Servers {
		out.Servers = append(out.Servers, setup.TimeAnswer{Server: name, Offset: c.Offset, Distance: c.Bound})
	}
	return out
}

func (b *box) paintLink(w network.Wanted, paired *pair.Status) setup.Link {
	p := b.portFacts(w.Use)
	l := setup.Link{Use: w.Use, Port: w.Label, Prefix: w.Prefix, Carrier: p.Carrier, Flapping: p.Flapping,
		Speed: network.SignalOf(w.Parent).Speed, Heard: -1}
	if paired != nil && paired.Heard[w.Use] != 0 {
		l.Heard = clock.SinceBoot() - time.Duration(paired.Heard[w.Use])
	}
	return l
}

// paintPair adds what the pair service says.
func (b *box) paintPair(s *setup.Status, p *pair.Status) {
	if p == nil {
		return
	}
	s.Config = setup.ConfigState{Version: int(p.Config.Version), Hash: p.Config.Hash, State: p.Config.State, Until: p.Config.Until, Drift: p.Config.Drift}
	s.Pairing = setup.Pairing{Paired: p.Paired, Open: p.Open, Code: p.Code, Until: p.CodeUntil}
	for _, text := range p.Alarms {
		s.Alarms = append(s.Alarms, setup.Alarm{Severity: "warning", Name: "pair", Text: text, Since: s.Time})
	}
}

func (b *box) slotName() string { return b.params[layout.ParamSlot] }

// paintFacts makes what is fixed until the configuration changes.
func (b *box) paintFacts(problems []string) {
	f := setup.Facts{Board: b.found.Board.Title, Version: b.image.Version, Problems: problems, Debug: debugImage()}
	if len(b.ports) > 0 {
		f.Serial = strings.ReplaceAll(b.ports[0].NIC.MAC, ":", "")
	}
	if c := b.configNow.Load(); c != nil {
		f.SetUp, f.Box = true, *c
	}
	if hash, err := os.ReadFile(layout.PasswordFile); err == nil {
		f.PasswordHash = strings.TrimSpace(string(hash))
	}
	b.factsNow.Store(&f)
}
