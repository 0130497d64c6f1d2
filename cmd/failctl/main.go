// failctl is the operator's tool: it asks a running dhcpfd, checks and prints
// configurations, and looks after lease files and lease stores.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"tandem/failover/daemon/control"
	"tandem/images/layout"
)

// Exit codes, as the help text documents them.
const (
	exitOK     = 0
	exitFailed = 1 // what was asked for failed, or the file is bad
	exitUsage  = 2
)

func main() {
	out := &output{Writer: os.Stdout, errors: os.Stderr, colour: wantColour(os.Stdout)}
	os.Exit(run(os.Args[1:], out))
}

// output is where results and complaints go.
type output struct {
	io.Writer
	errors io.Writer
	colour bool
	json   bool
}

// usageError is a command line that can not be understood.
type usageError string

// Error is what is wrong with it.
func (e usageError) Error() string { return string(e) }

// command is one thing failctl does.
type command struct {
	words string // "conf check"
	run   func(out *output, o options, args []string) error
}

// options are the flags that any command takes.
type options struct {
	control string
	conf    string
	json    bool
	yes     bool
	alone   bool   // --alone: without the partner
	comment string // --comment
	confirm string // --confirm: a time, or none
	data    string // --data: directory of the box's data
	pin     string // --pin
	// partnerStays: --partner-stays, a dhcpd is replaced, its partner not
	partnerStays bool
}

var commands = []command{
	{"status", showStatus},
	{"leases import", importLeases},
	{"leases export", exportLeases},
	{"leases check", checkLeases},
	{"leases adopt", adoptLeases},
	{"leases", showLeases},
	{"counters", showCounters},
	{"why", showWhy},
	{"partner-down", orderPartnerDown},
	{"removed", orderRemoved},
	{"maintenance", orderMaintenance},
	{"pause", orderPause},
	{"resume", orderResume},
	{"calm", orderCalm},
	{"pair status", showPair},
	{"pair open", openPair},
	{"pair close", closePair},
	{"config show", showConfig},
	{"config history", configHistory},
	{"config diff", diffConfig},
	{"config cat", catConfig},
	{"config check", checkConfig},
	{"config put", putConfig},
	{"config edit", editConfig},
	{"config rollback", rollbackConfig},
	{"config confirm", confirmConfig},
	{"config cancel", cancelConfig},
	{"config take", takeConfig},
	{"config export", exportConfig},
	{"reload", reload},
	{"backup verify", verifyBackup},
	{"backup", makeBackup},
	{"restore", restoreBackup},
	{"key show", showKey},
	{"key pin", pinKey},
	{"key forget", forgetKey},
	{"decode", decode},
	{"migrate plan", migratePlan},
	{"conf check", checkConf},
	{"conf print", printConf},
	{"log check", checkLog},
	{"log dump", dumpLog},
	{"log repair", repairLog},
}

func run(args []string, out *output) int {
	o, words, err := parseArgs(args)
	if errors.Is(err, flag.ErrHelp) || err == nil && len(words) > 0 && words[0] == "help" {
		fmt.Fprint(out, helpFor(words))
		return exitOK
	}
	if err == nil {
		out.json = o.json
		err = dispatch(out, o, words)
	}
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errBad): // has been said
		return exitFailed
	case errors.As(err, &usage):
		fmt.Fprintf(out.errors, "failctl: %v; failctl help lists the commands\n", err)
		return exitUsage
	}
	fmt.Fprintf(out.errors, "failctl: %v\n", err)
	return exitFailed
}

// errBad ends a check whose findings were printed.
var errBad = errors.New("bad")

// parseArgs takes the flags from anywhere in the command line.
func parseArgs(args []string) (o options, words []string, err error) {
	set := flag.NewFlagSet("failctl", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(&o.control, "control", control.DefaultPath, "")
	set.StringVar(&o.conf, "cf", "", "")
	set.BoolVar(&o.json, "json", false, "")
	set.BoolVar(&o.yes, "yes", false, "")
	set.BoolVar(&o.alone, "alone", false, "")
	set.StringVar(&o.comment, "comment", "", "")
	set.StringVar(&o.confirm, "confirm", "", "")
	set.StringVar(&o.data, "data", layout.DataDir, "")
	set.StringVar(&o.pin, "pin", "", "")
	set.BoolVar(&o.partnerStays, "partner-stays", false, "")
	for rest := args; ; {
		if err := set.Parse(rest); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return o, words, err
			}
			return o, nil, usageError(err.Error())
		}
		if set.NArg() == 0 {
			return o, words, nil
		}
		words = append(words, set.Arg(0))
		rest = set.Args()[1:]
	}
}

// topics are commands with a help text of their own.
var topics = map[string]string{"config": configHelp, "reload": reloadHelp, "backup": backupHelp, "restore": backupHelp}

// helpFor gives the help that fits the words in front of --help, or after
// help.
func helpFor(words []string) string {
	if len(words) > 0 && words[0] == "help" {
		words = words[1:]
	}
	if len(words) > 0 && topics[words[0]] != "" {
		return topics[words[0]]
	}
	return help
}

func dispatch(out *output, o options, words []string) error {
	if len(words) == 0 {
		return usageError("what do you want to know?")
	}
	for _, c := range commands {
		name := strings.Fields(c.words)
		if len(words) >= len(name) && strings.Join(words[:len(name)], " ") == c.words {
			return c.run(out, o, words[len(name):])
		}
	}
	return usageError(fmt.Sprintf("there is no command %q", strings.Join(words[:min(2, len(words))], " ")))
}

const help = `failctl - ask and look after a Tandem DHCP server

usage: failctl [--control PATH] [--json] COMMAND

ask the running server
  status                    is it serving, and how full are the pools?
  leases [FILTER ...]       leases that fit every filter: a state, an address,
                            or a part of a MAC address, client id or host name
  counters                  figures since the start
  why IP|MAC|ID             what decides about this address or client
  why [PEER]                state, posture and rule, what changes it and when

command the running server (PEER may be left out where there is one)
  partner-down [PEER]       the partner is off and stays off: shows evidence and
                            cost, asks; refused while the partner is heard
  removed [PEER]            the partner is gone for good
  maintenance on|off [PEER] hand all addresses to the partner; take service up
                            again
  pause|resume [PEER]       stop for a short while without handing over
  calm [PEER]               end the caution after a reset storm (R10)
  reload                    read the configuration anew

the pair of boxes (on a Tandem box)
  pair status               is the partner in touch, on which paths?
  pair open [KIND]          show a code with which a box joins: as partner, or
                            as replacement of the one that was
  pair close                stop that
  config COMMAND            the configuration of both: see failctl config -h
  backup FILE               this box in one signed file: see failctl backup -h
  restore FILE              put that back

files (no running server is needed)
  conf check FILE           is this dhcpd.conf good?
  conf print FILE           the same in canonical form
  key show DIR              pin of this server's key, made if need be
  key pin DIR PEER PIN      speak to this partner by TLS with this key only
  key forget DIR PEER       back to clear text
  migrate plan FILE FILE FILE FILE
                            steps from a dhcpd pair to Tandem: dhcpd.conf and
                            dhcpd.leases of the primary, then of the secondary
  decode [FILE]             failover messages in a capture or hexadecimal text
  leases export DIR [FILE]  write the leases of a store as dhcpd.leases
  leases import FILE DIR    read dhcpd.leases into an empty store
  leases check FILE         what is in a dhcpd.leases, and may it be adopted?
  leases adopt FILE DIR     import for a box that takes the place of dhcpd: a
                            damaged file is refused, a store with records stays
  log check DIR             is this lease store whole?
  log dump DIR              every record of it, one a line
  log repair DIR            save what can be saved of a damaged one

  --control PATH            socket of the server (` + control.DefaultPath + `)
  -cf FILE                  for import and export: the dhcpd.conf that the
                            leases belong to, for what depends on failover
  --partner-stays           for check and adopt: the failover partner of that
                            dhcpd goes on, so the relationship does
  --json                    answers as JSON, for programs
  --yes                     do not ask

examples:
  failctl status
  failctl leases active
  failctl leases 00:16:3e
  failctl why 10.0.0.17
  failctl leases --json | jq -r '.[] | .ip'
  failctl conf check /etc/dhcp/dhcpd.conf
  failctl leases export /var/lib/tandem/leases dhcpd.leases

exit codes: 0 done, or good; 1 failed, or bad; 2 the command line is wrong.
`
