package network

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"tandem/board"
)

// NICs lists the Ethernet devices of this machine, virtual ones left out: a
// port has a device behind it in sysfs.
func NICs() ([]board.NIC, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list network ports: %w", err)
	}
	var nics []board.NIC
	for _, l := range links {
		a := l.Attrs()
		device, err := os.Readlink("/sys/class/net/" + a.Name + "/device")
		if err != nil || a.EncapType != "ether" {
			continue
		}
		n := board.NIC{Name: a.Name, MAC: strings.ToLower(a.HardwareAddr.String()), Bus: filepath.Base(device)}
		if driver, err := os.Readlink("/sys/class/net/" + a.Name + "/device/driver"); err == nil {
			n.Driver = filepath.Base(driver)
		}
		// A virtio device's own directory is "virtio0"; its place is its parent.
		if strings.HasPrefix(n.Bus, "virtio") {
			if full, err := filepath.EvalSymlinks("/sys/class/net/" + a.Name + "/device"); err == nil {
				n.Bus = filepath.Base(filepath.Dir(full))
			}
		}
		nics = append(nics, n)
	}
	return nics, nil
}

// AwaitCarrier waits until the interface has a carrier, at most for wait.
func AwaitCarrier(ctx context.Context, name string, wait time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	updates := make(chan netlink.LinkUpdate, 16)
	if err := netlink.LinkSubscribe(updates, ctx.Done()); err != nil {
		return false
	}
	link, err := netlink.LinkByName(name)
	if err != nil {
		return false
	}
	up := link.Attrs().RawFlags&unix.IFF_LOWER_UP != 0
	for !up {
		select {
		case u, ok := <-updates:
			if !ok {
				return false
			}
			up = u.Attrs().Name == name && u.Attrs().RawFlags&unix.IFF_LOWER_UP != 0
		case <-ctx.Done():
			return false
		}
	}
	return true
}
