package load

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// asker is the end of the hardware address of the machine that Settle speaks for.
const asker = 0xff

// Settle waits until every one of the servers has handled whatever was sent to
// it before, and enters their answers: each answers a DHCPINFORM in its turn.
// from is an address of the network that no client has.
func (c *Crowd) Settle(ctx context.Context, from netip.Addr, servers ...netip.Addr) error {
	one := &client{mac: MAC{2, asker, asker, asker, asker, asker}, addr: from}
	c.wire.Claim(from, one.mac)
	defer delete(c.wire.owner, from)
	open := map[netip.Addr]bool{}
	for _, s := range servers {
		open[s] = true
	}
	c.serial++
	one.xid = dhcpv4.TransactionID{byte(c.serial >> 24), byte(c.serial >> 16), byte(c.serial >> 8), byte(c.serial)}
	m, err := c.message(one, dhcpv4.MessageTypeInform)
	if err != nil {
		return err
	}
	m.ClientIPAddr = from.AsSlice()
	for len(open) > 0 {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%d of %d servers do not answer a DHCPINFORM: %w", len(open), len(servers), err)
		}
		if err := c.wire.Send(one.mac, from, netip.Addr{}, m); err != nil {
			return err
		}
		if err := c.hearInform(one, open, time.Now().Add(retry)); err != nil {
			return err
		}
	}
	return nil
}

// hearInform takes what comes until the deadline, or until no server is open.
func (c *Crowd) hearInform(one *client, open map[netip.Addr]bool, deadline time.Time) error {
	for len(open) > 0 {
		m, err := c.wire.Receive(deadline)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		if m.DHCP.TransactionID == one.xid && m.DHCP.MessageType() == dhcpv4.MessageTypeAck {
			server, _ := netip.AddrFromSlice(m.DHCP.ServerIdentifier().To4())
			delete(open, server)
			continue
		}
		if _, _, err := c.receive(m); err != nil {
			return err
		}
	}
	return nil
}

// brink is what must be left of a lease when its client begins to ask, so that
// it cannot end before the server has heard of it.
const brink = 3 * time.Second

// Lapses is how often client i began to ask when its lease had ended, or was
// about to.
func (c *Crowd) Lapses(i int) int { return c.clients[i].lapses }
