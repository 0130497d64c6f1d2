package pair

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"tandem/init/box"
	"tandem/init/pair/change"
	"tandem/init/pair/enrol"
	"tandem/init/pair/heartbeat"
)

// beatGrace is how long a path may be silent without an alarm.
const beatGrace = 6 * time.Second

// status gathers what there is to tell.
func (l *life) status() Status {
	now := time.Now()
	s := Status{SinceBoot: sinceBoot(), Heard: map[string]int64{}, Proven: map[string]int64{}, Alarms: []string{},
		Paired: l.id.paired, Counters: l.count.all()}
	if l.beats != nil {
		s.Heard, s.Proven = l.beats.Heard()
		maps.Copy(s.Counters, l.beats.Counters())
	}
	l.tellDoor(&s)
	why := l.tellPartner(&s)
	c := l.config.Status()
	l.tellConfig(&s, c, now)
	s.Synchronised = c.Synchronised
	s.Sentence = l.sentence(&s, why, now)
	s.Alarms = append(s.Alarms, l.alarms(&s, why, now)...)
	s.Alarms = append(s.Alarms, c.Alarms...)
	return s
}

func (l *life) tellDoor(s *Status) {
	d := l.door.state()
	s.Open, s.Replace = d.kind != "", d.kind == enrol.Replacement
	s.LastTry = d.window.Last
	if d.window.Code != "" {
		s.Code, s.CodeUntil = d.window.Code.String(), byTheClock(d.window.Until)
	}
	if d.window.Busy {
		s.LastTry = "a box has proven the code; its person decides now"
	}
	if d.why != "" {
		s.LastTry = d.why
	}
}

// byTheClock is a moment of this process by the time of day that is right now:
// that may have been stepped since.
func byTheClock(t time.Time) time.Time {
	now := time.Now()
	return now.Add(t.Sub(now))
}

// tellPartner gives why there is no session, empty if there is one.
func (l *life) tellPartner(s *Status) (why string) {
	if c, ok := l.partner(); ok {
		s.Partner.Name, s.Partner.Role = c.Name, string(c.Role)
	}
	if l.id.paired {
		s.Partner.Pin = l.id.pin.String()
	}
	if l.link == nil {
		return ""
	}
	up, why, since := l.link.session()
	s.Partner.Since = byTheClock(since)
	if up != nil {
		s.Partner.Reachable, s.Partner.Path = true, up.path.String()
	}
	return why
}

func (l *life) tellConfig(s *Status, c change.Status, now time.Time) {
	s.Config = Config{Version: c.Settled.Number, Hash: c.Settled.ID.String(), State: c.State, Drift: c.Drift}
	if c.Until != 0 {
		s.Config.Until = now.Add(c.Until - l.config.Now())
	}
	s.Partner.Version, s.Partner.Hash = c.Partner.Number, c.Partner.ID.String()
}

// sentence says all of it in one.
func (l *life) sentence(s *Status, why string, now time.Time) string {
	name := s.Partner.Name
	if name == "" {
		name = "the partner"
	}
	switch {
	case s.Open && s.Code == "":
		return "Pairing opens; no code can be shown yet. " + s.LastTry
	case s.Open && s.Replace && s.Partner.Reachable:
		return fmt.Sprintf("A new box may take the place of %s with the code %s (good for %s), which is in touch and will be shut out then: `failctl pair close` if that is not meant.",
			name, s.Code, span(s.CodeUntil.Sub(now)))
	case s.Open && s.Replace:
		return fmt.Sprintf("A new box may take the place of %s: choose \"replace a broken box\" there and type %s (good for %s).", name, s.Code, span(s.CodeUntil.Sub(now)))
	case s.Open:
		return fmt.Sprintf("Waits for the other box: type the code %s there (good for %s).", s.Code, span(s.CodeUntil.Sub(now)))
	case l.id.box.Role == box.Single:
		return "This box is single: it has no partner."
	case l.id.box.Peer.ISC:
		return "The partner is an ISC dhcpd: its configuration is kept in step by hand."
	case !l.id.paired && l.id.box.Peer.Clear:
		return "The pair is not paired by keys: it talks in clear text, and each box's configuration is kept by hand."
	case !l.id.paired:
		return "No partner is paired with this box: run `failctl pair open` at the other box and set this one up to join it, or open pairing here."
	case s.Partner.Reachable && s.Partner.Hash == s.Config.Hash:
		return fmt.Sprintf("In touch with %s over the %s; both have %s.", name, pathName(l.path(s)), versionText(s.Config.Version))
	case s.Partner.Reachable:
		return fmt.Sprintf("In touch with %s over the %s; the boxes' configurations are being compared or differ.", name, pathName(l.path(s)))
	case l.silence(s) < beatGrace:
		return fmt.Sprintf("%s lives, but there is no session with it. %s.", name, capital(why))
	}
	return fmt.Sprintf("No touch with %s for %s. %s.", name, span(now.Sub(s.Partner.Since)), capital(why))
}

// capital makes a sentence of a reason.
func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func versionText(n uint64) string {
	if n == 0 {
		return "no configuration yet"
	}
	return fmt.Sprintf("version %d of the configuration", n)
}

func (l *life) path(s *Status) heartbeat.Path {
	if s.Partner.Path == heartbeat.Direct.String() {
		return heartbeat.Direct
	}
	return heartbeat.LAN
}

// span is a duration for people.
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d h", d/time.Hour)
}

// silence is for how long no heartbeat came on any path.
func (l *life) silence(s *Status) time.Duration {
	latest := l.began.Add(-time.Hour)
	least := time.Since(latest)
	for _, at := range s.Heard {
		least = min(least, time.Duration(s.SinceBoot-at))
	}
	return least
}

// alarms are what a person should look after, other than the configuration.
func (l *life) alarms(s *Status, why string, now time.Time) []string {
	var all []string
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if l.id.box.Peer.Clear {
		add("the word clear stands in the peer line of box.conf: the pair may talk in clear text. Take it out and pair the boxes (`failctl pair open`)")
	}
	all = append(all, l.troubles()...)
	theirs, known := l.partner()
	if l.id.paired && known {
		for _, text := range misfits(&l.id.box, &theirs) {
			add("%s", text)
		}
	}
	if !l.id.paired || now.Sub(l.began) < partnerGrace {
		return all
	}
	away := !s.Partner.Reachable && now.Sub(s.Partner.Since) >= partnerGrace
	switch silent := l.silence(s); {
	case away && silent < beatGrace:
		add("there is no session with the partner, though it lives (heartbeats come). %s", capital(why))
	case away:
		add("the partner is out of reach. %s", capital(why))
		return all
	case !s.Partner.Reachable && silent >= beatGrace:
		return all // the same as above, but it is not long enough yet
	}
	if l.beats != nil {
		all = append(all, l.pathAlarms(s)...)
	}
	return all
}

// pathAlarms says which path does not carry heartbeats.
func (l *life) pathAlarms(s *Status) []string {
	var all []string
	for _, r := range routes(&l.id.box) {
		name, where := r.path.String(), pathName(r.path)
		switch {
		case s.SinceBoot-s.Heard[name] > int64(beatGrace):
			all = append(all, fmt.Sprintf("no heartbeat of the partner comes over the %s: look at the cable and the port at both ends, and at a firewall between (UDP %d)", where, l.o.PairPort))
		case s.SinceBoot-s.Proven[name] > int64(2*beatGrace):
			all = append(all, fmt.Sprintf("the partner is heard over the %s but does not hear this box there: look for a firewall or a switch that lets UDP %d pass one way only", where, l.o.PairPort))
		}
	}
	return all
}
