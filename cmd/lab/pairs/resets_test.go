package pairs

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A box that is reset three times within 15 minutes by nobody's command goes
// on with renewals only, although it still has authority (R10); one or two
// times do not matter, and an operator ends it.
func TestResetStorm(t *testing.T) {
	long(t)
	t.Parallel()
	h := build(t, ours, Options{MCLT: 300, LeaseTime: 600})
	box, m := h.Secondary, h.boxed(h.Secondary)
	must0(h, h.Start())
	must0(h, h.AwaitNormal(Patience))
	h.crowd = h.newCrowd("crowd", 1, 20)
	h.acquire(0, 10)
	h.settled()
	h.Primary.Kill()
	before := h.addrs(0, 10)
	var resets []time.Time
	for range 3 {
		box.Kill()
		resets = append(resets, time.Now())
		must0(h, m.restarts(resets...))
		must0(h, box.Start())
		must0(h, box.AwaitState("communications-interrupted", Patience))
		must0(h, h.crowd.Renew(within(h), 0, 10, 10))
		h.keep(before, 0, 10)
		if n := len(resets); n < 3 {
			h.acquire(8+2*n, 10+2*n)
		}
	}
	h.refused(box, 14, regexp.MustCompile(`^DHCPDISCOVER from \S+ via eth0: not responding \(three restarts within 15 minutes`))
	if why := must(box.Failctl("why"))(h); !strings.Contains(why, "Posture RENEW-ONLY by rule R10") {
		h.Errorf("why says\n%s", why)
	}
	must(box.Failctl("calm"))(h)
	h.acquire(14, 16)
	must0(h, h.Primary.Start())
	h.settled()
}

// refused lets a new client ask until the server has told so often in its log
// that it will not answer, and checks that nobody did.
func (h *harness) refused(b *Box, client int, says *regexp.Regexp) {
	h.Helper()
	ctx, enough := context.WithTimeout(context.Background(), Patience)
	defer enough()
	mark := b.Server.Mark()
	heard := make(chan error, 1)
	go func() {
		defer enough()
		heard <- poll(Patience, func() (bool, error) { return len(b.Server.Find(mark, says)) >= 3, nil })
	}()
	if h.crowd.Acquire(ctx, client, client+1, 1) == nil {
		h.Errorf("client %d got %v", client, h.crowd.Addr(client))
	}
	must0(h, <-heard)
}
