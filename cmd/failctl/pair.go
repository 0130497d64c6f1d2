package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"tandem/failover/lease"
	"tandem/failover/node"
)

// peersText draws the failover relationships.
func peersText(out *output, peers []node.PeerInfo, now lease.Time) string {
	var b strings.Builder
	for _, p := range peers {
		link := "not reached"
		if p.Connected {
			link = "connected"
		}
		fmt.Fprintf(&b, "\n%s\n", out.bold("Failover peer "+p.Name))
		field := func(name, format string, args ...any) {
			fmt.Fprintf(&b, "%-12s %s\n", name, cut(fmt.Sprintf(format, args...), 66))
		}
		field("this server", "%s, %s since %s", p.Role, p.State, end(p.Since, now))
		field("partner", "%s, %s", p.Partner, link)
		field("posture", "%s (%s) %s", p.Posture, p.Rule, p.PostureWhy)
		if p.PostureUntil > now {
			field("", "for another %s", span(p.PostureUntil.Sub(now).Duration()))
		}
		field("heard us", "%s", end(p.LastContact, now))
		field("mclt", "%s; %d updates wait for the partner", span(time.Duration(p.MCLT)*time.Second), p.Waiting)
	}
	return b.String()
}

// operator is who gives an order, for the log.
func operator() string {
	name := "failctl"
	if u, err := user.Current(); err == nil {
		name = u.Username + " with failctl"
	}
	return name
}

// order gives a command and prints what the server says about itself then.
func order(out *output, o options, word string, args []string) error {
	if len(args) > 1 {
		return usageError(word + " takes the name of a failover peer, or nothing where there is only one")
	}
	var facts []string
	words := append([]string{"order", word, operator()}, args...)
	return askOne(out, o, words, &facts, func() {
		for _, f := range facts {
			fmt.Fprintln(out, f)
		}
	})
}

func orderMaintenance(out *output, o options, args []string) error {
	if len(args) == 0 || args[0] != "on" && args[0] != "off" {
		return usageError("maintenance is switched on or off")
	}
	word := "maintenance"
	if args[0] == "off" {
		word = "resume"
	}
	return order(out, o, word, args[1:])
}

func orderPause(out *output, o options, args []string) error { return order(out, o, "pause", args) }

func orderResume(out *output, o options, args []string) error { return order(out, o, "resume", args) }

func orderCalm(out *output, o options, args []string) error { return order(out, o, "calm", args) }

func orderPartnerDown(out *output, o options, args []string) error {
	return afterEvidence(out, o, "partner-down", "Is the partner off, and will it stay off?", args)
}

func orderRemoved(out *output, o options, args []string) error {
	return afterEvidence(out, o, "removed", "Is the partner gone for good?", args)
}

// afterEvidence shows what speaks for and against a claim about the partner,
// and what it costs if it is false, and then asks.
func afterEvidence(out *output, o options, word, question string, args []string) error {
	if len(args) > 1 {
		return usageError(word + " takes the name of a failover peer, or nothing where there is only one")
	}
	var facts []string
	err := ask(o, append([]string{"evidence"}, args...), func(body json.RawMessage) error {
		return json.Unmarshal(body, &facts)
	})
	if err != nil {
		return err
	}
	for _, f := range facts {
		fmt.Fprintln(out.errors, "- "+f)
	}
	if !o.yes {
		if _, err := unix.IoctlGetTermios(int(os.Stdin.Fd()), unix.TCGETS); err != nil {
			return fmt.Errorf("nothing was done: read the evidence above, then repeat with --yes")
		}
		fmt.Fprintf(out.errors, "%s Type yes: ", question)
		answer, _ := bufio.NewReader(os.Stdin).ReadString('\n')
		if strings.TrimSpace(strings.ToLower(answer)) != "yes" {
			return fmt.Errorf("nothing was done")
		}
	}
	return order(out, o, word, args)
}
