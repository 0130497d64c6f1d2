package pairs

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"time"

	"tandem/cmd/lab/netlab"
	"tandem/failover/daemon/keyring"
	"tandem/failover/lease"
	"tandem/failover/wire"
)

// strangerAt puts a machine on the link between the partners, with the
// primary's address or with a foreign one, that dials the secondary.
func (h *harness) strangerAt(impostor bool) dialler {
	h.Helper()
	from := netip.MustParseAddr("192.168.7.9")
	if impostor {
		from = h.Primary.LinkAddr
	}
	h.strangers++
	machine := must(h.Net.Node(fmt.Sprintf("stranger%d", h.strangers)))(h)
	must0(h, machine.Plug(h.Link, "eth0", from.String()+"/24"))
	h.stranger = machine
	to := netip.AddrPortFrom(h.Secondary.LinkAddr, failoverPort)
	return func(ctx context.Context) (net.Conn, error) { return dialFrom(ctx, machine, from, to) }
}

// dialFrom opens a connection inside of a machine.
func dialFrom(ctx context.Context, machine *netlab.Node, from netip.Addr, to netip.AddrPort) (c net.Conn, err error) {
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), Timeout: time.Second, FallbackDelay: -1}
	err = machine.Do(func() error {
		c, err = d.DialContext(ctx, "tcp4", to.String())
		return err
	})
	return c, err
}

// fastConnections is how many connections make a storm.
const fastConnections = 800

// connectFast opens up to a thousand connections a second and drops them; on a
// machine that does not manage a storm in the time it blows for longer.
func connectFast(ctx context.Context, dial dialler) error {
	patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), Patience)
	defer cancel()
	opened := 0
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil || opened < fastConnections {
		<-tick.C
		c, err := dial(patient)
		switch {
		case patient.Err() != nil:
			return fmt.Errorf("only %d connections were opened", opened)
		case err == nil:
			opened++
			c.Close()
		}
	}
	return nil
}

// noise sends random octets.
func noise(ctx context.Context, dial dialler) error {
	random := rand.New(rand.NewPCG(1, 2))
	return again(ctx, dial, func(c net.Conn) error {
		_, err := c.Write(octets(random))
		return err
	})
}

// octets are some at random.
func octets(random *rand.Rand) []byte {
	b := make([]byte, 100+random.IntN(5000))
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

// sayNothing opens connections and holds them.
func sayNothing(ctx context.Context, dial dialler) error {
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for len(open) < 50 && ctx.Err() == nil {
		c, err := dial(ctx)
		if err != nil {
			return err
		}
		open = append(open, c)
	}
	<-ctx.Done()
	return nil
}

// messages sends well-formed messages that fit nothing.
func messages(ctx context.Context, dial dialler) error {
	random := rand.New(rand.NewPCG(3, 4))
	return again(ctx, dial, func(c net.Conn) error {
		for range 20 {
			frame, err := wire.Frame(anyMessage(random))
			if err != nil {
				return err
			}
			if _, err := c.Write(frame); err != nil {
				return err
			}
		}
		return nil
	})
}

// anyMessage is a message as only somebody would send who knows neither the
// name of the relationship nor where it stands.
func anyMessage(random *rand.Rand) wire.Message {
	switch random.IntN(8) {
	case 0:
		return &wire.Connect{Relationship: wire.Some("another"), MaxUnacked: wire.Some(uint32(1)), ReceiveTimer: wire.Some(wire.MinReceiveTimer)}
	case 1:
		return &wire.State{State: wire.Some(lease.ServerState(2 + random.IntN(10)))}
	case 2:
		return &wire.UpdreqAll{}
	case 3:
		return &wire.Poolreq{}
	case 4:
		return &wire.Upddone{}
	case 5:
		return &wire.Contact{}
	case 6:
		m := &wire.Bndack{}
		m.IP = wire.Some(poolIP)
		return m
	}
	m := &wire.Bndupd{}
	m.IP, m.Status = wire.Some(poolIP), wire.Some(lease.State(1+random.IntN(7)))
	return m
}

// poolIP is an address of the pool.
const poolIP lease.IP = 10<<24 | 1<<8 | 30

// otherKey does the handshake with a key that nobody has pinned.
func otherKey(ctx context.Context, dial dialler) error {
	dir, err := os.MkdirTemp("", "tandem-lab-key-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ring, err := keyring.Open(dir)
	if err != nil {
		return err
	}
	own, _, err := ring.Own()
	if err != nil {
		return err
	}
	return again(ctx, dial, func(c net.Conn) error {
		_, err := greetByTLS(ctx, c, own)
		return err
	})
}

// greetByTLS is the primary's part up to the handshake (draft section 11.2).
func greetByTLS(ctx context.Context, c net.Conn, own tls.Certificate) (*tls.Conn, error) {
	frame, err := wire.Frame(&wire.Connect{
		Relationship: wire.Some(Relationship), MaxUnacked: wire.Some(uint32(10)), ReceiveTimer: wire.Some(lease.Seconds(6)),
		Version: wire.Some(uint8(wire.Version)), TLSRequest: wire.Some(wire.TLSRequired),
		MCLT: wire.Some(lease.Seconds(15)), HBA: wire.Some(wire.HBA{}),
	})
	if err != nil {
		return nil, err
	}
	if _, err := c.Write(frame); err != nil {
		return nil, err
	}
	if _, err := c.Read(make([]byte, wire.MaxMessage)); err != nil { // CONNECTACK
		return nil, err
	}
	secured := tls.Client(c, &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{own}, InsecureSkipVerify: true})
	return secured, secured.HandshakeContext(ctx)
}

// someTimes is how often again does something at least.
const someTimes = 3

// again opens a connection, does something, and reads what comes, again and
// again until ctx ends, and a few times even on a slow machine. What the
// server does with the connection is its right.
func again(ctx context.Context, dial dialler, do func(net.Conn) error) error {
	patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), Patience)
	defer cancel()
	var failed error
	for times := 0; ctx.Err() == nil || times < someTimes; {
		if patient.Err() != nil {
			return fmt.Errorf("only %d connections were opened: %w", times, failed)
		}
		c, err := dial(patient)
		if err != nil {
			failed = err
			continue
		}
		times++
		_ = c.SetDeadline(time.Now().Add(200 * time.Millisecond))
		_ = do(c)
		_, _ = io.Copy(io.Discard, c)
		c.Close()
	}
	return nil
}
