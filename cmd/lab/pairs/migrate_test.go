package pairs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tandem/cmd/lab/load"
	"tandem/cmd/lab/netlab"
	"tandem/cmd/lab/peers"
)

// A live pair of dhcpd becomes a pair of dhcpfd, one server at a time, by the
// steps that failctl prints, under load. No client loses its address.
func TestRollingReplacement(t *testing.T) {
	t.Parallel()
	const n = 50
	o := Options{LeaseTime: 60, MCLT: 15, Ranges: []string{"10.0.1.1 10.0.1.200", "10.0.8.1 10.0.15.250"}}
	h := fresh(t, combo{peers.Dhcpd, peers.Dhcpd}, o, n)
	h.acquire(0, n)
	must0(t, h.crowd.Renew(within(t), 0, n, n))
	first := h.addrs(0, n)
	loader := h.loader()
	ctx, stop := context.WithCancel(context.Background())
	renewals := make(chan error, 1)
	var rounds atomic.Int64
	go func() { renewals <- keepRenewing(ctx, h.crowd, &rounds) }()

	plan := must(h.Primary.run(failctl("migrate", "plan", h.Primary.confFile(), h.Primary.leaseFile(), h.Secondary.confFile(), h.Secondary.leaseFile())...))(t)
	t.Logf("the plan:\n%s", plan)
	for _, b := range []*Box{h.Secondary, h.Primary} {
		must0(t, h.replace(b, plan))
		must0(t, h.AwaitNormal(Patience))
		must0(t, h.AwaitTold(Patience))
		until := rounds.Load() + 4
		must0(t, poll(Patience, func() (bool, error) { return rounds.Load() >= until, nil }))
	}
	// The link between the two new servers: TLS.
	must0(t, h.pin())
	for _, b := range []*Box{h.Secondary, h.Primary} {
		must(b.Stop())(t)
		must0(t, b.Start())
	}
	must0(t, h.AwaitNormal(Patience))
	stop()
	must0(t, <-renewals)
	must0(t, h.crowd.Renew(within(t), 0, n, n))
	h.keep(first, 0, n)
	if h.crowd.NAKs > 0 {
		t.Errorf("%d NAKs", h.crowd.NAKs)
	}
	t.Logf("%d clients renewed %d times; %d messages had no answer within 0.7 s and were repeated, %d NAKs",
		n, rounds.Load(), h.crowd.Repeats, h.crowd.NAKs)
	t.Log(loader.report(t))
	h.settled()
}

// keepRenewing lets all clients renew again and again until ctx ends. Every
// client is given the time to be answered.
func keepRenewing(ctx context.Context, c *load.Crowd, rounds *atomic.Int64) error {
	for ctx.Err() == nil {
		patient, cancel := context.WithTimeout(context.Background(), Patience)
		err := c.Renew(patient, 0, c.Len(), 5)
		cancel()
		if err != nil {
			return err
		}
		rounds.Add(1)
		if err := c.Drain(300 * time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// loader is perfdhcp with clients that come all the time.
type loader struct{ *netlab.Program }

func (h *harness) loader() loader {
	h.Helper()
	node := must(h.Net.Node("generator"))(h)
	must0(h, node.Plug(h.LAN, "eth0", "10.0.0.99/8"))
	return loader{must(node.Start(netlab.Command{Args: []string{
		"perfdhcp", "-4", "-B", "-l", "eth0", "-R", "300", "-r", "20", "-p", "300", "255.255.255.255"}}))(h)}
}

// report ends perfdhcp and gives what it counted.
func (l loader) report(t *testing.T) string {
	must0(t, l.Signal(2)) // SIGINT: it prints its report
	if _, err := l.Wait(Patience); err != nil {
		t.Error(err)
	}
	var b strings.Builder
	for _, line := range l.Find(0, regexp.MustCompile(`Statistics for|sent packets|received packets|drops`)) {
		b.WriteString("\n" + line.Text)
	}
	return "perfdhcp:" + b.String()
}

func (b *Box) confFile() string { return filepath.Join(b.Dir, "dhcpd.conf") }

func failctl(words ...string) []string {
	return append([]string{filepath.Join(netlab.Dir(), "failctl")}, words...)
}

// storeInPlan is where the plan has the lease store of each box, which is
// another directory in the laboratory.
const storeInPlan = "/var/lib/tandem/leases"

// replace follows the plan for one box: each command line in its section is
// run as it is printed.
func (h *harness) replace(b *Box, plan string) error {
	_, section, ok := strings.Cut(plan, "The "+b.Name+"\n")
	if !ok {
		return fmt.Errorf("the plan has no section for the %s", b.Name)
	}
	section, _, _ = strings.Cut(section, "\n\n")
	done := map[string]bool{}
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(regexp.MustCompile(`^\s*\d+\. `).ReplaceAllString(line, ""))
		words := strings.Fields(strings.ReplaceAll(line, storeInPlan, b.store()))
		switch {
		case strings.HasPrefix(line, "Stop dhcpd"):
			if _, err := b.Stop(); err != nil && b.Server.Alive() {
				return err
			}
			done["stop"] = true
		case strings.HasPrefix(line, "failctl leases import"):
			out, err := b.run(failctl(words[1:]...)...)
			if err != nil || !strings.Contains(out, " 0 dropped") {
				return errors.Join(err, fmt.Errorf("import: %s", out))
			}
			done["import"] = true
		case strings.HasPrefix(line, "dhcpfd -t"):
			if out, err := b.run(append([]string{filepath.Join(netlab.Dir(), "dhcpfd")}, words[1:]...)...); err != nil {
				return fmt.Errorf("%w\n%s", err, out)
			}
			done["check"] = true
		case strings.HasPrefix(line, "dhcpfd -cf"):
			text, err := os.ReadFile(b.confFile())
			if err != nil {
				return err
			}
			b.Kind, b.conf = peers.Dhcpfd, string(text)
			if err := b.Start(); err != nil {
				return err
			}
			done["start"] = true
		}
	}
	if len(done) != 4 {
		return fmt.Errorf("the plan for the %s lacks a step; found %v in\n%s", b.Name, done, section)
	}
	return nil
}
