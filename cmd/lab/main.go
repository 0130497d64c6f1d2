// lab is Tandem's laboratory: private networks in which real servers and real
// clients meet. `make run` shows a server at work, `make bench` compares it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"tandem/cmd/lab/bench"
	"tandem/cmd/lab/netlab"
	"tandem/cmd/lab/peers"
)

const usage = `usage: lab boxes [-provisioned]    two blank boxes in QEMU, set up on their consoles:
                                   in a terminal a view with keys, else a fixed
                                   scenario; -provisioned skips the setup
       lab bench-boot              power-on to the first address, for every way to start
       lab run                     a server and two clients at work; then a pair of
                                   servers, one of which is killed and returns
       lab bench [-quick] [-readme FILE] [-store DIR] [-servers LIST]
                                   dhcpfd against kea-dhcp4, dhcpd and dnsmasq
       lab bench-pairs [the same]  a failover pair against one server and against
                                   pairs of dhcpd and kea-dhcp4

examples:
  lab bench -readme README.md      measure, and write the table between the
                                   markers of README.md
  lab bench -store /srv/leases     the store on that disk
  lab bench -servers dhcpfd,dhcpd  compare the first with the others
`

func main() {
	if err := command(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

func command(args []string) error {
	if len(args) == 0 {
		args = []string{"help"}
	}
	switch args[0] {
	case "boxes":
		return runBoxes(args[1:])
	case "bench-boot":
		return benchBoot()
	case "run":
		if err := netlab.Enter(peers.Build); err != nil {
			return err
		}
		return errors.Join(show(os.Stdout), showPair(os.Stdout))
	case "bench":
		return benchmark(args[1:], "dhcpfd,kea-dhcp4,dhcpd,dnsmasq", bench.Prepare, bench.Run)
	case "bench-pairs":
		return benchmark(args[1:], "dhcpfd,dhcpd,kea-dhcp4", func(string) error { return nil }, bench.RunPairs)
	case "help", "-h", "-help", "--help":
		fmt.Print(usage)
		return nil
	}
	return fmt.Errorf("no command is called %q\n%s", args[0], usage)
}

// benchmark measures the servers, all of them unless some are named.
func benchmark(args []string, all string, prepare func(dir string) error, run func(io.Writer, bench.Options) error) error {
	set := flag.NewFlagSet("lab bench", flag.ContinueOnError)
	set.Usage = func() { fmt.Fprint(set.Output(), usage) }
	var o bench.Options
	set.BoolVar(&o.Quick, "quick", false, "")
	set.StringVar(&o.Readme, "readme", "", "")
	set.StringVar(&o.Store, "store", "", "")
	servers := set.String("servers", all, "")
	if err := set.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	for name := range strings.SplitSeq(*servers, ",") {
		o.Servers = append(o.Servers, peers.Kind(name))
	}
	if err := netlab.Enter(func(dir string) error {
		if err := peers.Build(dir); err != nil {
			return err
		}
		return prepare(dir)
	}); err != nil {
		return err
	}
	return run(os.Stdout, o)
}
