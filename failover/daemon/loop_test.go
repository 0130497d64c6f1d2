package daemon

import (
	"encoding/json"
	"net"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/failover/daemon/mmsg"
	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/node"
	"tandem/failover/store"
	"tandem/failover/store/faultfs"
)

// bench is a loop with a real node on a store in memory. Its replies are
// taken from the node's outputs through the sender's counters: there is no
// network, so every reply is a send error.
type bench struct {
	*loop
	fs    *faultfs.FS
	clock lease.Now
	step  func(*lease.Now) // moves the clock at each reading
}

func newBench(t testing.TB) *bench {
	t.Helper()
	fs := faultfs.New(1)
	b := benchOn(t, fs, testConf)
	b.fs = fs
	return b
}

func benchOn(t testing.TB, fs store.FS, text string) *bench {
	t.Helper()
	b := &bench{clock: lease.Now{Wall: int64(20000 * 24 * time.Hour), Mono: int64(time.Hour)}}
	b.step = func(*lease.Now) {}
	log, count := quiet(t), new(counters)
	in := newTestInbox(t, count)
	n := node.New(node.Options{Config: config(t, text), Seed: 1, Draw: drawNumber, Version: "test"})
	k := newTestKeeper(t, fs, log)
	k.table, k.count = n.Table(), count
	n.Start(b.clock)
	b.loop = &loop{node: n, inbox: in, keeper: k, pair: new(pair), omapi: newManagers(in, nil, log, count), parted: make(chan struct{}), desk: newDesk(in, nil), log: log, count: count,
		intake: newIntake(67, in, count, Rate{}, Rate{}), prober: newProber(in.poller, count, log, in.post), tooOld: 5 * time.Second, idle: time.Millisecond, reported: map[string]uint64{}}
	b.sender = &sender{port: 67, udp: mmsg.NewWriter(-1, 1), ports: &ports{}, count: count, log: log}
	b.pace = newPace()
	b.beat = newHeartbeat(time.Hour, func(string) {}, func() bool { return true }, log)
	b.loop.clock = func() lease.Now {
		b.step(&b.clock)
		return b.clock
	}
	b.now = b.clock
	eth := &dhcp.Interface{Index: 1, Name: "eth0", Addrs: []lease.IP{ip(serverIP)}}
	n.Step(b.clock, &node.Links{Interfaces: []dhcp.Interface{*eth}})
	return b
}

// client puts a message of client number i into the inbox.
func (b *bench) client(t *testing.T, i byte, kind dhcpv4.MessageType, want lease.IP) {
	t.Helper()
	mods := []dhcpv4.Modifier{dhcpv4.WithMessageType(kind), dhcpv4.WithHwAddr(net.HardwareAddr{2, 0, 0, 0, 0, i})}
	if want != 0 {
		a := want.As4()
		mods = append(mods, dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(a[:])),
			dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.ParseIP(serverIP).To4())))
	}
	msg, err := dhcpv4.New(mods...)
	check(t, err)
	b.inbox.put(dhcp.Packet{If: benchInterface, SrcPort: 68, Dst: limitedBroadcast, Raw: msg.ToBytes()})
}

// sent is how many replies reached the sender.
func (b *bench) sent() uint64 { return b.count.get(sendErrors) }

func (b *bench) mustTurn(t *testing.T) {
	t.Helper()
	check(t, b.turn())
}

// An ACK leaves only with its lease on disk, and one sync serves a batch.
func TestReplyAfterSync(t *testing.T) {
	b := newBench(t)
	for i := range byte(5) {
		b.client(t, i, dhcpv4.MessageTypeDiscover, 0)
	}
	b.mustTurn(t)
	if b.sent() != 5 || b.count.get(syncs) != 0 {
		t.Fatalf("%d offers, %d syncs", b.sent(), b.count.get(syncs))
	}
	for i := range byte(5) {
		b.client(t, i, dhcpv4.MessageTypeRequest, ip("10.0.0.10")+lease.IP(i))
	}
	b.mustTurn(t)
	if b.sent() != 10 || b.count.get(syncs) != 1 {
		t.Fatalf("%d replies, %d syncs", b.sent(), b.count.get(syncs))
	}
	again := newTestKeeper(t, b.fs.PowerCut(), quiet(t))
	active := 0
	for i := range again.table.Len() {
		if again.table.At(i).State == lease.Active {
			active++
		}
	}
	if active != 5 {
		t.Errorf("%d leases after a power cut", active)
	}
}

// R9: a process that stood still between decision and reply says nothing.
func TestLateRepliesAreDropped(t *testing.T) {
	for _, tt := range []struct {
		name string
		step func(*lease.Now)
		what counter
	}{
		{"stopped", func(n *lease.Now) { *n = n.Add(6 * time.Second) }, batchTooOld},
		{"clock set forward", func(n *lease.Now) { n.Wall += int64(time.Hour) }, clockStepped},
		{"clock set back", func(n *lease.Now) { n.Wall -= int64(time.Hour) }, clockStepped},
		{"in time", func(n *lease.Now) { *n = n.Add(4 * time.Second) }, counterEnd},
	} {
		b := newBench(t)
		b.client(t, 1, dhcpv4.MessageTypeDiscover, 0)
		b.step = tt.step
		b.mustTurn(t)
		if tt.what == counterEnd {
			if b.sent() != 1 {
				t.Errorf("%s: no reply", tt.name)
			}
			continue
		}
		if b.sent() != 0 || b.count.get(tt.what) != 1 {
			t.Errorf("%s: %d sent, %d counted", tt.name, b.sent(), b.count.get(tt.what))
		}
	}
}

// On a full disk a promise is not kept, so it is not made.
func TestNoAckOnFullDisk(t *testing.T) {
	b := newBench(t)
	b.client(t, 1, dhcpv4.MessageTypeDiscover, 0)
	b.client(t, 2, dhcpv4.MessageTypeDiscover, 0)
	b.mustTurn(t)
	b.fs.Limit(b.fs.Used())
	for other := lease.IP(1); !b.keeper.full; other++ { // use the reserve up
		if _, err := b.keeper.keep(b.clock, b.keeper.bind(other), true); err != nil {
			t.Fatal(err)
		}
	}
	before := b.sent()
	b.client(t, 1, dhcpv4.MessageTypeRequest, ip("10.0.0.10"))
	b.client(t, 3, dhcpv4.MessageTypeDiscover, 0)
	b.mustTurn(t)
	if got := b.sent() - before; got != 1 || b.count.get(diskFullDropped) != 1 {
		t.Fatalf("%d replies (want the OFFER alone), %d dropped", got, b.count.get(diskFullDropped))
	}
	b.fs.Limit(1 << 30)
	b.clock = b.clock.Add(2 * time.Second)
	b.client(t, 1, dhcpv4.MessageTypeRequest, ip("10.0.0.10"))
	b.mustTurn(t)
	if got := b.sent() - before; got != 2 {
		t.Errorf("%d replies once there is room", got)
	}
}

// What waits when the end comes is answered.
func TestEndAnswersWhatWaits(t *testing.T) {
	b := newBench(t)
	for i := range byte(3) {
		b.client(t, i, dhcpv4.MessageTypeDiscover, 0)
	}
	done := make(chan struct{})
	close(done)
	check(t, b.run(done))
	if b.sent() != 3 {
		t.Errorf("%d of 3 answered", b.sent())
	}
}

// Questions are answered with the shell's counters among the node's.
func TestAskThroughTheLoop(t *testing.T) {
	b := newBench(t)
	b.count.add(clientThrottled, 7)
	done := make(chan struct{})
	defer close(done)
	b.spin(t)
	got := <-b.desk.Ask([]string{"counters"}, done)
	var list []node.Counter
	check(t, json.Unmarshal(got.Body, &list))
	for _, c := range list {
		if c.Name == "client-throttled" {
			if c.Value != 7 {
				t.Errorf("%+v", c)
			}
			return
		}
	}
	t.Errorf("not among %v", list)
}

// spin takes turns in the background until the test ends.
func (b *bench) spin(t *testing.T) {
	t.Helper()
	stop, ended := make(chan struct{}), make(chan error)
	go func() { ended <- b.run(stop) }()
	t.Cleanup(func() {
		close(stop)
		check(t, <-ended)
	})
}

// A long answer comes in pieces, each when the one before was taken.
func TestLongAnswer(t *testing.T) {
	b := newBench(t)
	for i := range lease.IP(2000) {
		b.keeper.bind(ip("10.1.0.0") + i)
	}
	b.spin(t)
	total, n := 0, 0
	for p := range b.desk.Ask([]string{"leases", "active"}, t.Context().Done()) {
		var list []node.LeaseInfo
		check(t, json.Unmarshal(p.Body, &list))
		total += len(list)
		n++
		if p.More != (total < 2000) {
			t.Errorf("more %v after %d", p.More, total)
		}
	}
	if total != 2000 || n < 3 {
		t.Errorf("%d leases in %d pieces", total, n)
	}
}

// Whoever leaves in the middle of an answer leaves nothing behind.
func TestReaderLeaves(t *testing.T) {
	b := newBench(t)
	for i := range lease.IP(2000) {
		b.keeper.bind(ip("10.1.0.0") + i)
	}
	b.spin(t)
	for range 3 * 16 { // more often than the node has room for listings
		done := make(chan struct{})
		pieces := b.desk.Ask([]string{"leases"}, done)
		if p := <-pieces; p.Error != "" || !p.More {
			t.Fatalf("%+v", p)
		}
		close(done)
		for range pieces { // closed when it has let go
		}
	}
}

// The beat stops when packets do not get to the loop any more.
func TestBeatNeedsPackets(t *testing.T) {
	b := newBench(t)
	var said []string
	alive := true
	h := newHeartbeat(4*time.Second, func(s string) { said = append(said, s) }, func() bool { return alive }, b.log)
	now := b.clock
	h.send(now, b.node)
	h.send(now, b.node)
	if len(said) != 2 || said[0] == said[1] || said[1] != "WATCHDOG=1" {
		t.Errorf("%q: want a beat with the status, then a beat alone", said)
	}
	if h.due(now.Add(time.Second-1)) || !h.due(now.Add(time.Second)) {
		t.Error("not four beats in the watchdog's time")
	}
	alive = false
	h.send(now, b.node)
	if len(said) != 2 {
		t.Error("a beat although nothing gets through")
	}
	alive = true
	h.send(now, b.node)
	if len(said) != 3 {
		t.Error("no beat although all is well again")
	}
}
