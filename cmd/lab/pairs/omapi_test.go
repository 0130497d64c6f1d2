package pairs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tandem/cmd/lab/peers"
)

// omapiGlobal lets omshell in on both servers.
const omapiGlobal = `omapi-port 7911;
key omapi_key { algorithm hmac-sha256; secret "7XXAEqK6LVQWeSD9+51wYdLqVve19kAqX+qBPlEMPP4="; };
omapi-key omapi_key;
`

// omshell types lines into a real omshell on the box and gives what it prints.
func (h *harness) omshell(b *Box, lines ...string) string {
	h.Helper()
	script := append([]string{"server 127.0.0.1", "port 7911", "key-algorithm hmac-sha256",
		"key omapi_key 7XXAEqK6LVQWeSD9+51wYdLqVve19kAqX+qBPlEMPP4=", "connect"}, lines...)
	file := filepath.Join(b.Dir, "omshell.in")
	must0(h, os.WriteFile(file, []byte(strings.Join(script, "\n")+"\n"), 0o644))
	return must(b.run("sh", "-c", "exec omshell < "+file))(h)
}

// demand checks that the lines stand in text in this order.
func (h *harness) demand(text string, lines ...string) {
	h.Helper()
	rest := text
	for _, line := range lines {
		_, after, found := strings.Cut(rest, line+"\n")
		if !found {
			h.Fatalf("no line %q (after the earlier ones) in\n%s", line, text)
		}
		rest = after
	}
}

// eventually types the lines until omshell prints what matches want.
func (h *harness) eventually(b *Box, want string, lines ...string) {
	h.Helper()
	got := ""
	err := poll(Patience, func() (bool, error) {
		got = h.omshell(b, lines...)
		return regexp.MustCompile(want).MatchString(got), nil
	})
	if err != nil {
		h.Fatalf("omshell on the %s never prints %q: %v\n%s", b.Name, want, err, got)
	}
}

var openPeer = []string{"new failover-state", `set name = "` + Relationship + `"`, "open"}

// omshell reads the state of a pair. It cannot declare a living partner down,
// and is told why; a dead one it can, as failctl can.
func TestOmshellFailoverState(t *testing.T) {
	o := Options{MCLT: 10, Global: omapiGlobal}
	eachRole(t, o, 10, func(h *harness, victim *Box) {
		survivor := h.Other(victim)
		if survivor.Kind != peers.Dhcpfd {
			return
		}
		h.acquire(0, 5)
		h.settled()
		hierarchy := "hierarchy = 00:00:00:00"
		if survivor == h.Secondary {
			hierarchy = "hierarchy = 00:00:00:01"
		}
		set := append(openPeer, "set local-state = 4", "update", "refresh")
		h.demand(h.omshell(survivor, set...), "partner-state = 00:00:00:02", "local-state = 00:00:00:02", hierarchy,
			"> can't update object: permission denied", "local-state = 00:00:00:02")
		if got := h.omshell(survivor, set...); !strings.Contains(got, `refused = "the partner is heard (on the failover connection`) {
			h.Errorf("the refusal is not explained:\n%s", got)
		}
		// dhcpd dies of a state that does not exist.
		h.demand(h.omshell(survivor, append(openPeer, "set local-state = 300", "update")...), "> can't update object: invalid argument")
		h.settled()
		victim.Kill()
		must0(h, survivor.AwaitState("communications-interrupted", Patience))
		h.demand(h.omshell(survivor, set...), "local-state = 00:00:00:03", "local-state = 4", "local-state = 00:00:00:04")
		must0(h, survivor.AwaitState("partner-down", Patience))
		must0(h, victim.Start())
		h.settled()
	})
}

// takenOver matches what a box logs when it has a host or group of its partner.
func takenOver(what string) *regexp.Regexp { return regexp.MustCompile(what + " taken over") }

// A host that is made on one box is served by both; it survives SIGKILL of
// both, and changes of either, also while they cannot talk. A dhcpd notices
// nothing of it.
func TestOmshellHosts(t *testing.T) {
	each(t, Options{Global: omapiGlobal, ResponseDelay: 4}, 3, func(h *harness) {
		a, b := h.Primary, h.Secondary
		if a.Kind != peers.Dhcpfd {
			a, b = b, a
		}
		mac := h.crowd.MAC(0).String()
		h.demand(h.omshell(a, "new group", `set name = "g1"`, `set statements = "option host-name \"of-the-group\";"`, "create", "close",
			"new host", `set name = "desk"`, `set group = "g1"`, "set hardware-address = "+mac, "set hardware-type = 1", "set ip-address = 10.0.2.7", "create"),
			`name = "g1"`, `name = "desk"`, "ip-address = 0a:00:02:07")
		if b.Kind != peers.Dhcpfd {
			h.acquire(1, 3)
			h.settled()
			return
		}
		must(b.Server.Await(0, takenOver("host desk"), Patience))(h)
		h.acquire(0, 1)
		if got := h.crowd.Addr(0).String(); got != "10.0.2.7" {
			h.Errorf("the client got %v", got)
		}
		a.Kill()
		b.Kill()
		must0(h, a.Start())
		must0(h, b.Start())
		must0(h, h.AwaitNormal(Patience))
		open := []string{"new host", `set name = "desk"`, "open"}
		for _, box := range h.Boxes() {
			h.demand(h.omshell(box, open...), "ip-address = 0a:00:02:07", "hardware-address = "+mac)
		}
		h.exportIsReadByDhcpd(b, "host desk {", "fixed-address 10.0.2.7;", `group "g1";`)

		h.cut()
		h.omshell(b, append(open, "set ip-address = 10.0.2.8", "update")...)
		h.omshell(a, "new host", `set name = "more"`, "set hardware-address = 02:00:00:00:00:99", "set hardware-type = 1", "create")
		must0(h, h.Link.Heal())
		must0(h, h.AwaitNormal(Patience))
		h.eventually(a, "ip-address = 0a:00:02:08", open...)
		h.eventually(b, "02:00:00:00:00:99", "new host", `set name = "more"`, "open")

		h.omshell(a, append(open, "remove")...)
		h.eventually(b, "can't open object: not found", open...)
		b.Kill()
		must0(h, b.Start())
		must0(h, h.AwaitNormal(Patience))
		for _, box := range h.Boxes() {
			h.demand(h.omshell(box, open...), "> can't open object: not found")
		}
	})
}

// exportIsReadByDhcpd gives the store to a dhcpd, which has to understand it.
func (h *harness) exportIsReadByDhcpd(b *Box, want ...string) {
	h.Helper()
	file := filepath.Join(b.Dir, "exported.leases")
	must(b.run(peers.Failctl(b.Dir, "leases", "export", b.store(), file)...))(h)
	text := string(must(os.ReadFile(file))(h))
	for _, w := range want {
		if !strings.Contains(text, w) {
			h.Errorf("the export lacks %q:\n%s", w, text)
		}
	}
	conf := filepath.Join(b.Dir, "dhcpd-reads.conf")
	must0(h, os.WriteFile(conf, []byte(b.pair.conf(b)), 0o644))
	out := must(b.run("sh", "-c", fmt.Sprintf("dhcpd -T -cf %s -lf %s 2>&1", conf, file)))(h)
	for _, bad := range []string{"expecting", "orrupt", "nexpected", "no such", "unknown"} {
		if strings.Contains(out, bad) {
			h.Errorf("dhcpd does not understand the export:\n%s\n%s", out, text)
		}
	}
}

// A lease that is changed by omshell on one box is changed on the other.
func TestOmshellLease(t *testing.T) {
	t.Parallel()
	for _, r := range roles {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			h := fresh(t, ours, Options{Global: omapiGlobal, MCLT: 10, LeaseTime: 300}, 4)
			here := r.of(h.Pair)
			there := h.Other(here)
			h.acquire(0, 2)
			h.settled()
			must0(h, h.crowd.Renew(within(h), 0, 2, 2)) // from here on for longer than MCLT
			h.settled()
			mine := 0 // a client is released by the server that served it last
			if h.crowd.Server(mine) != here.Addr {
				mine = 1
			}
			if h.crowd.Server(mine) != here.Addr || h.crowd.Server(1-mine) != there.Addr {
				h.Fatalf("the clients were served by %v and %v", h.crowd.Server(0), h.crowd.Server(1))
			}
			by := func(i int) []string {
				return []string{"new lease", "set hardware-address = " + h.crowd.MAC(i).String(), "open"}
			}
			h.demand(h.omshell(here, append(by(1-mine), "set flags = 4", `set note = "kept"`, "update", "refresh")...),
				"state = 00:00:00:02", "flags = 04", `note = "kept"`)
			h.eventually(there, "flags = 04\nnote = \"kept\"", by(1-mine)...)
			if got := h.omshell(here, append(by(mine), "set state = 4", "update", "refresh")...); strings.Contains(got, "can't") {
				h.Errorf("the lease was not released:\n%s", got)
			}
			h.eventually(there, "state = 00:00:00:0[17]", by(mine)...) // free, or the secondary's

			free := func(ip string) []string { return []string{"new lease", "set ip-address = " + ip, "open"} }
			h.omshell(here, append(free("10.0.1.90"), "set flags = 4", "update")...) // the primary's
			h.eventually(there, "flags = 04", free("10.0.1.90")...)
			h.demand(h.omshell(here, append(free("10.0.1.10"), "set flags = 4", "update")...), "> can't update object: permission denied")
			must0(h, h.AwaitEqual(Patience))
			h.healthy()
		})
	}
}

// The shutdown of omshell is maintenance: the partner takes over at once.
func TestOmshellShutdown(t *testing.T) {
	t.Parallel()
	h := fresh(t, ours, Options{MCLT: 300, LeaseTime: 600, Global: omapiGlobal}, 10)
	h.acquire(0, 3)
	h.settled()
	got := h.omshell(h.Primary, "new control", "open", "set state = 2", "update")
	h.demand(got, "> obj: control", "state = 00:00:00:00", "state = 2")
	if strings.Contains(got, "reset") || strings.Contains(got, "can't") {
		h.Errorf("omshell prints\n%s", got)
	}
	must0(h, h.Secondary.AwaitState("partner-down", Patience))
	h.acquire(3, 8)
	must(h.Primary.Failctl("maintenance", "off"))(h)
	h.settled()
}
