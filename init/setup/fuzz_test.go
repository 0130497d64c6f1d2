package setup

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tandem/init/box"
	"tandem/init/setup/term/vt100"
)

// answering makes a box that says yes to everything.
func answering(m *fakeBox) *fakeBox {
	for _, a := range []string{"Why", "Evidence", "Leases", "PartnerDown", "Removed", "Maintenance", "ClockReport", "Logs", "ConfigPut", "ConfigCheck",
		"ConfigDiff", "ConfigRollback", "PairOpen", "Backup", "Restore", "SwitchSlot", "Reboot", "Shutdown", "FactoryReset", "Typed"} {
		m.answers[a] = Answer{Text: strings.Repeat("a line of an answer that is longer than the screen is wide, by far, or so it seems\n", 60)}
	}
	m.answers["BackupPlaces"] = Answer{Sources: []Source{{"s", "USB stick"}}}
	m.answers["BackupList"] = m.answers["BackupPlaces"]
	m.answers["ConfigShow"] = Answer{Files: []File{{MainFile, strings.Repeat("subnet { }\n", 50)}, {"hosts.conf", ""}}}
	for i := range 60 {
		m.answers["ConfigHistory"] = Answer{Versions: append(m.answers["ConfigHistory"].Versions, Version{60 - i, noon, "somebody", "a comment", "in force"})}
	}
	m.sources = m.answers["BackupPlaces"].Sources
	m.files["s"] = []File{{MainFile, foreign}}
	m.leases = map[string]*LeaseFile{"s": {Label: "dhcpd.leases, 9 octets", Leases: 350, Newest: noon, Notes: []string{strings.Repeat("a long note ", 60)}}}
	m.offer = offered()
	return m
}

// types are what a fuzzer types: keys, values that are good, and anything.
var types = []string{enter, enter, enter, enter, tabKey, up, down, left, right, clear, finish, "\x03", "\x0c", "\x7f", pageDown, pageUp, "\x1b", "\x1b[3~", "\x1b[H", "\x1b[F", "\x1b[Z",
	"1", "2", "3", "4", "5", "k", "m", "w", "f", "e", "b", "s", "n", "q", "<\r", ".\r", "?\r", "-\r", "menu\r",
	"10.0.0.2/24", "10.0.0.10 10.0.0.11", "10.0.0.50-60", "K7QM3F2P", "long enough", "DOWN", "BACK", "REMOVED", "FORGET", "RESTORE",
	"x", "\x00", "\xff\xfe", "\xc3\xa4", "\x1b[99;99R", "\x1b[24;80R", "\x1b[", "\x1bO", strings.Repeat("long ", 100)}

// live types what data says at a box and checks what must always hold.
func live(t *testing.T, m *fakeBox, dumb bool, data []byte) {
	sizes := [][2]int{{80, 24}, {minWidth, minHeight}, {132, 50}, {79, 23}}
	size := sizes[len(data)%len(sizes)]
	terminal := vt100.New(size[0], size[1])
	terminal.Dumb = dumb
	r := newRig(t, answering(m), terminal)
	for i, b := range data {
		before, accepted := r.screen(), len(m.commits)
		switch {
		case b >= 250:
			r.wait(time.Duration(b-249) * time.Second)
		case b >= 245:
			r.step(Notice("a log line"))
		case b == 244:
			r.m.facts.SetUp = !r.m.facts.SetUp && len(m.commits) > 0 || r.m.facts.SetUp
			r.step(r.look())
		case b == 243 && r.hold:
			r.release()
		case b == 242:
			r.hold = true
		default:
			r.keys(types[int(b)%len(types)])
		}
		if len(m.commits) > accepted && !strings.Contains(before, "summary") && !strings.Contains(before, "Writing") {
			t.Fatalf("step %d: written, and before the screen was\n%s", i, before)
		}
		if g := r.u.Draw(); g.W > 80 || g.H > 24 || g.Cursor && (g.Row >= g.H || g.Col >= g.W) {
			t.Fatalf("step %d: the screen is %dx%d, the cursor at %d,%d", i, g.W, g.H, g.Col, g.Row)
		}
		if p := r.u.top(); p == nil || len(r.u.stack) > 200 {
			t.Fatalf("step %d: %d pages", i, len(r.u.stack))
		}
	}
}

func FuzzUI(f *testing.F) {
	f.Add(true, false, []byte{0, 0, 0, 0, 0, 40, 0, 0, 0, 0, 0, 41, 0, 0, 0, 0, 0})
	f.Add(false, true, []byte("wflsbnkmq"))
	f.Fuzz(func(t *testing.T, blank, dumb bool, data []byte) {
		if len(data) > 400 {
			data = data[:400]
		}
		m := runningBox()
		if blank {
			m = blankBox()
		}
		live(t, m, dumb, data)
	})
}

// TestRandomKeys is the fuzzer with random keys, for every day.
func TestRandomKeys(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 2026))
	lives := 100
	if testing.Short() {
		lives = 50
	}
	for i := range lives {
		data := make([]byte, 200+i%3)
		for j := range data {
			data[j] = byte(r.IntN(256))
		}
		m := runningBox()
		if i%2 == 0 {
			m = blankBox()
		}
		live(t, m, i%5 < 2, data)
	}
}

// TestLongestValues draws every screen with values as long as they come.
func TestLongestValues(t *testing.T) {
	m := answering(runningBox())
	long := strings.Repeat("long-", 60)
	m.facts.Board, m.facts.Version = long, long
	s := &m.status
	s.Name, s.Sentence, s.Posture, s.Rule, s.Why, s.State, s.Partner, s.Started, s.Slot, s.OtherSlot = long, long, long, long, long, long, long, long, long, long
	s.Role = box.Role(long)
	s.Until = noon.Add(1e6 * time.Hour)
	s.Clock.State = long
	s.Config = ConfigState{Version: 1 << 40, Hash: long, State: long, Drift: long, Until: s.Until}
	s.Pairing = Pairing{Open: true, Code: long, Until: s.Until}
	for i := range 20 {
		s.Alarms = append(s.Alarms, Alarm{long, long, long, noon})
		s.Pools = append(s.Pools, Pool{Network: long, Size: 1 << 60, Active: 1 << 60, Free: 1 << 60, Backup: 1 << 60, Abandoned: 1 << 60, Endurance: 1 << 60})
		m.ports = append(m.ports, Port{Name: fmt.Sprint(long, i), MAC: long, Driver: long, Speed: 1 << 60, Carrier: true})
	}
	for i := range s.Links {
		s.Links[i].Port, s.Links[i].Use, s.Links[i].Prefix = long, long, netip.MustParsePrefix("255.255.255.255/32")
	}
	for i := range m.answers["ConfigHistory"].Versions {
		m.answers["ConfigHistory"].Versions[i].Who, m.answers["ConfigHistory"].Versions[i].Comment = long, long
	}
	for _, keys := range [][]string{{}, {enter}, {"a"}, {"d"}, {"f"}, {"f", "h"}, {"n"}, {"s"}, {"r"}, {"w", long, enter}, {"l", long}, {"f", "e", "1", long, long, long}} {
		r := sit(t, m)
		r.keys(keys...)
		if r.term.Line(0) == "" || !strings.Contains(r.term.Line(23), "Ctrl-L") {
			t.Errorf("after %q the bars are gone:\n%s", keys, r.screen())
		}
	}
	r := sit(t, m)
	r.golden("longest")
	l := lineSit(t, m)
	l.lines("status", "menu", "a", "d", "<", "<")
	l.short()
	b := blankBox()
	b.ports = m.ports
	b.facts = m.facts
	b.facts.SetUp = false
	w := sit(t, b)
	w.keys(enter)
	w.golden("longest-ports")
}
