package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"tandem/failover/daemon/control"
	"tandem/failover/lease"
	"tandem/failover/node"
)

// ask puts a question to the server and hands on the pieces of its answer.
func ask(o options, words []string, fn func(body json.RawMessage) error) error {
	c, err := control.Dial(o.control)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Ask(words, fn)
}

// askOne puts a question whose answer has one piece.
func askOne(out *output, o options, words []string, into any, show func()) error {
	return ask(o, words, func(body json.RawMessage) error {
		if out.json {
			_, err := fmt.Fprintf(out, "%s\n", body)
			return err
		}
		if err := json.Unmarshal(body, into); err != nil {
			return fmt.Errorf("the server's answer is not understood; is it of another version? %w", err)
		}
		show()
		return nil
	})
}

func noArgs(what string, args []string) error {
	if len(args) > 0 {
		return usageError(what + " takes no arguments")
	}
	return nil
}

func showStatus(out *output, o options, args []string) error {
	if err := noArgs("status", args); err != nil {
		return err
	}
	var s node.Status
	return askOne(out, o, []string{"status"}, &s, func() { fmt.Fprint(out, statusText(out, &s)) })
}

var poolColumns = []column{{"network", 18}, {"size", -10}, {"free", -10}, {"active", -10}, {"other", -9}, {"bad", -6}, {"full", -5}}

// statusText draws the server's state; it fits 80 columns.
func statusText(out *output, s *node.Status) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", out.bold(s.Sentence))
	fmt.Fprintf(&b, "dhcpfd %s, up %s, %s leases on record\n", s.Version, span(time.Duration(s.Uptime)*time.Second), thousands(s.Records))
	b.WriteString(peersText(out, s.Peers, s.Now))
	b.WriteString("\n" + out.bold("Interfaces") + "\n")
	if len(s.Interfaces) == 0 {
		b.WriteString("none is up\n")
	}
	for _, i := range s.Interfaces {
		network := "no network of the configuration"
		if i.Network != "" {
			network = "network " + i.Network
		}
		fmt.Fprintf(&b, "%-15s  %-30s  %s\n", i.Name, cut(strings.Join(i.Addrs, " "), 30), cut(network, 31))
	}
	b.WriteString("\n" + out.bold("Pools") + "\n")
	if len(s.Pools) == 0 {
		b.WriteString("none: only fixed addresses are given\n")
		return b.String()
	}
	titles(&b, poolColumns)
	for _, p := range s.Pools {
		full := "-"
		if p.Size > 0 {
			full = fmt.Sprintf("%d %%", 100*p.Active/p.Size)
		}
		row(&b, poolColumns, []string{p.Network, thousands(p.Size), thousands(p.Free), thousands(p.Active),
			thousands(p.Backup + p.Ended), thousands(p.Abandoned), full})
		fmt.Fprintf(&b, "  %s\n", cut(strings.Join(p.Ranges, ", "), 78))
	}
	return b.String()
}

var leaseColumns = []column{{"address", 15}, {"state", 9}, {"ends", 15}, {"client", 17}, {"name", 16}}

func showLeases(out *output, o options, args []string) error {
	words := append([]string{"leases"}, args...)
	if out.json {
		return leasesJSON(out, o, words)
	}
	now := lease.FromUTC(time.Now())
	n := 0
	err := ask(o, words, func(body json.RawMessage) error {
		var list []node.LeaseInfo
		if err := json.Unmarshal(body, &list); err != nil {
			return err
		}
		var b strings.Builder
		if n == 0 && len(list) > 0 {
			titles(&b, leaseColumns)
		}
		n += len(list)
		for i := range list {
			b.WriteString(leaseLine(out, &list[i], now))
		}
		_, err := io.WriteString(out, b.String())
		return err
	})
	if err == nil && n == 0 {
		_, err = fmt.Fprintln(out, "no lease fits")
	}
	return err
}

func leaseLine(out *output, l *node.LeaseInfo, now lease.Time) string {
	client := l.HW
	if client == "" {
		client = l.UID
	}
	var b strings.Builder
	row(&b, leaseColumns, []string{l.IP, l.State, end(l.Ends, now), client, l.Hostname})
	return out.paint(b.String(), l.State)
}

// leasesJSON joins the pieces to one array.
func leasesJSON(out *output, o options, words []string) error {
	sep := "[\n"
	err := ask(o, words, func(body json.RawMessage) error {
		var list []json.RawMessage
		if err := json.Unmarshal(body, &list); err != nil {
			return err
		}
		var b strings.Builder
		for _, l := range list {
			b.WriteString(sep)
			b.Write(l)
			sep = ",\n"
		}
		_, err := io.WriteString(out, b.String())
		return err
	})
	if err != nil {
		return err
	}
	if sep == "[\n" { // nothing fits
		_, err = io.WriteString(out, "[]\n")
	} else {
		_, err = io.WriteString(out, "\n]\n")
	}
	return err
}

func showCounters(out *output, o options, args []string) error {
	if err := noArgs("counters", args); err != nil {
		return err
	}
	var list []node.Counter
	return askOne(out, o, []string{"counters"}, &list, func() {
		var b strings.Builder
		for _, c := range list {
			fmt.Fprintf(&b, "%-40s  %20s\n", cut(c.Name, 40), thousands(c.Value))
		}
		fmt.Fprint(out, b.String())
	})
}

func showWhy(out *output, o options, args []string) error {
	if len(args) > 1 {
		return usageError("why takes one address, MAC address, client identifier or failover peer, or nothing")
	}
	var facts []string
	return askOne(out, o, append([]string{"why"}, args...), &facts, func() {
		for _, f := range facts {
			fmt.Fprint(out, wrap(f, 80))
		}
	})
}
