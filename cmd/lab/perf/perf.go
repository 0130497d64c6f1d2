// Package perf runs perfdhcp, the load generator of Kea, and reads its report.
package perf

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"tandem/cmd/lab/netlab"
)

// Load is what perfdhcp is to do. It behaves like a relay: it speaks from the
// address of its interface, which must belong to the subnet that is served.
type Load struct {
	Interface string
	Server    netip.Addr
	Clients   int    // different MACs
	Base      string // the first MAC; empty for perfdhcp's own
	// Rate is the number of exchanges to begin per second, for Period.
	Rate   int
	Period time.Duration
	// Avalanche instead lets all clients ask at once and repeat until each
	// has been answered.
	Avalanche bool
	// Unique lets perfdhcp check that no address comes twice; each client must
	// then ask once only.
	Unique bool
	// Broadcast sends to every server of the link instead of to Server, as a
	// relay with a helper address for each does.
	Broadcast bool
	// Seed makes a run repeatable.
	Seed int
}

// exitWait is how long perfdhcp listens after its last message.
const exitWait = 500 * time.Millisecond

// Args is the command line.
func (l Load) Args() []string {
	args := []string{"perfdhcp", "-4", "-l", l.Interface, "-R", strconv.Itoa(l.Clients), "-s", strconv.Itoa(l.Seed)}
	if l.Avalanche {
		args = append(args, "--scenario", "avalanche")
	} else {
		args = append(args, "-r", strconv.Itoa(l.Rate), "-p", strconv.Itoa(int(l.Period/time.Second)),
			"-W", strconv.Itoa(int(exitWait/time.Microsecond)))
	}
	if l.Base != "" {
		args = append(args, "-b", "mac="+l.Base)
	}
	if l.Unique {
		args = append(args, "-u")
	}
	if l.Broadcast {
		return append(args, "-B", "255.255.255.255")
	}
	return append(args, l.Server.String())
}

// Half is one half of the exchanges: DISCOVER-OFFER or REQUEST-ACK.
type Half struct {
	Sent, Received, Orphans, Rejected, NonUnique int
}

// Report is what perfdhcp found.
type Report struct {
	Offers, Acks Half
	Text         string
}

// Complete is the part of all begun exchanges that ended with an ACK, 0 to 1.
func (r Report) Complete() float64 {
	if r.Offers.Sent == 0 {
		return 0
	}
	return float64(r.Acks.Received) / float64(r.Offers.Sent)
}

// Run runs perfdhcp in a machine.
func (l Load) Run(node *netlab.Node, patience time.Duration) (Report, error) {
	p, err := node.Start(netlab.Command{Args: l.Args()})
	if err != nil {
		return Report{}, err
	}
	if _, err := p.Wait(l.Period + patience); err != nil {
		p.Kill()
		return Report{}, err
	}
	var text strings.Builder
	for _, line := range p.Lines(0) {
		text.WriteString(line.Text + "\n")
	}
	r, err := parse(text.String())
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(l.Args(), " "), err, text.String())
	}
	return r, err
}

var number = regexp.MustCompile(`(?m)^([a-z -]+): (\d+)$`)

func parse(text string) (Report, error) {
	r := Report{Text: text}
	for _, half := range []struct {
		title string
		into  *Half
	}{{"DISCOVER-OFFER", &r.Offers}, {"REQUEST-ACK", &r.Acks}} {
		_, after, ok := strings.Cut(text, "***Statistics for: "+half.title+"***\n")
		if !ok {
			return r, fmt.Errorf("no statistics for %s", half.title)
		}
		after, _, _ = strings.Cut(after, "***")
		for _, m := range number.FindAllStringSubmatch(after, -1) {
			n, err := strconv.Atoi(m[2])
			if err != nil {
				return r, err
			}
			switch m[1] {
			case "sent packets":
				half.into.Sent = n
			case "received packets":
				half.into.Received = n
			case "orphans":
				half.into.Orphans = n
			case "rejected leases":
				half.into.Rejected = n
			case "non unique addresses":
				half.into.NonUnique = n
			}
		}
	}
	return r, nil
}
