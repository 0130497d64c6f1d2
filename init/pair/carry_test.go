package pair

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/failover/daemon/control"
	"tandem/init/box"
	"tandem/init/pair/config"
	"tandem/init/pair/version"
)

// engine plays dhcpfd on a box: its check refuses what has "bad-NAME" in it,
// it is always well.
type engine struct{}

func (engine) Ask([]string, <-chan struct{}) <-chan control.Piece {
	return one(control.Piece{Body: json.RawMessage(`"well"`)})
}

func (p *place) withEngine() {
	p.t.Helper()
	p.o.DHCPd = filepath.Join(filepath.Dir(p.o.Box), "dhcpd")
	// It is called as dhcpfd is: -t -cf FILE, with FILE including the pair's.
	script := "#!/bin/sh\nfor f in $(sed -n 's/^include \"\\(.*\\)\";$/\\1/p' \"$3\"); do\n" +
		"  if grep -q bad-" + p.name + " \"$f\"; then echo \"$f:1:1: what is this?\" >&2; exit 1; fi\ndone\n"
	if err := os.WriteFile(p.o.DHCPd, []byte(script), 0o755); err != nil {
		p.t.Fatal(err)
	}
	s, err := control.Listen(p.o.Engine, engine{}, func() {})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { s.Close() })
}

// put proposes a dhcpd.conf at a box, again while the one before is being
// ended, and gives what it is answered.
func (p *place) put(text string, alone bool) (string, error) {
	p.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		said, err := p.putOnce(text, alone)
		if err == nil || !strings.Contains(err.Error(), "try again") || time.Now().After(end) {
			return said, err
		}
	}
}

func (p *place) putOnce(text string, alone bool) (string, error) {
	p.t.Helper()
	raw, err := json.Marshal(config.Proposal{Who: "anna", Files: version.Files{version.Main: []byte(text)}, Alone: alone, NoConfirm: true})
	if err != nil {
		p.t.Fatal(err)
	}
	c, err := control.Dial(filepath.Join(p.o.Run, "control"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close()
	said := ""
	err = c.Ask([]string{"config", "put", string(raw)}, func(body json.RawMessage) error {
		var s string
		err := json.Unmarshal(body, &s)
		said += s
		return err
	})
	return said, err
}

func (p *place) serves() string {
	raw, err := os.ReadFile(filepath.Join(p.o.Dir, "config", "active", version.Main))
	if err != nil {
		return ""
	}
	return string(raw)
}

// same tells that both boxes have settled version n and know it.
func same(n uint64) func(Status) bool {
	return func(s Status) bool {
		return s.Config.Version == n && s.Config.Hash == s.Partner.Hash && s.Config.State == "in force" && s.Config.Drift == "" && s.Synchronised
	}
}

// A configuration is changed while both are there, refused by one, changed
// while one is away, and damaged on disk.
func TestConfigurationIsCarried(t *testing.T) {
	if testing.Short() {
		t.Skip("takes more than a minute")
	}
	t.Parallel()
	s := newSite(t)
	a := s.box(s.conf("dhcp-a", box.Primary))
	first := version.Files{version.Main: []byte("# first\nauthoritative;\n")}
	if err := config.Begin(filepath.Join(a.o.Dir, configDir), first); err != nil {
		t.Fatal(err)
	}
	a.withEngine()
	a.start()
	shown := a.until("a code is shown", func(s Status) bool { return s.Code != "" })
	b := s.join(a, shown.Code)
	if b.serves() != string(first[version.Main]) {
		t.Fatalf("b joined with %q", b.serves())
	}
	b.withEngine()
	b.start()
	a.until("both have version 1", same(1))
	b.until("both have version 1", same(1))

	// What b cannot use comes into force nowhere.
	if _, err := b.put("# bad-dhcp-a\n", false); err == nil || !strings.Contains(err.Error(), "what is this?") {
		t.Fatalf("%v", err)
	}
	if _, err := a.put("# bad-dhcp-b\n", false); err == nil || !strings.Contains(err.Error(), "what is this?") {
		t.Fatalf("%v", err)
	}
	// A large one goes through; it is tried on both, and settles by itself.
	second := "# second\n" + strings.Repeat("# a host, and another, and another\n", 100_000)
	if _, err := b.put(second, false); err != nil {
		t.Fatal(err)
	}
	a.until("the new one is in force", func(Status) bool { return a.serves() == second && b.serves() == second })
	n := a.until("both settled", func(s Status) bool { return s.Config.Version > 1 && same(s.Config.Version)(s) }).Config.Version
	b.until("both settled", same(n))

	// b is away: only alone, and b has it on return.
	b.stop()
	a.until("b is away", func(s Status) bool { return !s.Partner.Reachable })
	if _, err := a.put("# third\n", false); err == nil || !strings.Contains(err.Error(), "alone") {
		t.Fatalf("%v", err)
	}
	if _, err := a.put("# third\n", true); err != nil {
		t.Fatal(err)
	}
	a.until("settled alone", func(s Status) bool { return s.Config.Version > n && s.Config.State == "in force" })
	if err := os.Remove(filepath.Join(b.o.Run, "status.json")); err != nil {
		t.Fatal(err)
	}
	b.start()
	n = b.until("caught up", func(s Status) bool {
		if s.Synchronised && s.Config.Version <= n {
			t.Fatalf("it would serve with what it has: %+v", s)
		}
		return s.Config.Version > n && same(s.Config.Version)(s)
	}).Config.Version
	if b.serves() != "# third\n" {
		t.Fatalf("b serves %q", b.serves())
	}
	a.until("both have it", same(n))

	// Somebody edits the file in force: both say so within 10 s.
	path := filepath.Join(b.o.Dir, "config", "active", version.Main)
	began := time.Now()
	b.write(path, "# edited by hand\n")
	for _, x := range []*place{b, a} {
		x.until("drift", func(s Status) bool { return strings.Contains(strings.Join(s.Alarms, " ")+s.Config.Drift, version.Main) })
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("drift was told after %v", took)
	}
}
