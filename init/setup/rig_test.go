package setup

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/init/box"
	"tandem/init/setup/term/vt100"
)

var update = flag.Bool("update", false, "write the golden screens anew")

// noon is the box's clock when a test begins.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// fakeBox is a Machine that remembers what it was asked.
type fakeBox struct {
	facts  Facts
	ports  []Port
	status Status

	times     map[string]TimeAnswer // by server; silent if absent
	timeErr   error
	problems  []string
	sources   []Source
	files     map[string][]File // by source
	readErr   error
	leases    map[string]*LeaseFile // by source
	offer     Offer
	joinErr   error
	commitErr error
	answers   map[string]Answer // by %T of the action
	errs      map[string]error

	tested  []box.Config
	checked [][]File
	joined  []Join
	left    int
	commits []Result
	actions []Action
}

func (m *fakeBox) Facts() Facts   { return m.facts }
func (m *fakeBox) Ports() []Port  { return m.ports }
func (m *fakeBox) Status() Status { return m.status }
func (m *fakeBox) Leave()         { m.left++ }

func (m *fakeBox) TestTime(_ context.Context, c box.Config) ([]TimeAnswer, error) {
	m.tested = append(m.tested, c)
	var all []TimeAnswer
	for _, s := range c.NTP {
		a, ok := m.times[s]
		if !ok {
			a.Err = errors.New("no answer within 3 s")
		}
		a.Server = s
		all = append(all, a)
	}
	return all, m.timeErr
}

func (m *fakeBox) CheckDHCP(_ context.Context, c box.Config, files []File) ([]string, error) {
	m.checked = append(m.checked, files)
	return m.problems, nil
}

func (m *fakeBox) Sources(context.Context) ([]Source, error) { return m.sources, nil }

func (m *fakeBox) Read(_ context.Context, s Source) ([]File, error) {
	return m.files[s.ID], m.readErr
}

func (m *fakeBox) Leases(_ context.Context, _ box.Config, s Source) (*LeaseFile, error) {
	return m.leases[s.ID], nil
}

func (m *fakeBox) Join(_ context.Context, j Join, tell func(string)) (Offer, error) {
	m.joined = append(m.joined, j)
	tell("looking for the other box")
	return m.offer, m.joinErr
}

func (m *fakeBox) Commit(_ context.Context, r Result) error {
	if m.commitErr != nil {
		return m.commitErr
	}
	m.commits = append(m.commits, r)
	m.facts.SetUp, m.facts.Box, m.facts.PasswordHash = true, r.Box, r.PasswordHash
	m.status.Name, m.status.Role = r.Box.Name, r.Box.Role
	return nil
}

func (m *fakeBox) Do(_ context.Context, a Action) (Answer, error) {
	m.actions = append(m.actions, a)
	name := strings.TrimPrefix(fmt.Sprintf("%T", a), "setup.")
	return m.answers[name], m.errs[name]
}

// did tells the actions in words.
func (m *fakeBox) did() string {
	var all []string
	for _, a := range m.actions {
		all = append(all, strings.TrimPrefix(fmt.Sprintf("%T%+v", a, a), "setup."))
	}
	return strings.Join(all, " ")
}

// blankBox is a new box with four ports.
func blankBox() *fakeBox {
	m := &fakeBox{times: map[string]TimeAnswer{}, files: map[string][]File{}, answers: map[string]Answer{}, errs: map[string]error{}}
	m.facts = Facts{Board: "PC Engines apu2", Version: "0.9.1"}
	m.status = Status{Time: noon, Name: "tandem", Booting: "waiting for the setup on a console"}
	for i, carrier := range []bool{false, true, true, false} {
		m.ports = append(m.ports, Port{Name: fmt.Sprintf("lan%d", i+1), MAC: fmt.Sprintf("00:0d:b9:01:02:0%d", i), Driver: "igb", Carrier: carrier, Speed: map[bool]int{true: 1000}[carrier]})
	}
	for i, s := range []string{"10.0.0.10", "10.0.0.11", "10.0.0.12"} {
		m.times[s] = TimeAnswer{Offset: 3200 * time.Millisecond, Distance: time.Duration(10+i) * time.Millisecond, Stratum: 2}
	}
	return m
}

// runningBox is the primary of a pair in NORMAL.
func runningBox() *fakeBox {
	m := blankBox()
	c, problems := box.Parse("box.conf", "name dhcp-a\nrole primary\nlan lan2 10.0.0.2/24\ndirect lan3 169.254.77.1/30\n"+
		"gateway 10.0.0.1\nntp 10.0.0.10 10.0.0.11 10.0.0.12\npartner 10.0.0.3 direct 169.254.77.2\n")
	if len(problems) > 0 {
		panic(problems)
	}
	m.facts.SetUp, m.facts.Box = true, c
	m.status = Status{
		Time: noon, Name: "dhcp-a", Role: box.Primary,
		Sentence: "Both boxes serve; each knows everything that the other gave.",
		Posture:  "FULL", Rule: "R2", Why: "in contact", State: "NORMAL", Partner: "NORMAL", MCLT: time.Hour,
		Started: "power", Uptime: 77 * time.Hour, Slot: "a", OtherSlot: "0.9.0",
		Clock: Clock{Trusted: true, State: "synchronised", Offset: 3 * time.Millisecond},
		Links: []Link{
			{Use: "lan", Port: "lan2", Prefix: netip.MustParsePrefix("10.0.0.2/24"), Carrier: true, Speed: 1000, Heard: time.Second},
			{Use: "direct", Port: "lan3", Prefix: netip.MustParsePrefix("169.254.77.1/30"), Carrier: true, Speed: 1000, Heard: time.Second},
		},
		Pools:   []Pool{{Network: "10.0.0.0/24", Size: 100, Active: 57, Free: 22, Backup: 21, Endurance: 18 * time.Hour}},
		Config:  ConfigState{Version: 12, Hash: "3fa9c1", State: "in force"},
		Pairing: Pairing{Paired: true},
	}
	return m
}

// rig is a person at a terminal of a box.
type rig struct {
	*testing.T
	m    *fakeBox
	u    *UI
	term *vt100.Terminal
	now  time.Time
	// hold keeps tasks from running until release.
	hold bool
	held []Effect
	log  bytes.Buffer // every octet that was sent
}

// sit sits down at a VT100, lineSit at a terminal that knows nothing.
func sit(t *testing.T, m *fakeBox) *rig {
	r := newRig(t, m, vt100.New(80, 24))
	r.keys("\r")
	if r.u.size == nil {
		t.Fatal("the terminal was not recognised")
	}
	return r
}

func newRig(t *testing.T, m *fakeBox, terminal *vt100.Terminal) *rig {
	r := &rig{T: t, m: m, term: terminal, now: noon}
	r.u = New(r.now, r.look())
	r.flush()
	return r
}

func lineSit(t *testing.T, m *fakeBox) *rig {
	terminal := vt100.New(80, 24)
	terminal.Dumb = true
	return newRig(t, m, terminal)
}

func (r *rig) look() Refresh {
	r.m.status.Time = r.now
	return Refresh{r.m.Facts(), r.m.Ports(), r.m.Status()}
}

// step is one event and everything that follows from it.
func (r *rig) step(e Event) {
	r.Helper()
	for _, effect := range r.u.Step(r.now, e) {
		if r.hold && effect.Work != nil {
			r.held = append(r.held, effect)
			continue
		}
		r.work(effect)
	}
	r.flush()
}

func (r *rig) work(e Effect) {
	r.Helper()
	if e.Work == nil {
		return
	}
	value, err := e.Work(context.Background(), r.m, func(text string) { r.step(Told{e.Task, text}) })
	if e.Task != 0 {
		r.step(Done{e.Task, value, err})
	}
}

// release runs what was held.
func (r *rig) release() {
	r.Helper()
	held := r.held
	r.held, r.hold = nil, false
	for _, e := range held {
		r.work(e)
	}
}

// flush brings the output to the terminal and its answers back.
func (r *rig) flush() {
	r.Helper()
	out := r.u.Output()
	r.log.Write(out)
	if answer := r.term.Write(out); len(answer) > 0 {
		r.step(Octets(answer))
	}
	if len(r.term.Faults) > 0 {
		r.Fatalf("the terminal is sent nonsense: %v", r.term.Faults)
	}
}

// keys types; special keys by their sequences.
func (r *rig) keys(all ...string) {
	r.Helper()
	for _, k := range all {
		r.now = r.now.Add(2 * pasteGap)
		r.step(Octets(k))
	}
	if r.u.pasting() { // a long word
		r.now = r.u.Deadline()
		r.step(Tick{})
	}
}

// lines types lines.
func (r *rig) lines(all ...string) {
	r.Helper()
	for _, l := range all {
		r.keys(l + "\r")
	}
}

// wait lets time pass, second by second.
func (r *rig) wait(d time.Duration) {
	r.Helper()
	for end := r.now.Add(d); r.now.Before(end); {
		r.now = r.now.Add(min(time.Second, end.Sub(r.now)))
		r.step(r.look())
	}
}

// esc is the Esc key: ESC and then nothing for a while.
func (r *rig) esc() {
	r.Helper()
	r.keys("\x1b")
	due := r.u.Deadline()
	if due.IsZero() {
		r.Fatal("a lone ESC waits for ever")
	}
	r.now = due
	r.step(Tick{})
}

// sees fails unless the screen shows every text, be it broken into lines.
func (r *rig) sees(texts ...string) {
	r.Helper()
	flat := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	for _, text := range texts {
		if !strings.Contains(flat(r.screen()), flat(text)) {
			r.Fatalf("%q is not on the screen:\n%s", text, r.screen())
		}
	}
}

// lacks fails if the screen shows a text.
func (r *rig) lacks(text string) {
	r.Helper()
	if strings.Contains(r.screen(), text) {
		r.Fatalf("%q is on the screen:\n%s", text, r.screen())
	}
}

func (r *rig) screen() string { return r.term.String() }

// golden compares the screen with a file.
func (r *rig) golden(name string) {
	r.Helper()
	path := filepath.Join("testdata", name+".txt")
	got := r.screen()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			r.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		r.Fatal(err)
	}
	if got != string(want) {
		r.Fatalf("the screen %s is now:\n%s", name, got)
	}
}

// Keys of a VT100.
const (
	up, down, left, right = "\x1b[A", "\x1b[B", "\x1b[D", "\x1b[C"
	pageDown, pageUp      = "\x1b[6~", "\x1b[5~"
	enter, tabKey, clear  = "\r", "\t", "\x15"
	finish                = "\x04"
)
