package pairs

import (
	"fmt"
	"regexp"
	"testing"

	"tandem/failover/lease"
)

// A fresh pair comes to NORMAL; both serve; grants, renewals, releases,
// declines and ends of leases come to both.
func TestLifeOfLeases(t *testing.T) {
	const n = 40
	each(t, Options{}, n, func(h *harness) {
		h.crowd.Dress = brief(func(i int) bool { return i >= 36 })
		h.acquire(0, n)
		h.settled()
		for _, b := range h.Boxes() {
			if h.servedBy(b, n) == 0 {
				h.Errorf("the %s served no client", b.Name)
			}
		}
		before := h.addrs(0, 36)
		must0(h, h.crowd.Renew(within(h), 0, 36, 10))
		h.keep(before, 0, 36)
		h.settled()
		must0(h, h.crowd.Rebind(within(h), 0, 36, 10))
		h.keep(before, 0, 36)
		h.settled()
		must0(h, h.crowd.Reboot(within(h), 0, 36, 10))
		h.keep(before, 0, 36)
		h.settled() // a release that crosses the news of a renewal may lose
		must0(h, h.crowd.Release(0, 6))
		must0(h, h.crowd.Decline(6, 8))
		h.awaitCounts(28, 2) // the four brief leases have ended, too
		h.settled()
		h.acquire(0, 8)
		h.settled()
	})
}

// servedBy counts the clients whose server is b.
func (h *harness) servedBy(b *Box, n int) int {
	served := 0
	for i := range n {
		if h.crowd.Server(i) == b.Addr {
			served++
		}
	}
	return served
}

// awaitCounts waits until both tables have so many active and abandoned leases.
func (h *harness) awaitCounts(active, abandoned int) {
	h.Helper()
	for _, b := range h.Boxes() {
		last := ""
		err := poll(Patience, func() (bool, error) {
			t, err := b.Leases()
			last = fmt.Sprintf("%d active, %d abandoned", t.Count(lease.Active), t.Count(lease.Abandoned))
			return t.Count(lease.Active) == active && t.Count(lease.Abandoned) == abandoned, err
		})
		if err != nil {
			h.Fatalf("the %s (%s) has %s, not %d and %d: %v; differences: %v", b.Name, b.Kind, last, active, abandoned, err, h.AwaitEqual(0))
		}
	}
}

// With a window of three, and with one of a hundred, a crowd's leases come
// across.
func TestWindow(t *testing.T) {
	for _, window := range []int{3, 100} {
		t.Run(fmt.Sprint(window), func(t *testing.T) {
			each(t, Options{Unacked: window, Ranges: []string{"10.0.1.1 10.0.2.200"}}, 200, func(h *harness) {
				h.acquire(0, 200)
				h.settled()
			})
		})
	}
}

// The primary that serves everybody, and the secondary that does, get back
// from the partner what they run out of.
func TestRebalance(t *testing.T) {
	const size = 40
	for _, split := range []int{256, -1} {
		t.Run(fmt.Sprintf("split %d", max(split, 0)), func(t *testing.T) {
			o := Options{Split: split, Ranges: []string{fmt.Sprintf("10.0.1.1 10.0.1.%d", size)}, LeaseTime: 300,
				Peer: "  min-balance 1;\n  max-balance 2;\n"}
			each(t, o, size, func(h *harness) {
				h.acquire(0, size/2)
				h.settled()
				// All of one half is given; the partner shares its own.
				must0(h, h.awaitBalance(size/2, 5))
				h.settled()
				h.acquire(size/2, size*3/4)
				h.settled()
				server := h.Primary
				if split < 0 {
					server = h.Secondary
				}
				if n := h.servedBy(server, size*3/4); n < size/2+4 {
					h.Errorf("the %s served %d of %d clients", server.Name, n, size*3/4)
				}
				must0(h, h.crowd.Release(0, size*3/4))
				h.awaitCounts(0, 0)
				must0(h, h.awaitBalance(size, size*3/10))
				h.settled()
			})
		})
	}
}

// A server that has run out asks its partner, whose own timer is far away, by
// POOLREQ; the answer and the addresses come.
func TestPoolreq(t *testing.T) {
	const size = 40
	const soon, late = "  min-balance 1;\n  max-balance 2;\n", "  min-balance 3600;\n  max-balance 3600;\n"
	for _, split := range []int{256, -1} {
		t.Run(fmt.Sprintf("split %d", max(split, 0)), func(t *testing.T) {
			o := Options{Split: split, Ranges: []string{fmt.Sprintf("10.0.1.1 10.0.1.%d", size)}, LeaseTime: 300, MCLT: 300}
			o.PrimaryPeer, o.SecondaryPeer = soon, late
			if split < 0 {
				o.PrimaryPeer, o.SecondaryPeer = late, soon
			}
			each(t, o, size, func(h *harness) {
				asks, gives := h.Primary, h.Secondary
				if split < 0 {
					asks, gives = gives, asks
				}
				h.acquire(0, size/2)
				h.settled()
				must0(h, h.awaitBalance(size/2, 5))
				h.settled()
				text := h.sniff()
				if !said(text, asks, gives, "POOLREQ") || !said(text, gives, asks, "POOLRESP") {
					h.Errorf("the %s did not ask by POOLREQ, or was not answered", asks.Name)
				}
			})
		})
	}
}

// said tells whether a capture has a message of this kind from one box to the
// other.
func said(capture string, from, to *Box, kind string) bool {
	return regexp.MustCompile(` ` + regexp.QuoteMeta(from.LinkAddr.String()) + `:\d+ > ` +
		regexp.QuoteMeta(to.LinkAddr.String()) + `:\d+ ` + kind + ` `).MatchString(capture)
}

// awaitBalance waits until each has at least so many of the free addresses.
func (h *harness) awaitBalance(free, each int) error {
	last := ""
	err := poll(Patience, func() (bool, error) {
		t, err := h.Primary.Leases()
		backup := t.Count(lease.Backup)
		last = fmt.Sprintf("%d free, %d backup", free-backup, backup)
		return free-backup >= each && backup >= each, err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", last, err)
	}
	return nil
}
