package setup

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tandem/init/setup/term/vt100"
)

// short fails if a line that was sent is longer than the terminal. Carriage
// returns without a line feed begin the line anew.
func (r *rig) short() {
	r.Helper()
	for _, l := range strings.Split(r.log.String(), "\r\n") {
		l = l[strings.LastIndexByte(l, '\r')+1:]
		if n := len(strings.ReplaceAll(l, "\b \b", "")); n > 80 {
			r.Errorf("a line of %d columns: %q", n, l)
		}
	}
}

func TestFirstBoxInLines(t *testing.T) {
	m := blankBox()
	r := lineSit(t, m)
	r.lines("", "x", "1", "<", "1", "lan2", "", // roles and ports
		"-x", "?", "", "<", "dhcp-a", "10.0.0.2", "10.0.0.2/24", "", "", "", "-", // addresses; no DNS
		"time.example.org", "10.0.0.10 10.0.0.11 10.0.0.12", "", // time
		"Address", "", "", "-", "-", "", "", // ranges
		"long enough", "other one", "long enough") // password
	r.sees("Set up: summary")
	if len(m.commits) != 0 {
		t.Fatal("written before it was accepted")
	}
	r.lines("1")
	want := strings.Replace(wantFirst, "dns         10.0.0.1\n", "", 1)
	if len(m.commits) != 1 || m.commits[0].Box.String() != want {
		t.Fatalf("%+v\n%s", m.commits, r.log.String())
	}
	if ok, _ := Matches(m.commits[0].PasswordHash, "long enough"); !ok {
		t.Error("the password does not fit")
	}
	log := r.log.String()
	for _, want := range []string{"\"x\" is none of the choices", "begins or ends with a hyphen", "A host name: letters", "The length of the network is missing",
		"no name server (DNS) was given", "The two passwords differ", "Written."} {
		if !strings.Contains(strings.Join(strings.Fields(log), " "), want) {
			t.Errorf("%q was not said", want)
		}
	}
	if strings.Contains(log, "long enough") {
		t.Error("the password is shown")
	}
	r.short()
}

func TestBackInLines(t *testing.T) {
	m := blankBox()
	r := lineSit(t, m)
	r.lines("<")
	r.sees("This is the first question.")
	r.lines("1", "2", "3", "my-box", "10.0.0.2/24", "<", "<", "<")
	r.sees("which port is the direct cable")
	r.keys("\x03")
	r.sees("which port is the LAN?")
	r.keys("\x1b")
	r.now = r.u.Deadline()
	r.step(Tick{})
	r.sees("What is this box?")
	r.lines("1", "", "")
	r.sees("Name of this box [my-box]:")
	if len(m.commits) != 0 {
		t.Error("written")
	}
}

func TestLookAgainInLines(t *testing.T) {
	m := blankBox()
	r := lineSit(t, m)
	r.lines("1")
	m.ports[3].Carrier = true
	r.wait(time.Second)
	r.lines("look")
	r.sees("lan4   00:0d:b9:01:02:03  carrier")
	m.ports = nil
	r.wait(time.Second)
	r.lines("l", "1")
	r.sees("Choose [1]")
}

func TestEditorInLines(t *testing.T) {
	m := blankBox()
	m.problems = []string{"dhcpd.conf:1:1: unknown"}
	r := lineSit(t, m)
	r.lines("4", "", "", "10.0.0.2/24", "", "", "", "10.0.0.10 10.0.0.11", "", "3",
		"one", "\ttwo", "three", "", "five", ".",
		"l", "i 2 between", "c 1 ONE", "d 4 5", "d 9", "i", "z", "l 2", "a", "six", ".", "done")
	r.sees("has problems")
	m.problems = nil
	r.lines("2", "new", "a", "all new", ".", "done", "", "")
	r.lines("1")
	if len(m.commits) != 1 || m.commits[0].Files[0].Text != "all new\n" {
		t.Fatalf("%+v\n%s", m.commits, r.log.String())
	}
	if got := m.checked[0][0].Text; got != "ONE\nbetween\n two\n\nfive\nsix\n" && got != "ONE\nbetween\n two\nfive\nsix\n" {
		t.Errorf("the first text is %q", got)
	}
	r.short()
}

func TestRunningBoxInLines(t *testing.T) {
	m := runningBox()
	m.answers["Why"] = Answer{Text: "FULL by R2"}
	m.answers["Typed"] = Answer{Text: "counted"}
	m.answers["Logs"] = Answer{Text: strings.Repeat("a log line\n", 100)}
	m.errs["Leases"] = errors.New("no server answers")
	r := lineSit(t, m)
	r.golden("lines")
	r.lines("status", "why", "why 10.0.0.17", "leases active", "failctl counters", "log 5", "", "<", "lock", "m", "<",
		"partner-down", "2", "down", "removed", "1", "reboot", "poweroff", "menu", "s", "r", "reboot")
	want := "Why{About:} Why{About:10.0.0.17} Leases{Search:active} Typed{Line:failctl counters} Logs{Lines:5} Evidence{} PartnerDown{} Evidence{} Reboot{} Shutdown{} Reboot{}"
	if got := m.did(); got != want {
		t.Errorf("did\n%s\nwant\n%s", got, want)
	}
	log := r.log.String()
	for _, want := range []string{"FULL by R2", "It did not work: no server answers", "counted", "(40 of 100 lines; Enter: more, <: enough)", "There is no password."} {
		if !strings.Contains(log, want) {
			t.Errorf("%q was not said", want)
		}
	}
	r.short()
}

// TestNewsInLines: a terminal of lines shows the status when it has changed,
// but not in the middle of a word, and not for figures.
func TestNewsInLines(t *testing.T) {
	m := runningBox()
	r := lineSit(t, m)
	r.log.Reset()
	r.wait(time.Minute)
	m.status.Pools[0].Active++
	m.status.Links[0].Heard += time.Second
	r.wait(time.Second)
	m.status.Alarms = []Alarm{{"minor", "pair", "not paired", noon}}
	r.wait(time.Second)
	r.sees("| ALARM     minor: pair: not paired")
	r.log.Reset()
	m.status.Alarms[0].Since = noon.Add(time.Second)
	r.wait(time.Second)
	if r.log.Len() != 0 {
		t.Errorf("without news %q is said", r.log.String())
	}
	r.keys("wh")
	m.status.Sentence = "The partner is silent."
	r.wait(time.Second)
	r.lacks("silent")
	r.keys("\x7f\x7f")
	r.wait(time.Second)
	r.sees("The partner is silent.")
}

// TestTerminals: what a terminal is shows by its answer, at any time.
func TestTerminals(t *testing.T) {
	m := runningBox()
	r := newRig(t, m, vt100.New(80, 24))
	if r.u.size != nil {
		t.Fatal("a console begins with lines")
	}
	r.sees("| posture   FULL")
	r.keys("m")
	if r.u.size == nil || r.u.size.Row != 24 || r.u.size.Col != 80 {
		t.Fatalf("%+v", r.u.size)
	}
	r.sees("Enter menu")
	// The line goes over to a terminal that knows nothing.
	r.term = vt100.New(80, 24)
	r.term.Dumb = true
	r.keys("\x0c")
	r.wait(probeTime)
	if r.u.size != nil {
		t.Fatal("a dumb terminal counts as a VT100")
	}
	r.term = vt100.New(80, 24)
	r.term.Dumb = true
	r.keys("status\r")
	r.sees("| posture   FULL")
	// And back.
	r.term = vt100.New(132, 50)
	r.keys("\x0c")
	r.sees("Enter menu")
	if g := r.u.Draw(); g.W != 80 || g.H != 24 {
		t.Errorf("%d x %d", g.W, g.H)
	}
	// A small one still shows the bars, a tiny one gets lines.
	r.term = vt100.New(64, 18)
	r.keys("\x0c")
	r.sees("Enter menu")
	r.keys("w")
	r.sees("Address or client")
	r.term = vt100.New(40, 10)
	r.keys("\x0c")
	if r.u.size != nil {
		t.Error("40x10 counts as a screen")
	}
	// A report that nobody asked for does nothing.
	r.keys("\x1b[24;80R")
	if r.u.size != nil {
		t.Error("an unasked report is believed")
	}
}

// TestSomebodyComesBack: after a long pause the first Enter draws everything
// anew and does nothing else, also on another terminal.
func TestSomebodyComesBack(t *testing.T) {
	m := runningBox()
	r := sit(t, m)
	r.keys("s", "r", "reboot")
	r.wait(IdleTime)
	r.term = vt100.New(80, 24)
	r.keys(enter)
	r.sees("Type REBOOT", "> reboot")
	r.keys(enter)
	if got := m.did(); got != "Reboot{}" {
		t.Error(got)
	}
}

// TestTornSequence: an arrow key that arrives in pieces is no Esc.
func TestTornSequence(t *testing.T) {
	r := sit(t, runningBox())
	r.keys(enter)
	r.keys("\x1b")
	r.now = r.now.Add(escapeTime / 2)
	r.step(Tick{})
	r.keys("[")
	r.keys("B")
	r.sees("Menu")
	r.keys("\x1b", "\x1b")
	r.now = r.u.Deadline()
	r.step(Tick{})
	r.sees("FULL by rule")
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{
		{"one two three", 7, "one two|three"}, {"onetwothree", 4, "onet|woth|ree"}, {"  in dented", 6, "  in|  dent|  ed"},
		{"", 5, ""}, {"a\n\nb ", 5, "a||b"}, {"exactly", 7, "exactly"}, {"exactly so", 7, "exactly|so"}, {"                  deep in", 8, "|deep in"},
	} {
		if got := strings.Join(wrap(c.in, c.n), "|"); got != c.want {
			t.Errorf("%q at %d: %q, want %q", c.in, c.n, got, c.want)
		}
	}
}

func FuzzWrap(f *testing.F) {
	f.Add("  some text\nmore", uint8(9))
	f.Fuzz(func(t *testing.T, text string, n uint8) {
		if !utf8.ValidString(text) || n < 4 {
			return
		}
		for _, l := range wrap(text, int(n)) {
			if utf8.RuneCountInString(l) > int(n) {
				t.Fatalf("%q is longer than %d", l, n)
			}
		}
	})
}
