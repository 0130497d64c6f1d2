package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/cmd/lab/netlab"
)

const (
	// retry is the time after which a client repeats its message. Real clients
	// wait longer; a test has less patience.
	retry = 700 * time.Millisecond
	// maxAsk is how often a client repeats a DHCPREQUEST before it starts anew,
	// maxRenew how often it asks its own server before it asks every server.
	maxAsk   = 4
	maxRenew = 2
)

// Crowd is a number of clients on one wire.
type Crowd struct {
	Books
	Offers, Answers Spread // DISCOVER to OFFER, REQUEST to ACK
	Repeats, NAKs   int
	// Dress may add options to every message of client i.
	Dress func(i int, m *dhcpv4.DHCPv4)
	// OnAck is called after an acknowledgement has been entered.
	OnAck func()

	wire    *Wire
	clients []*client
	byMAC   map[MAC]*client
	serial  uint32
}

type phase uint8

const (
	idle phase = iota
	discovering
	requesting // after an offer
	renewing
	rebinding
	rebooting // INIT-REBOOT
)

type client struct {
	index  int
	mac    MAC
	addr   netip.Addr // its lease, or the offer when requesting
	server netip.Addr
	ends   time.Time // of its lease
	phase  phase
	xid    dhcpv4.TransactionID
	began  time.Time // when the transaction began, for the secs field
	sent   time.Time // when the transaction's first message of the phase went
	asked  int
	lapses int
}

// due is the moment at which a message is repeated. All wait equally long, so
// that the list of them is in order.
type due struct {
	at  time.Time
	c   *client
	xid dhcpv4.TransactionID
	ask int
}

// NewCrowd makes clients whose MACs begin with 02 and the number group.
func NewCrowd(node *netlab.Node, ifname string, group byte, clients int) (*Crowd, error) {
	w, err := Open(node, ifname)
	if err != nil {
		return nil, err
	}
	c := &Crowd{wire: w, byMAC: map[MAC]*client{}}
	for i := range clients {
		one := &client{index: i, mac: MAC{2, group, 0, byte(i >> 16), byte(i >> 8), byte(i)}}
		c.clients = append(c.clients, one)
		c.byMAC[one.mac] = one
	}
	return c, nil
}

// Close closes the crowd's socket.
func (c *Crowd) Close() error { return c.wire.Close() }

// Len is the number of clients.
func (c *Crowd) Len() int { return len(c.clients) }

// MAC is the hardware address of client i.
func (c *Crowd) MAC(i int) MAC { return c.clients[i].mac }

// Addr is the address of client i; the zero one if it has none.
func (c *Crowd) Addr(i int) netip.Addr {
	if one := c.clients[i]; one.bound(time.Now()) {
		return one.addr
	}
	return netip.Addr{}
}

func (one *client) bound(now time.Time) bool { return one.addr.IsValid() && now.Before(one.ends) }

// Acquire lets clients from..to-1 get a lease from nothing, at most window of
// them at a time. It ends when all have one, or with ctx.
func (c *Crowd) Acquire(ctx context.Context, from, to, window int) error {
	return c.run(ctx, from, to, window, discovering)
}

// Renew lets the clients ask for their lease again at the server (RENEWING),
// and if that is silent at every server (REBINDING). A client without a lease
// gets one.
func (c *Crowd) Renew(ctx context.Context, from, to, window int) error {
	return c.run(ctx, from, to, window, renewing)
}

// Rebind lets the clients ask every server for their lease again.
func (c *Crowd) Rebind(ctx context.Context, from, to, window int) error {
	return c.run(ctx, from, to, window, rebinding)
}

// Reboot lets the clients ask for the address that they had (INIT-REBOOT).
func (c *Crowd) Reboot(ctx context.Context, from, to, window int) error {
	return c.run(ctx, from, to, window, rebooting)
}

// run drives each client from a starting phase to idle.
func (c *Crowd) run(ctx context.Context, from, to, window int, start phase) error {
	var waiting []due
	next, flying := from, 0
	for next < to || flying > 0 {
		if ctx.Err() != nil {
			return fmt.Errorf("%d clients without an answer, %d not begun: %w", flying, to-next, ctx.Err())
		}
		for ; next < to && flying < window; next++ {
			d, err := c.begin(c.clients[next], start)
			if err != nil {
				return err
			}
			waiting = append(waiting, d)
			flying++
		}
		m, err := c.wire.Receive(earlier(ctx, waiting))
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			waiting, err = c.repeat(waiting, time.Now())
		case err == nil:
			var d due
			var ended bool
			if d, ended, err = c.receive(m); ended {
				flying--
			} else if d.c != nil {
				waiting = append(waiting, d)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Drain enters what is still on its way, for as long as patience.
func (c *Crowd) Drain(patience time.Duration) error {
	for deadline := time.Now().Add(patience); ; {
		m, err := c.wire.Receive(deadline)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err == nil {
			_, _, err = c.receive(m)
		}
		if err != nil {
			return err
		}
	}
}

// earlier is the moment to look up from the wire.
func earlier(ctx context.Context, waiting []due) time.Time {
	at := time.Now().Add(retry)
	if len(waiting) > 0 {
		at = waiting[0].at
	}
	if d, ok := ctx.Deadline(); ok && d.Before(at) {
		at = d
	}
	return at
}

func (c *Crowd) begin(one *client, p phase) (due, error) {
	lost := !one.bound(time.Now())
	if one.addr.IsValid() && !one.ends.IsZero() && time.Until(one.ends) < brink {
		one.lapses++
	}
	if lost && (p == renewing || p == rebinding) || p == rebooting && !one.addr.IsValid() {
		p = discovering
	}
	one.began = time.Now()
	c.serial++
	one.xid = dhcpv4.TransactionID{byte(c.serial >> 24), byte(c.serial >> 16), byte(c.serial >> 8), byte(c.serial)}
	return c.enter(one, p)
}

func (c *Crowd) enter(one *client, p phase) (due, error) {
	one.phase, one.sent, one.asked = p, time.Now(), 0
	return c.ask(one)
}

// ask sends the message of the client's phase.
func (c *Crowd) ask(one *client) (due, error) {
	one.asked++
	var source, server netip.Addr
	m, err := c.message(one, dhcpv4.MessageTypeRequest)
	if err != nil {
		return due{}, err
	}
	m.NumSeconds = uint16(time.Since(one.began) / time.Second)
	switch one.phase {
	case discovering:
		m.UpdateOption(dhcpv4.OptMessageType(dhcpv4.MessageTypeDiscover))
	case requesting:
		m.UpdateOption(dhcpv4.OptRequestedIPAddress(one.addr.AsSlice()))
		m.UpdateOption(dhcpv4.OptServerIdentifier(one.server.AsSlice()))
	case rebooting:
		m.UpdateOption(dhcpv4.OptRequestedIPAddress(one.addr.AsSlice()))
	case renewing:
		m.ClientIPAddr = one.addr.AsSlice()
		source, server = one.addr, one.server
	case rebinding:
		m.ClientIPAddr = one.addr.AsSlice()
		source = one.addr
	}
	if c.Dress != nil {
		c.Dress(one.index, m)
	}
	return due{time.Now().Add(retry), one, one.xid, one.asked}, c.wire.Send(one.mac, source, server, m)
}

func (c *Crowd) message(one *client, t dhcpv4.MessageType) (*dhcpv4.DHCPv4, error) {
	return dhcpv4.New(dhcpv4.WithTransactionID(one.xid), dhcpv4.WithHwAddr(net.HardwareAddr(one.mac[:])),
		dhcpv4.WithMessageType(t),
		dhcpv4.WithRequestedOptions(dhcpv4.OptionSubnetMask, dhcpv4.OptionRouter, dhcpv4.OptionDomainNameServer))
}

// repeat sends again what has waited long enough.
func (c *Crowd) repeat(waiting []due, now time.Time) ([]due, error) {
	for len(waiting) > 0 && !waiting[0].at.After(now) {
		d := waiting[0]
		waiting = waiting[1:]
		if d.c.phase == idle || d.xid != d.c.xid || d.ask != d.c.asked {
			continue // answered, or asked again since
		}
		c.Repeats++
		var again due
		var err error
		switch {
		case d.c.phase == renewing && d.c.asked >= maxRenew:
			d.c.phase, d.c.asked = rebinding, 0
			again, err = c.ask(d.c)
		case d.c.phase != discovering && d.c.asked >= maxAsk:
			again, err = c.begin(d.c, discovering)
		default:
			again, err = c.ask(d.c)
		}
		if err != nil {
			return waiting, err
		}
		waiting = append(waiting, again)
	}
	return waiting, nil
}

// receive enters a message into the books and moves its client on. Either the
// client's transaction has ended or d says when to repeat what it sent now.
func (c *Crowd) receive(m Message) (d due, ended bool, err error) {
	if len(m.DHCP.ClientHWAddr) != 6 {
		return due{}, false, nil
	}
	one := c.byMAC[MAC(m.DHCP.ClientHWAddr)]
	if one == nil {
		return due{}, false, nil
	}
	addr, _ := netip.AddrFromSlice(m.DHCP.YourIPAddr.To4())
	seconds := uint32(m.DHCP.IPAddressLeaseTime(0) / time.Second)
	kind := m.DHCP.MessageType()
	if kind == dhcpv4.MessageTypeAck && seconds > 0 {
		// Whatever the client thinks of it, the server has promised.
		at := m.At
		if m.DHCP.TransactionID == one.xid {
			at = one.sent
		}
		c.Note(Ack{at, one.mac, addr, seconds})
		if c.OnAck != nil {
			c.OnAck()
		}
	}
	if m.DHCP.TransactionID != one.xid || one.phase == idle {
		return due{}, false, nil
	}
	switch {
	case kind == dhcpv4.MessageTypeOffer && one.phase == discovering:
		c.Offers.Add(m.At.Sub(one.sent))
		one.addr, one.ends = addr, time.Time{}
		one.server, _ = netip.AddrFromSlice(m.DHCP.ServerIdentifier().To4())
		d, err = c.enter(one, requesting)
	case kind == dhcpv4.MessageTypeAck && one.phase != discovering:
		c.Answers.Add(m.At.Sub(one.sent))
		one.addr, one.ends, one.phase = addr, m.At.Add(time.Duration(seconds)*time.Second), idle
		c.wire.Claim(addr, one.mac)
		ended = true
	case kind == dhcpv4.MessageTypeNak && one.phase != discovering:
		c.NAKs++
		c.forget(one)
		d, err = c.begin(one, discovering)
	}
	return d, ended, err
}

func (c *Crowd) forget(one *client) {
	if c.wire.owner[one.addr] == one.mac {
		delete(c.wire.owner, one.addr)
	}
	one.addr, one.ends = netip.Addr{}, time.Time{}
}

// Release lets clients from..to-1 give back their addresses. There is no
// answer to a release.
func (c *Crowd) Release(from, to int) error {
	return c.giveUp(from, to, dhcpv4.MessageTypeRelease)
}

// Decline lets the clients say that their address is used by another.
func (c *Crowd) Decline(from, to int) error {
	return c.giveUp(from, to, dhcpv4.MessageTypeDecline)
}

func (c *Crowd) giveUp(from, to int, t dhcpv4.MessageType) error {
	for _, one := range c.clients[from:to] {
		if !one.bound(time.Now()) {
			continue
		}
		m, err := c.message(one, t)
		if err != nil {
			return err
		}
		m.UpdateOption(dhcpv4.OptServerIdentifier(one.server.AsSlice()))
		var source, server netip.Addr
		if t == dhcpv4.MessageTypeRelease {
			m.ClientIPAddr = one.addr.AsSlice()
			source, server = one.addr, one.server
		} else {
			m.UpdateOption(dhcpv4.OptRequestedIPAddress(one.addr.AsSlice()))
		}
		// From the moment of sending the client makes no claim any more.
		c.GaveUp(one.mac, one.addr)
		if err := c.wire.Send(one.mac, source, server, m); err != nil {
			return err
		}
		c.forget(one)
	}
	return nil
}

// Server is the server of client i's latest offer.
func (c *Crowd) Server(i int) netip.Addr { return c.clients[i].server }

// Left is how much is left of the lease of client i; zero or less if it has
// none.
func (c *Crowd) Left(i int) time.Duration { return time.Until(c.clients[i].ends) }
