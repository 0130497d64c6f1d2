package qemu

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Station is a computer of its own on a switch: a network namespace with one
// Ethernet interface, in which real programs run. It needs root.
type Station struct {
	Name      string // of the namespace; "ip netns exec NAME ..." works
	Interface string // always "eth0"
	MAC       MAC
	Port      *Port // the other end of its cable

	tap  *os.File
	wg   sync.WaitGroup
	once sync.Once
}

// NewStation makes a namespace of a name that nobody else may have, and plugs
// it in. The interface is up and has no address.
func NewStation(s *Switch, name string, mac MAC) (*Station, error) {
	t := &Station{Name: name, Interface: "eth0", MAC: mac}
	var err error
	if t.tap, err = inNew(name, func() (*os.File, error) { return openTap(t.Interface, mac) }); err != nil {
		return nil, fmt.Errorf("station %s: %w", name, err)
	}
	t.Port, err = s.Connect(name, func(frame []byte) {
		_, _ = t.tap.Write(frame) // a full or closed tap loses frames as a wire does
	})
	if err != nil {
		t.tap.Close()
		return nil, err
	}
	t.wg.Add(1)
	go t.read()
	return t, nil
}

// inNew runs fn inside a new named namespace.
func inNew(name string, fn func() (*os.File, error)) (f *os.File, err error) {
	runtime.LockOSThread()
	home, err := netns.Get()
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	defer home.Close()
	defer func() {
		// A thread that cannot come home is not given back to the others: it
		// ends with its goroutine.
		if back := netns.Set(home); back == nil {
			runtime.UnlockOSThread()
		} else if err == nil {
			err = back
		}
	}()
	own, err := netns.NewNamed(name)
	if err != nil {
		return nil, fmt.Errorf("network namespace: %w (this needs root)", err)
	}
	defer own.Close()
	if f, err = fn(); err != nil {
		_ = netns.DeleteNamed(name) // err says more
	}
	return f, err
}

// openTap makes a tap interface in the current namespace and brings it up.
func openTap(name string, mac MAC) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/net/tun: %w", err)
	}
	req, err := unix.NewIfreq(name)
	if err == nil {
		req.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
	}
	if err == nil {
		err = raise(name, mac)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("tap: %w", err)
	}
	return os.NewFile(uintptr(fd), "tap"), nil
}

// raise gives the interface its address and brings it and the loopback up.
func raise(name string, mac MAC) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	if err := netlink.LinkSetHardwareAddr(link, mac[:]); err != nil {
		return err
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return err
	}
	return netlink.LinkSetUp(link)
}

func (t *Station) read() {
	defer t.wg.Done()
	buf := make([]byte, MaxFrame+1)
	for {
		n, err := t.tap.Read(buf)
		if err != nil {
			return // closed
		}
		t.Port.Send(append([]byte(nil), buf[:n]...))
	}
}

// Command prepares a program that runs inside the station.
func (t *Station) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "nsenter", append([]string{"--net=/run/netns/" + t.Name, "--", name}, args...)...)
}

// Close unplugs the station and takes its namespace away. Programs that still
// run in it keep running without a network: end them first.
func (t *Station) Close() {
	t.once.Do(func() {
		t.Port.Close()
		t.tap.Close()
		t.wg.Wait()
		_ = netns.DeleteNamed(t.Name) // gone already: what was wanted
	})
}
