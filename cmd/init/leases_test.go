package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tandem/images/layout"
	boxconf "tandem/init/box"
)

const oldLeases = `lease 10.0.0.5 {
  starts 2 2026/11/17 10:00:00;
  ends 2 2036/11/18 10:00:00;
  cltt 2 2026/11/17 10:00:00;
  binding state active;
  hardware ethernet 00:11:22:33:44:55;
}
`

const goodBox = "name dhcp\nrole single\nlan lan1 10.0.0.2/24\nntp 10.0.0.11 10.0.0.12 10.0.0.13\n"

// premises are a box and its boot partition, as directories.
type premises struct {
	*testing.T
	adoption
	boot  string
	owned int // how often the store was given to its service
}

// program is failctl, built once.
func program(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "failctl")
	if out, err := exec.Command("go", "build", "-o", name, "tandem/cmd/failctl").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return name
}

func newPremises(t *testing.T, failctl string) *premises {
	dir := t.TempDir()
	p := &premises{T: t, boot: filepath.Join(dir, "boot")}
	p.adoption = adoption{data: filepath.Join(dir, "data"), store: filepath.Join(dir, "data", "leases"), offered: filepath.Join(dir, "offered"),
		config: boxconf.Config{Role: boxconf.Single},
		own:    func(string) error { p.owned++; return nil },
		failctl: func(words ...string) ([]byte, int, error) {
			said, err := exec.Command(failctl, words...).CombinedOutput()
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				return said, exit.ExitCode(), nil
			}
			return said, 0, err
		}}
	for _, d := range []string{p.store, filepath.Join(p.boot, layout.Provision)} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// provide puts a file onto the boot partition.
func (p *premises) provide(name, text string) {
	p.Helper()
	if err := os.WriteFile(filepath.Join(p.boot, layout.Provision, name), []byte(text), 0o600); err != nil {
		p.Fatal(err)
	}
}

// setUpNow is the end of the first start: box.conf is there.
func (p *premises) setUpNow() {
	p.Helper()
	if err := os.WriteFile(filepath.Join(p.data, layout.BoxConfig), []byte(goodBox), 0o600); err != nil {
		p.Fatal(err)
	}
}

// takes lets the boot partition be looked at.
func (p *premises) takes(lost, want bool) {
	p.Helper()
	taken, err := p.fromBoot(p.boot, lost)
	if err != nil || (len(taken) == 1) != want || there(p.waiting()) != want {
		p.Fatalf("taken %v, %v; want %v", taken, err, want)
	}
}

// adopts lets the file that waits be taken.
func (p *premises) adopts(want string) {
	p.Helper()
	said, err := p.adopt()
	if err != nil || !strings.Contains(said, want) || want == "" && said != "" {
		p.Fatalf("said %q, %v; want %q", said, err, want)
	}
	if why := p.waits(); why != "" {
		p.Fatal(why)
	}
}

func (p *premises) leases() string {
	p.Helper()
	said, code, err := p.failctl("leases", "export", p.store)
	if err != nil || code != 0 {
		p.Fatalf("%v %s", err, said)
	}
	return string(said)
}

func TestAdoption(t *testing.T) {
	failctl := program(t)
	for name, test := range map[string]func(p *premises){
		"first start": func(p *premises) {
			p.provide(layout.BoxConfig, goodBox)
			p.provide(layout.DHCPLeases, oldLeases)
			p.takes(false, true)
			p.setUpNow()
			if p.waits() == "" {
				p.Fatal("the box would serve without the leases")
			}
			p.adopts("1 leases of the old server taken, 1 of them in use, the newest of 2026-11-17 10:00:00 UTC")
			if !strings.Contains(p.leases(), "00:11:22:33:44:55") || p.owned == 0 {
				p.Fatalf("given to the service %d times, has\n%s", p.owned, p.leases())
			}
			p.takes(false, false)
			p.adopts("")
		},
		"power cut": func(p *premises) {
			p.provide(layout.BoxConfig, goodBox)
			p.provide(layout.DHCPLeases, oldLeases)
			p.takes(false, true) // cut before box.conf was there
			p.takes(false, true)
			p.setUpNow()
			raw, err := os.ReadFile(p.waiting())
			if err != nil {
				p.Fatal(err)
			}
			p.adopts("1 leases")
			if err := os.WriteFile(p.waiting(), raw, 0o600); err != nil { // cut before it was gone
				p.Fatal(err)
			}
			p.adopts("taken before")
		},
		"no box.conf": func(p *premises) { // the console asks
			p.provide(layout.DHCPLeases, oldLeases)
			p.takes(false, false)
		},
		"lost data": func(p *premises) {
			p.provide(layout.BoxConfig, goodBox)
			p.provide(layout.DHCPLeases, oldLeases)
			p.takes(true, false)
		},
		"bad file": func(p *premises) {
			p.provide(layout.BoxConfig, goodBox)
			p.provide(layout.DHCPLeases, oldLeases+"lease 10.0.0.6 { what }\n")
			p.takes(false, true)
			p.setUpNow()
			for range 2 { // also after a restart
				said, err := p.adopt()
				if err == nil || !strings.Contains(err.Error(), "line 8: lease 10.0.0.6: dropped") || !strings.Contains(err.Error(), "Remedy: stop dhcpd and copy") {
					p.Fatalf("said %q, %v", said, err)
				}
				if p.waits() == "" || p.served() {
					p.Fatal("something would be served")
				}
			}
			p.provide(layout.DHCPLeases, oldLeases)
			p.takes(false, true)
			p.adopts("1 leases")
		},
		"begin without": func(p *premises) {
			p.provide(layout.BoxConfig, goodBox)
			p.provide(layout.DHCPLeases, "lease")
			p.takes(false, true)
			if _, err := p.adopt(); err == nil {
				p.Fatal("taken")
			}
			p.provide(layout.DHCPLeases, "")
			p.takes(false, true)
			p.adopts("0 leases")
		},
		"a store that served": func(p *premises) {
			p.provide(layout.BoxConfig, goodBox)
			p.provide(layout.DHCPLeases, oldLeases)
			if err := os.WriteFile(filepath.Join(p.store, "log-1"), nil, 0o600); err != nil {
				p.Fatal(err)
			}
			if taken, err := p.fromBoot(p.boot, false); err == nil || there(p.waiting()) {
				p.Fatalf("taken %v", taken)
			}
		},
		"console": func(p *premises) {
			stick := filepath.Join(p.boot, layout.Provision)
			if found, err := p.look(stick); found != nil || err != nil {
				p.Fatalf("%+v, %v", found, err)
			}
			p.provide(layout.DHCPLeases, oldLeases)
			found, err := p.look(stick)
			if err != nil || found.Label != "dhcpd.leases, 174 octets" {
				p.Fatalf("%+v, %v", found, err)
			}
			if err := p.fromConsole(true); err != nil {
				p.Fatal(err)
			}
			// The same setup again, which ends otherwise.
			if err := p.fromConsole(false); err != nil || there(p.waiting()) {
				p.Fatalf("%v", err)
			}
			if err := p.fromConsole(true); err != nil {
				p.Fatal(err)
			}
			p.adopts("1 leases")
		},
		"Debian": func(p *premises) {
			conf, leases := filepath.Join(p.boot, debian), filepath.Join(p.boot, "var/lib/dhcp")
			for _, d := range []string{conf, leases} {
				if err := os.MkdirAll(d, 0o755); err != nil {
					p.Fatal(err)
				}
			}
			if err := os.WriteFile(filepath.Join(leases, layout.DHCPLeases), []byte(oldLeases), 0o600); err != nil {
				p.Fatal(err)
			}
			if found, err := p.look(conf); err != nil || found == nil {
				p.Fatalf("%+v, %v", found, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) { p := newPremises(t, failctl); test(p) })
	}
}
