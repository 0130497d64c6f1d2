// dhcpfd is the DHCP server of a Tandem. It serves the dhcpd.conf that people
// have, on the box or on any Linux, and takes dhcpd's flags.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"tandem/failover/daemon"
	"tandem/failover/dhcp"
)

// Exit codes, as the manual page documents them.
const (
	exitOK     = 0
	exitFailed = 1 // bad usage, bad configuration, or no way to start
	exitStore  = 3 // the lease store failed while serving; a restart recovers
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	f, err := parseFlags(args)
	switch {
	case errors.Is(err, errHelp):
		fmt.Fprint(stdout, help)
		return exitOK
	case err != nil:
		fmt.Fprintf(stderr, "dhcpfd: %v\n", err)
		return exitFailed
	case f.version:
		fmt.Fprintln(stdout, "dhcpfd", version())
		return exitOK
	case f.testConf || f.testLeases:
		return test(f, stderr)
	case f.background():
		return detach(args, stderr)
	}
	return serve(f, stderr)
}

// serve runs the server in the foreground.
func serve(f flags, stderr io.Writer) int {
	cfg := loadConf(f.conf, stderr)
	if cfg == nil {
		return exitFailed
	}
	log, err := openLog(f, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "dhcpfd: %v\n", err)
		return exitFailed
	}
	defer log.Close()
	removePID, err := writePID(f.pidFile)
	if err != nil {
		fmt.Fprintf(stderr, "dhcpfd: %v\n", err)
		return exitFailed
	}
	defer removePID()
	if !f.quiet {
		log.Sayf(dhcp.LevelInfo, "Tandem dhcpfd %s", version())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	err = daemon.Run(ctx, f.options(cfg, log))
	var broken *daemon.StoreError
	switch {
	case err == nil:
		log.Sayf(dhcp.LevelInfo, "Server ended.")
		return exitOK
	case errors.As(err, &broken):
		log.Sayf(dhcp.LevelError, "%v", err)
		return exitStore
	default:
		log.Sayf(dhcp.LevelError, "%v", err)
		return exitFailed
	}
}
