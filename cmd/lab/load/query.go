package load

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/cmd/lab/netlab"
)

// The message types of RFC 4388 section 6.1, which the codec does not name.
const (
	LeaseQuery      dhcpv4.MessageType = 10
	LeaseUnassigned dhcpv4.MessageType = 11
	LeaseUnknown    dhcpv4.MessageType = 12
	LeaseActive     dhcpv4.MessageType = 13
)

// Querier asks a server about leases (RFC 4388), as an access concentrator
// does.
type Querier struct {
	conn   *net.UDPConn
	self   netip.Addr
	server netip.Addr
	serial uint32
}

// NewQuerier opens port 67 at an address of the machine.
func NewQuerier(node *netlab.Node, self, server netip.Addr) (*Querier, error) {
	q := &Querier{self: self, server: server}
	return q, node.Do(func() (err error) {
		q.conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(self, serverPort)))
		return err
	})
}

// Close closes the port.
func (q *Querier) Close() error { return q.conn.Close() }

// Query asks about the lease that the modifiers name: by ciaddr, chaddr or
// option 61.
func (q *Querier) Query(by ...dhcpv4.Modifier) (*dhcpv4.DHCPv4, error) {
	q.serial++
	m, err := dhcpv4.New(append([]dhcpv4.Modifier{
		dhcpv4.WithMessageType(LeaseQuery),
		dhcpv4.WithHWType(0), dhcpv4.WithHwAddr(nil), // RFC 4388 section 6.2
		dhcpv4.WithGatewayIP(q.self.AsSlice()),
		dhcpv4.WithTransactionID(dhcpv4.TransactionID{0x1e, byte(q.serial >> 16), byte(q.serial >> 8), byte(q.serial)}),
		dhcpv4.WithRequestedOptions(dhcpv4.OptionIPAddressLeaseTime, dhcpv4.OptionClientLastTransactionTime,
			dhcpv4.OptionAssociatedIP, dhcpv4.OptionClientIdentifier),
	}, by...)...)
	if err != nil {
		return nil, err
	}
	buf := make([]byte, 1500)
	for range 5 {
		if _, err := q.conn.WriteToUDPAddrPort(m.ToBytes(), netip.AddrPortFrom(q.server, serverPort)); err != nil {
			return nil, err
		}
		if err := q.conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			return nil, err
		}
		for {
			n, _, err := q.conn.ReadFromUDPAddrPort(buf)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return nil, err
			}
			if r, err := dhcpv4.FromBytes(buf[:n]); err == nil && r.TransactionID == m.TransactionID {
				return r, nil
			}
		}
	}
	return nil, fmt.Errorf("no answer to a leasequery of %v", q.server)
}

// QueryAddr asks about an address.
func (q *Querier) QueryAddr(a netip.Addr) (*dhcpv4.DHCPv4, error) {
	return q.Query(dhcpv4.WithClientIP(a.AsSlice()))
}
