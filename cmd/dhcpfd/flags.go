package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"

	"tandem/failover/conf"
	"tandem/failover/daemon"
	"tandem/failover/daemon/control"
	"tandem/failover/dhcp"
	"tandem/failover/node"
)

// Where things are unless told otherwise.
const (
	defaultConf  = "/etc/dhcp/dhcpd.conf"
	defaultStore = "/var/lib/tandem/leases"
)

const help = `dhcpfd - DHCP server with failover, for the dhcpd.conf that you have

usage: dhcpfd [-4] [-f] [-d] [-q] [-t | -T] [-cf FILE] [-lf PATH] [-p PORT]
              [-pf FILE | --no-pid] [--control PATH] [INTERFACE ...]

  INTERFACE     what to serve; none: every interface that is up and has an
                address in a subnet of the configuration
  -cf FILE      configuration (` + defaultConf + `)
  -lf PATH      directory of the lease store (` + defaultStore + `);
                a dhcpd.leases file here, or one in the directory, is read once
                if the store is empty
  -p PORT       listen on this UDP port instead of 67; clients use the next one
  -f            stay in the foreground
  -d            log to standard error, and stay in the foreground
  -q            no banner at the start
  -t            check the configuration and exit
  -T            check the configuration and the leases and exit
  -4            serve DHCPv4, which is the only thing it does
  -pf FILE      write the process id to FILE
  --no-pid      write no process id
  --control PATH
                socket for failctl (` + control.DefaultPath + `)
  --client-rate N
                packets a second from one hardware address, 0 for no limit (20)
  --relay-rate N
                packets a second from one relay, 0 for no limit (50000)
  --keys DIR    this server's key and the pins of its partners' keys; a pinned
                partner is spoken to by TLS only (DIR/keys of the lease store)
  --peer NAME:WORD[,WORD ...]
                choices for a failover relationship that dhcpd.conf has no words
                for: strict, survivor, isc, serve-after-outage,
                partner-down-lease-full, isolated=silent|renew-only|serve,
                g=SECONDS
  --handover    SIGTERM hands every address to the partner before it ends
  --facts FILE  what the box's first process tells of clock, ports and restarts
  --debug       log more
  --version     say which version this is
  --help        this text

examples:
  dhcpfd -t -cf dhcpd.conf           is the file good?
  dhcpfd -d -cf dhcpd.conf eth0      serve eth0, show what happens
  dhcpfd -cf dhcpd.conf -lf /var/lib/dhcp/dhcpd.leases eth0
                                     take over from ISC dhcpd with its leases
  kill -HUP PID                      read the configuration again
  failctl status                     ask the running server

exit codes: 0 ended as told, or all good; 1 usage, configuration or start
failed; 3 the lease store failed while serving (a restart recovers).
`

var errHelp = errors.New("help wanted")

// flags is the command line.
type flags struct {
	foreground, stderr, quiet, debug bool
	testConf, testLeases, version    bool
	conf, leases, pidFile, control   string
	port                             int
	clientRate, relayRate            int
	keys, facts                      string
	handOver                         bool
	peers                            map[string]node.PeerPolicy
	interfaces                       []string
}

// parseFlags reads the command line; flags and interfaces may be mixed, as
// with dhcpd.
func parseFlags(args []string) (flags, error) {
	f := flags{peers: map[string]node.PeerPolicy{}}
	set := flag.NewFlagSet("dhcpfd", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	four, six, noPID := false, false, false
	set.BoolVar(&four, "4", false, "")
	set.BoolVar(&six, "6", false, "")
	set.BoolVar(&f.foreground, "f", false, "")
	set.BoolVar(&f.stderr, "d", false, "")
	set.BoolVar(&f.quiet, "q", false, "")
	set.BoolVar(&f.debug, "debug", false, "")
	set.BoolVar(&f.testConf, "t", false, "")
	set.BoolVar(&f.testLeases, "T", false, "")
	set.BoolVar(&f.version, "version", false, "")
	set.BoolVar(&noPID, "no-pid", false, "")
	set.StringVar(&f.conf, "cf", defaultConf, "")
	set.StringVar(&f.leases, "lf", defaultStore, "")
	set.StringVar(&f.pidFile, "pf", "", "")
	set.StringVar(&f.control, "control", "", "")
	set.IntVar(&f.port, "p", 67, "")
	set.IntVar(&f.clientRate, "client-rate", daemon.DefaultClientRate.PerSecond, "")
	set.IntVar(&f.relayRate, "relay-rate", daemon.DefaultRelayRate.PerSecond, "")
	set.StringVar(&f.keys, "keys", "", "")
	set.StringVar(&f.facts, "facts", "", "")
	set.BoolVar(&f.handOver, "handover", false, "")
	set.Func("peer", "", f.peer)
	for rest := args; ; {
		if err := set.Parse(rest); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return f, errHelp
			}
			return f, fmt.Errorf("%w; dhcpfd --help lists the flags", err)
		}
		if set.NArg() == 0 {
			break
		}
		f.interfaces = append(f.interfaces, set.Arg(0))
		rest = set.Args()[1:]
	}
	if noPID {
		f.pidFile = ""
	}
	return f, f.check(six)
}

func (f *flags) check(six bool) error {
	switch {
	case six:
		return errors.New("-6: DHCPv6 is not served; leave the flag out")
	case f.port < 1 || f.port > 65534:
		return fmt.Errorf("-p %d: a port is a number from 1 to 65534", f.port)
	case f.clientRate < 0 || f.relayRate < 0:
		return errors.New("a rate is a number of packets a second, or 0 for no limit")
	}
	return nil
}

// store gives the directory of the lease store, and the dhcpd.leases that is
// read if it is empty: PATH itself if that is a file, or one inside of it.
func (f *flags) store() (dir, leaseFile string) {
	info, err := os.Stat(f.leases)
	if err == nil && !info.IsDir() {
		return f.leases + ".tandem", f.leases
	}
	inside := filepath.Join(f.leases, "dhcpd.leases")
	if info, err := os.Stat(inside); err == nil && info.Mode().IsRegular() {
		return f.leases, inside
	}
	return f.leases, ""
}

// options is what the server is started with.
func (f *flags) options(cfg *conf.Config, log *daemon.Logger) daemon.Options {
	opt := daemon.Options{
		Config:     cfg,
		Reload:     f.reload(log),
		Interfaces: f.interfaces,
		Port:       f.port,
		Control:    f.control,
		ClientRate: daemon.Rate{PerSecond: f.clientRate, Burst: 3 * f.clientRate},
		RelayRate:  daemon.Rate{PerSecond: f.relayRate, Burst: f.relayRate},
		Facts:      f.facts,
		HandOver:   f.handOver,
		Policies:   f.peers,
		Version:    version(),
		Log:        log,
		Ready:      onReady(),
	}
	opt.Dir, opt.LeaseFile = f.store()
	if opt.Keys = f.keys; opt.Keys == "" {
		opt.Keys = filepath.Join(opt.Dir, "keys")
	}
	if f.facts != "" {
		boot, err := daemon.ReadBoot(f.facts)
		if err != nil {
			log.Sayf(dhcp.LevelWarning, "facts of the box: %v", err)
		}
		opt.Boot = boot
	}
	if f.control == "" {
		opt.Control, opt.ControlFallback = control.DefaultPath, filepath.Join(opt.Dir, "dhcpfd.sock")
	}
	return opt
}

// version is the module's version or the commit that this was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	rev, dirty := "", ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			rev = s.Value
		case "vcs.modified":
			if is, _ := strconv.ParseBool(s.Value); is {
				dirty = " with changes"
			}
		}
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return strings.TrimSuffix(v, "+dirty") + dirty
	}
	if len(rev) > 12 {
		rev = rev[:12]
	}
	return strings.TrimSpace(rev + dirty + " (devel)")
}
