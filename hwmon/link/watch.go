package link

import (
	"context"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Event is what the kernel says of one port.
type Event struct {
	Index   int
	Name    string
	HW      string // "52:54:00:12:34:56"
	Carrier bool
	Gone    bool
}

// Watch sends the state of every Ethernet port, and then every change, until
// ctx ends; then it closes the channel.
func Watch(ctx context.Context) (<-chan Event, error) {
	updates := make(chan netlink.LinkUpdate, 64)
	done := make(chan struct{})
	err := netlink.LinkSubscribeWithOptions(updates, done, netlink.LinkSubscribeOptions{ListExisting: true})
	if err != nil {
		return nil, fmt.Errorf("watch network ports: %w", err)
	}
	events := make(chan Event)
	go func() {
		defer close(events)
		defer close(done)
		for {
			select {
			case u, ok := <-updates:
				if !ok {
					return
				}
				if !forward(ctx, events, u) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return events, nil
}

func forward(ctx context.Context, events chan<- Event, u netlink.LinkUpdate) bool {
	a := u.Attrs()
	if a.EncapType != "ether" {
		return true
	}
	e := Event{
		Index: a.Index, Name: a.Name, HW: a.HardwareAddr.String(),
		Carrier: a.RawFlags&unix.IFF_LOWER_UP != 0 && a.RawFlags&unix.IFF_UP != 0,
		Gone:    u.Header.Type == unix.RTM_DELLINK,
	}
	if e.Gone {
		e.Carrier = false
	}
	select {
	case events <- e:
		return true
	case <-ctx.Done():
		return false
	}
}
