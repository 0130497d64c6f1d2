package config

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tandem/init/pair/change"
	"tandem/init/pair/history"
	"tandem/init/pair/version"
)

// engine plays dhcpfd: it refuses texts with "bad-NAME", and is unwell with
// "sick-NAME".
type engine struct {
	name, dir string
	mu        sync.Mutex
	serves    string
	reloads   int
}

func (e *engine) Check(_ context.Context, dir string) error {
	raw, err := os.ReadFile(filepath.Join(dir, version.Main))
	if err == nil && (strings.Contains(string(raw), "bad-"+e.name) || strings.Contains(string(raw), "syntax")) {
		return errors.New("dhcpd.conf:1:1: what is this?\nhas errors")
	}
	return err
}

func (e *engine) Reload(context.Context) error {
	raw, err := os.ReadFile(filepath.Join(e.dir, history.ActiveLink, version.Main))
	e.mu.Lock()
	defer e.mu.Unlock()
	e.serves = string(raw)
	e.reloads++
	return err
}

func (e *engine) Health(context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if strings.Contains(e.serves, "sick-"+e.name) {
		return errors.New("it hangs")
	}
	return nil
}

func (e *engine) text() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.serves
}

// side is one box of a test.
type side struct {
	*Keeper
	*engine
	stop context.CancelFunc
	end  chan error
}

func begins(t *testing.T, name, dir string, solo bool) *side {
	t.Helper()
	e := &engine{name: name, dir: dir}
	k, err := Open(Options{Dir: dir, First: name == "A", Solo: solo, Partner: map[string]string{"A": "B", "B": "A"}[name], Engine: e,
		PartnerPeer: "failover peer \"x\" {\n}\n", Log: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	s := &side{Keeper: k, engine: e, end: make(chan error, 1)}
	ctx, stop := context.WithCancel(t.Context())
	s.stop = stop
	go func() { s.end <- k.Run(ctx) }()
	return s
}

func (s *side) ends() {
	s.stop()
	<-s.end
}

// connect makes a session; what it gives ends it.
func connect(a, b *side) (cut func()) {
	over := make(chan struct{})
	line := func(from, to *side) {
		queue := make(chan []byte, 64)
		from.LinkUp(func(msg []byte) bool {
			select {
			case queue <- msg:
				return true
			default:
				return false
			}
		})
		go func() {
			for {
				select {
				case msg := <-queue:
					_ = to.Receive(msg) // an error is counted by the session
				case <-over:
					return
				}
			}
		}()
	}
	line(a, b)
	line(b, a)
	return func() {
		close(over)
		a.LinkDown()
		b.LinkDown()
	}
}

// say gives a word to a box and waits for its answer.
func (s *side) say(words ...string) (string, error) {
	var text strings.Builder
	for p := range s.Ask(append([]string{"config"}, words...), make(chan struct{})) {
		if p.Error != "" {
			return "", errors.New(p.Error)
		}
		var piece string
		if json.Unmarshal(p.Body, &piece) != nil {
			piece = string(p.Body)
		}
		text.WriteString(piece)
	}
	return text.String(), nil
}

func (s *side) must(t *testing.T, words ...string) string {
	t.Helper()
	text, err := s.say(words...)
	if err != nil {
		t.Fatalf("%q: %v", words, err)
	}
	return text
}

func proposal(text string, change func(*Proposal)) string {
	p := Proposal{Who: "anna", Files: version.Files{version.Main: []byte(text)}}
	if change != nil {
		change(&p)
	}
	raw, _ := json.Marshal(p)
	return string(raw)
}

func demand(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}

// One change from the word to the commit, on both boxes, and what the
// operator can ask about it.
func TestChangeOnBoth(t *testing.T) {
	dirA, dirB := t.TempDir(), t.TempDir()
	for _, dir := range []string{dirA, dirB} {
		if err := Begin(dir, version.Files{version.Main: []byte("# one\nauthoritative;\n")}); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		a, b := begins(t, "A", dirA, false), begins(t, "B", dirB, false)
		defer a.ends()
		defer b.ends()
		defer connect(a, b)()
		time.Sleep(5 * time.Second)
		if s := b.Status(); !s.Synchronised || s.Drift != "" || s.Settled != a.Status().Settled {
			t.Fatalf("%+v", s)
		}
		for _, c := range []struct{ text, want string }{
			{"syntax", "what is this?"},
			{"bad-B", "B refuses it: dhcpd.conf:1:1"},
			{"# one\nauthoritative;\n", "nothing was changed"},
		} {
			_, err := a.say("put", proposal(c.text, nil))
			demand(t, err, c.want)
		}
		time.Sleep(time.Second)
		text := b.must(t, "put", proposal("# two\nauthoritative;\n", func(p *Proposal) { p.Comment = "more" }))
		if !strings.Contains(text, "in force on both boxes, on trial") {
			t.Errorf("put: %q", text)
		}
		if a.text() != b.text() || !strings.HasPrefix(a.text(), "# two") {
			t.Errorf("they serve by %q and %q", a.text(), b.text())
		}
		_, err := a.say("put", proposal("# three\n", nil))
		demand(t, err, "another change is under way")
		if text = a.must(t, "confirm", "bert"); !strings.Contains(text, "is committed on both boxes") {
			t.Errorf("confirm: %q", text)
		}
		text = a.must(t, "diff")
		if !strings.Contains(text, "-# one\n+# two\n authoritative;\n") {
			t.Errorf("diff: %s", text)
		}
		var list []history.Entry
		if err := json.Unmarshal([]byte(b.must(t, "history")), &list); err != nil {
			t.Fatal(err)
		}
		if e := list[0]; e.Who != "anna" || e.Comment != "more" || e.Outcome != "committed" {
			t.Errorf("%+v", e)
		}
		if _, err := b.say("rollback", "1", proposal("", nil)); err != nil {
			t.Errorf("rollback: %v", err)
		}
		time.Sleep(change.DefaultConfirmTime + time.Minute)
		if a.Status().Settled != b.Status().Settled || !strings.HasPrefix(b.text(), "# two") || a.text() != b.text() {
			t.Errorf("not confirmed, and yet they serve by %q and %q", a.text(), b.text())
		}
	})
}

// A partner that was away gets the version on return; a restart in between
// changes nothing.
func TestAloneAndBack(t *testing.T) {
	dirA, dirB := t.TempDir(), t.TempDir()
	if err := Begin(dirA, version.Files{version.Main: []byte("# one\nauthoritative;\n")}); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		a := begins(t, "A", dirA, false)
		time.Sleep(time.Second)
		_, err := a.say("put", proposal("# two\n", nil))
		demand(t, err, "B cannot be reached: nothing was changed. With --alone")
		text := a.must(t, "put", proposal("# two\n", func(p *Proposal) { p.Alone, p.NoConfirm = true, true }))
		if !strings.Contains(text, "on this box; B gets it on return") {
			t.Errorf("%q", text)
		}
		a.must(t, "put", proposal("# three\n", func(p *Proposal) { p.Alone, p.NoConfirm = true, true }))
		a.ends()
		a = begins(t, "A", dirA, false)
		defer a.ends()
		b := begins(t, "B", dirB, false)
		defer b.ends()
		time.Sleep(10 * time.Second)
		if b.Status().Synchronised {
			t.Error("B did not wait for A")
		}
		defer connect(a, b)()
		time.Sleep(5 * time.Second)
		if s := b.Status(); !s.Synchronised || s.Drift != "" || b.text() != "# three\n" {
			t.Errorf("%+v, serves by %q", s, b.text())
		}
		if text := a.must(t, "diff"); !strings.Contains(text, "(version 2)") || !strings.Contains(text, "-# two\n+# three\n") {
			t.Errorf("diff at A: %s", text)
		}
		_, err = b.say("diff") // it never had version 2, nor anything before
		demand(t, err, "is not kept here; name a version")
		b.must(t, "put", proposal("# four\n", func(p *Proposal) { p.NoConfirm = true }))
		if text := b.must(t, "diff"); !strings.Contains(text, "-# three\n+# four\n") {
			t.Errorf("diff at B: %s", text)
		}
	})
}

// Files that are changed behind the pair's back are an alarm on both boxes
// within 10 s, and can be fetched from the partner.
func TestDriftOnDisk(t *testing.T) {
	dirA, dirB := t.TempDir(), t.TempDir()
	for _, dir := range []string{dirA, dirB} {
		if err := Begin(dir, version.Files{version.Main: []byte("# one\nauthoritative;\n")}); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		a, b := begins(t, "A", dirA, false), begins(t, "B", dirB, false)
		defer a.ends()
		defer b.ends()
		defer connect(a, b)()
		time.Sleep(5 * time.Second)
		if err := os.WriteFile(filepath.Join(dirB, history.ActiveLink, version.Main), []byte("# mine\n"), 0o640); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		for _, s := range []*side{a, b} {
			if !strings.Contains(s.Status().Drift, "changed on disk") {
				t.Errorf("drift %q", s.Status().Drift)
			}
		}
		b.must(t, "take", "theirs", "anna")
		time.Sleep(5 * time.Second)
		if a.Status().Drift != "" || b.Status().Drift != "" || !strings.HasPrefix(b.text(), "# one") {
			t.Errorf("%q, %q, serves by %q", a.Status().Drift, b.Status().Drift, b.text())
		}
	})
}

func TestSingleBox(t *testing.T) {
	dir := t.TempDir()
	hosts := strings.Repeat("host h { hardware ethernet 02:00:00:00:00:01; fixed-address 10.0.0.9; }\n", 2000)
	synctest.Test(t, func(t *testing.T) {
		a := begins(t, "A", dir, true)
		defer a.ends()
		time.Sleep(time.Second)
		if raw, err := os.ReadFile(filepath.Join(dir, history.ActiveLink, version.Main)); err != nil || !strings.Contains(string(raw), "serves nobody") {
			t.Errorf("a new box has %q, %v", raw, err)
		}
		text := a.must(t, "put", proposal("include \"hosts.conf\";\nauthoritative;\n", func(p *Proposal) {
			p.Files["hosts.conf"] = []byte(hosts)
			p.NoConfirm = true
		}))
		if text != "version 1 is committed" {
			t.Errorf("%q", text)
		}
		if got := a.must(t, "export"); got != "# dhcpd.conf for the partner of this box, made from version 1\nfailover peer \"x\" {\n}\n"+hosts+"authoritative;\n" {
			t.Errorf("export of %d octets: %.300q", len(got), got)
		}
		_, err := a.say("put", proposal("# sick-A\n", func(p *Proposal) { p.NoConfirm = true }))
		demand(t, err, "dhcpfd is not well: it hangs")
		if !strings.HasPrefix(a.text(), "include") {
			t.Errorf("it serves by %q", a.text())
		}
		a.must(t, "put", proposal("# two\n", nil))
		if text := a.must(t, "cancel", "anna"); !strings.Contains(text, "version 1 is in force") {
			t.Errorf("cancel: %q", text)
		}
		if text := a.must(t, "check", `{"dhcpd.conf":"IyBnb29kCg=="}`); !strings.Contains(text, "good") {
			t.Errorf("check: %q", text)
		}
		for _, c := range []struct{ words, want string }{
			{"", "config what?"}, {"dance", "not understood"}, {"diff 1 2 3", "not understood"}, {"files 77", "not kept on this box"},
			{"check {}", "no dhcpd.conf"}, {"check x", "not understood"}, {"take both anna", "not \"both\""}, {"confirm anna", "no change on trial"},
			{"take mine anna", "no partner"}, {`check {"dhcpd.conf":"","../x":""}`, "cannot be the name"},
		} {
			_, err := a.say(strings.Fields(c.words)...)
			demand(t, err, c.want)
		}
	})
}

func TestFirstVersions(t *testing.T) {
	for _, c := range []struct {
		text string
		want uint64
	}{{"# the pair's dhcpd.conf\n\n", 0}, {"authoritative;\n", 1}} {
		dir := t.TempDir()
		first := filepath.Join(dir, "first")
		for _, err := range []error{os.Mkdir(first, 0o755), os.WriteFile(filepath.Join(first, version.Main), []byte(c.text), 0o644),
			os.Symlink("first", filepath.Join(dir, history.ActiveLink))} {
			if err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			k, err := Open(Options{Dir: dir, Log: t.Logf})
			if err != nil || k.Status().Settled.Number != c.want {
				t.Errorf("%q: %+v, %v", c.text, k.Status().Settled, err)
			}
		}
		v := &version.Version{Meta: version.Meta{Number: 9, Parent: version.ID{1}, Who: "x", When: time.Unix(1, 0)}, Files: version.Files{version.Main: nil}}
		if err := Adopt(dir, v); err != nil {
			t.Fatal(err)
		}
		k, err := Open(Options{Dir: dir, Log: t.Logf})
		if err != nil || k.Status().Settled != v.Ref() {
			t.Errorf("adopted: %+v, %v", k.Status().Settled, err)
		}
		if active, err := k.Active(); err != nil || active.ID() != v.ID() {
			t.Errorf("%v, %v", active, err)
		}
		// What it was made on top of is not here: the latest one before is.
		text, err := k.answer([]string{"diff"}, nil)
		if c.want == 0 {
			demand(t, err, "is not kept here")
		} else if said, _ := text.(string); err != nil || !strings.Contains(said, "dhcpd.conf (version 1)") {
			t.Errorf("%q, %v", said, err)
		}
	}
	testLostMemory(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "memory.json"), []byte("{"), 0o640); err != nil {
		t.Fatal(err)
	}
	_, err := Open(Options{Dir: dir, Log: t.Logf})
	demand(t, err, "memory.json is damaged")
}

// Without what was remembered the version in force goes on, with its line of
// ancestors.
func testLostMemory(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	if err := Begin(dir, version.Files{version.Main: []byte("authoritative;\n")}); err != nil {
		t.Fatal(err)
	}
	k, err := Open(Options{Dir: dir, Log: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	first := k.Status().Settled.ID
	v := &version.Version{Meta: version.Meta{Number: 2, Parent: first, When: time.Unix(1, 0)}, Files: version.Files{version.Main: []byte("# two\nddns-updates off;\n")}}
	for _, err := range []error{Adopt(dir, v), os.Remove(filepath.Join(dir, "memory.json"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	store, err := history.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := remember(store, dir)
	if err != nil || m.Settled != v.Ref() || len(m.Chain) != 1 || m.Chain[0] != first {
		t.Errorf("%+v, %v", m, err)
	}
}

// A request with 40,000 hosts fits.
func TestLargeConfigurationFits(t *testing.T) {
	var conf strings.Builder
	for i := range 40000 {
		fmt.Fprintf(&conf, "host client-%05d { hardware ethernet 02:00:00:%02x:%02x:%02x; fixed-address 10.%d.%d.%d; option host-name \"c%d\"; }\n",
			i, i>>16, i>>8&255, i&255, i>>16, i>>8&255, i&255, i)
	}
	p := proposal(conf.String(), nil)
	line, err := json.Marshal([]string{"config", "put", p})
	if err != nil {
		t.Fatal(err)
	}
	if conf.Len() < 4<<20 || len(line) > MaxRequest {
		t.Errorf("%d octets of configuration make a request of %d", conf.Len(), len(line))
	}
}
