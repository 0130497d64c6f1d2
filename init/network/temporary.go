package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Raise sets a port up and leaves its addresses alone, so that its carrier
// shows and a temporary address can be given to it.
func Raise(name string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("port %s: %w", name, err)
	}
	return netlink.LinkSetUp(link)
}

// Try configures a port as wanted and leaves its other addresses alone; Take
// ends the trial.
func Try(w Wanted) error {
	link, err := bringUp(w)
	if err == nil {
		err = Give(w.Name, w.Prefix)
	}
	if err == nil && w.Gateway.IsValid() {
		err = netlink.RouteReplace(&netlink.Route{LinkIndex: link.Attrs().Index, Gw: w.Gateway.AsSlice()})
	}
	if err != nil {
		return fmt.Errorf("%s (%s): %w", w.Use, w.Label, err)
	}
	return nil
}

// Give adds an address to those that the interface has. It may have it already.
func Give(name string, prefix netip.Prefix) error {
	return change(name, prefix, netlink.AddrReplace)
}

// Take takes such an address away. It may be gone already.
func Take(name string, prefix netip.Prefix) error {
	err := change(name, prefix, netlink.AddrDel)
	if errors.Is(err, unix.EADDRNOTAVAIL) {
		return nil
	}
	return err
}

func change(name string, prefix netip.Prefix, do func(netlink.Link, *netlink.Addr) error) error {
	link, err := netlink.LinkByName(name)
	if err == nil {
		err = do(link, &netlink.Addr{IPNet: &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), 32)}})
	}
	if err != nil {
		return fmt.Errorf("port %s: address %s: %w", name, prefix, err)
	}
	return nil
}

// Signal is what a port sees at the other end of its cable.
type Signal struct {
	Carrier bool
	Speed   int // Mbit/s; zero if the port does not tell
}

// SignalOf reads the signal of an interface.
func SignalOf(name string) Signal {
	var s Signal
	if link, err := netlink.LinkByName(name); err == nil {
		s.Carrier = link.Attrs().RawFlags&unix.IFF_LOWER_UP != 0
	}
	// Not every driver tells the speed; -1 or an error stands for that.
	raw, err := os.ReadFile("/sys/class/net/" + name + "/speed")
	if n, nerr := strconv.Atoi(strings.TrimSpace(string(raw))); err == nil && nerr == nil {
		s.Speed = max(n, 0)
	}
	return s
}
