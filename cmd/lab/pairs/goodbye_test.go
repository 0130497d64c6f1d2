package pairs

import (
	"strings"
	"syscall"
	"testing"
)

// Maintenance hands every address to the partner at once: within the patience
// of the clients, which is far shorter than MCLT. Afterwards both are as before. SIGTERM with --handover does the same and ends the process.
func TestGoodbye(t *testing.T) {
	t.Parallel()
	for _, r := range roles {
		for _, way := range []string{"maintenance", "handover"} {
			t.Run(way+" of the "+r.name, func(t *testing.T) {
				t.Parallel()
				o := Options{MCLT: 300, LeaseTime: 600, Ranges: []string{"10.0.1.1 10.0.1.20"}}
				if way == "handover" {
					o.Flags = []string{"--handover"}
				}
				h := fresh(t, ours, o, 20)
				h.acquire(0, 6)
				h.settled()
				leaver := r.of(h.Pair)
				stayer := h.Other(leaver)
				if way == "handover" {
					if code := must(leaver.Stop())(h); code != 0 {
						h.Errorf("exit code %d", code)
					}
				} else {
					must(leaver.Failctl("maintenance", "on"))(h)
				}
				must0(h, stayer.AwaitState("partner-down", Patience))
				before := h.addrs(0, 6)
				must0(h, h.crowd.Renew(within(h), 0, 6, 6))
				h.keep(before, 0, 6)
				h.acquire(6, 20)
				for i := range 20 {
					if h.crowd.Server(i) != stayer.Addr && i >= 6 {
						h.Errorf("client %d was served by %v, which is under maintenance", i, h.crowd.Server(i))
					}
				}
				if way == "handover" {
					must0(h, leaver.Start())
				} else {
					must(leaver.Failctl("maintenance", "off"))(h)
				}
				before = h.addrs(0, 20)
				h.settled()
				must0(h, h.crowd.Renew(within(h), 0, 20, 20))
				h.keep(before, 0, 20)
				h.settled()
			})
		}
	}
}

// A pause, and the goodbye to a dhcpd, which knows none: its partner goes on
// at once and both are in NORMAL again afterwards.
func TestPause(t *testing.T) {
	each(t, Options{LeaseTime: 300}, 20, func(h *harness) {
		h.acquire(0, 10)
		h.settled()
		for _, b := range h.Boxes() {
			if b.Kind != ours.primary {
				continue
			}
			for _, words := range []string{"pause", "maintenance on"} {
				mark := h.Other(b).Server.Mark()
				must(b.Failctl(strings.Fields(words)...))(h)
				must(h.Other(b).Server.Await(mark, moves, Patience))(h)
				must0(h, h.crowd.Renew(within(h), 0, 10, 10))
				must(b.Failctl("resume"))(h)
				h.settled()
			}
		}
		h.acquire(10, 20)
		h.settled()
	})
}

// partner-down is refused while the partner is heard, and shows its evidence.
func TestPartnerDownIsRefusedToTheLiving(t *testing.T) {
	t.Parallel()
	h := fresh(t, ours, Options{}, 5)
	for _, b := range h.Boxes() {
		if err := b.PartnerDown(); err == nil || !strings.Contains(err.Error(), "heard") {
			h.Errorf("the %s: %v", b.Name, err)
		}
		if got := b.State(); got != "normal" {
			h.Errorf("the %s is in %q", b.Name, got)
		}
	}
	h.acquire(0, 5)
	h.settled()
}

// What one server sends gets lost while what comes still arrives; and a server
// that stands still comes back. Nobody waits for ever, nobody is given twice.
func TestHalfOpen(t *testing.T) {
	each(t, Options{ResponseDelay: 4, LeaseTime: 120}, 30, func(h *harness) {
		h.acquire(0, 10)
		h.settled()
		other := h.Secondary.LinkAddr.String()
		must0(h, h.Primary.Node.Deafen(other, "eth1"))
		for _, b := range h.Boxes() {
			must0(h, b.AwaitState("communications-interrupted", Patience))
		}
		before := h.addrs(0, 10)
		must0(h, h.crowd.Renew(within(h), 0, 10, 10))
		h.keep(before, 0, 10)
		h.acquire(10, 20)
		must0(h, h.Primary.Node.Undeafen(other, "eth1"))
		h.settled()

		must0(h, h.Secondary.Server.Signal(syscall.SIGSTOP))
		must0(h, h.Primary.AwaitState("communications-interrupted", Patience))
		h.acquire(20, 25)
		must0(h, h.Secondary.Server.Signal(syscall.SIGCONT))
		h.settled()
		h.acquire(25, 30)
		h.settled()
	})
}
