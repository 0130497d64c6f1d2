package daemon

import (
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/node"
	"tandem/failover/store/faultfs"
)

// promiseSeeds is how many lives the property test lives through.
const promiseSeeds = 2000

// promise is what an ACK told a client.
type promise struct {
	hw   string
	ends lease.Time
}

// life is one server from its first start to a power cut at a random
// operation of its disk, with random clients.
type life struct {
	*bench
	t        *testing.T
	rng      *rand.Rand
	promises map[lease.IP]promise
}

// TestEveryACKIsOnDiskAfterACrashAnywhere is the promise I2, and I1 for one
// server: whatever operation of the disk the power fails at, every lease that
// was acknowledged is there afterwards, with no earlier end, and no address
// was acknowledged to two clients at a time.
func TestEveryACKIsOnDiskAfterACrashAnywhere(t *testing.T) {
	seeds := uint64(promiseSeeds)
	if testing.Short() {
		seeds = 100
	}
	acks := 0
	for seed := range seeds {
		acks += liveAndDie(t, seed)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if acks < int(seeds) {
		t.Fatalf("only %d ACKs in %d lives: the test tests nothing", acks, seeds)
	}
}

func liveAndDie(t *testing.T, seed uint64) (acks int) {
	rng := rand.New(rand.NewPCG(seed, 7))
	fs := faultfs.New(seed)
	l := &life{bench: benchOn(t, fs, testConf), t: t, rng: rng, promises: map[lease.IP]promise{}}
	fs.CutAt(fs.Ops() + 1 + rng.IntN(60))
	for range 80 {
		n, alive := l.turn()
		acks += n
		if !alive {
			break
		}
	}
	again := newTestKeeper(t, fs.PowerCut(), quiet(t))
	for ip, p := range l.promises {
		if p.ends <= l.clock.Time() {
			continue // the promise was kept to its end
		}
		rec := again.table.Get(ip)
		if rec == nil || rec.State != lease.Active || rec.HW != p.hw || rec.Ends < p.ends {
			t.Errorf("%v was acknowledged to %x until %v; on disk there is %+v", ip, p.hw, p.ends, rec)
		}
	}
	return acks
}

// turn is one turn of the loop, with its replies read instead of sent.
func (l *life) turn() (acks int, alive bool) {
	l.clock = l.clock.Add(time.Duration(l.rng.IntN(120)) * time.Second)
	now := l.clock
	for range 1 + l.rng.IntN(6) {
		l.node.Step(now, &node.PacketIn{Packet: l.packet()})
	}
	out := l.node.Flush(now)
	kept, err := l.keeper.keep(now, out.Records, out.MustSync)
	if err != nil {
		return 0, false
	}
	for i := range out.Replies {
		if kept && l.note(now.Time(), &out.Replies[i]) {
			acks++
		}
	}
	return acks, true
}

// packet is a message of one of a few clients: it looks around, or asks for
// an address of the pool.
func (l *life) packet() dhcp.Packet {
	hw := net.HardwareAddr{2, 0, 0, 0, 0, byte(l.rng.IntN(8))}
	kind := dhcpv4.MessageTypeDiscover
	mods := []dhcpv4.Modifier{dhcpv4.WithHwAddr(hw)}
	if l.rng.IntN(3) > 0 {
		kind = dhcpv4.MessageTypeRequest
		a := (ip("10.0.0.10") + lease.IP(l.rng.IntN(8))).As4()
		mods = append(mods, dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(a[:])))
		if l.rng.IntN(2) == 0 {
			mods = append(mods, dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.ParseIP(serverIP).To4())))
		}
	}
	msg, err := dhcpv4.New(append(mods, dhcpv4.WithMessageType(kind))...)
	check(l.t, err)
	raw := msg.ToBytes()
	decoded, err := dhcp.Decode(raw)
	check(l.t, err)
	return dhcp.Packet{If: benchInterface, SrcPort: 68, Dst: limitedBroadcast, Raw: raw, Msg: decoded}
}

// note enters an ACK into the books.
func (l *life) note(now lease.Time, r *dhcp.Reply) bool {
	msg, err := dhcpv4.FromBytes(r.Payload)
	check(l.t, err)
	if msg.MessageType() != dhcpv4.MessageTypeAck {
		return false
	}
	addr := lease.From4([4]byte(msg.YourIPAddr.To4()))
	p := promise{
		hw:   "\x01" + string(msg.ClientHWAddr),
		ends: now.Add(lease.Seconds(msg.IPAddressLeaseTime(0) / time.Second)),
	}
	if before, ok := l.promises[addr]; ok && before.hw != p.hw && before.ends > now {
		l.t.Errorf("%v is acknowledged to %x, but %x has it until %v", addr, p.hw, before.hw, before.ends)
	}
	l.promises[addr] = p
	return true
}
