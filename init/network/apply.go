package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Apply makes the interface as wanted, whatever it was before: other IPv4
// addresses of it are removed. It returns at once; the carrier may come later.
func Apply(w Wanted) error {
	link, err := bringUp(w)
	if err != nil {
		return fmt.Errorf("%s (%s): %w", w.Use, w.Label, err)
	}
	if err := setAddress(link, w.Prefix); err != nil {
		return fmt.Errorf("%s (%s): address %s: %w", w.Use, w.Label, w.Prefix, err)
	}
	if w.Gateway.IsValid() {
		route := &netlink.Route{LinkIndex: link.Attrs().Index, Gw: w.Gateway.AsSlice()}
		if err := netlink.RouteReplace(route); err != nil {
			return fmt.Errorf("%s (%s): gateway %s: %w", w.Use, w.Label, w.Gateway, err)
		}
	}
	return nil
}

// bringUp sets the port and its VLAN up.
func bringUp(w Wanted) (netlink.Link, error) {
	link, err := netlink.LinkByName(w.Parent)
	if err != nil {
		return nil, err
	}
	if w.MTU != 0 {
		if err := netlink.LinkSetMTU(link, w.MTU); err != nil {
			return nil, fmt.Errorf("MTU %d: %w", w.MTU, err)
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return nil, err
	}
	if w.VLAN == 0 {
		return link, nil
	}
	vlan := &netlink.Vlan{
		LinkAttrs: netlink.LinkAttrs{Name: w.Name, ParentIndex: link.Attrs().Index},
		VlanId:    w.VLAN, VlanProtocol: netlink.VLAN_PROTOCOL_8021Q,
	}
	if err := netlink.LinkAdd(vlan); err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, fmt.Errorf("VLAN %d: %w", w.VLAN, err)
	}
	tagged, err := netlink.LinkByName(w.Name)
	if err != nil {
		return nil, err
	}
	return tagged, netlink.LinkSetUp(tagged)
}

// setAddress gives the interface this address and takes all others away.
func setAddress(link netlink.Link, want netip.Prefix) error {
	have, err := netlink.AddrList(link, netlink.FAMILY_V4)
	if err != nil {
		return err
	}
	for _, a := range have {
		if p, ok := prefixOf(a.IPNet); !ok || p != want {
			if err := netlink.AddrDel(link, &a); err != nil {
				return err
			}
		}
	}
	ipnet := &net.IPNet{IP: want.Addr().AsSlice(), Mask: net.CIDRMask(want.Bits(), 32)}
	return netlink.AddrReplace(link, &netlink.Addr{IPNet: ipnet})
}

func prefixOf(n *net.IPNet) (netip.Prefix, bool) {
	addr, ok := netip.AddrFromSlice(n.IP.To4())
	ones, bits := n.Mask.Size()
	return netip.PrefixFrom(addr, ones), ok && bits == 32
}

// Loopback sets lo up, and makes room for what will be known of the LAN.
func Loopback() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return errors.Join(netlink.LinkSetUp(lo), makeRoom(neighbourDir))
}
