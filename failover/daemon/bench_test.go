package daemon

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/node"
	"tandem/failover/store"
)

// million is the size of a large site.
const million = 1_000_000

// largeConf has room for a million clients.
const largeConf = `
authoritative; default-lease-time 3600; ping-check false;
subnet 0.0.0.0 netmask 240.0.0.0 { range 1.0.0.0 1.255.255.255; }
`

// aClient is the lease of client number i: what a usual client leaves behind.
func aClient(i int, now lease.Time) lease.Lease {
	return lease.Lease{
		IP: ip("1.0.0.0") + lease.IP(i), State: lease.Active, Rewind: lease.Active,
		Starts: now, STOS: now, Ends: now.Add(3600 + lease.Seconds(i%3600)), CLTT: now,
		HW:    fmt.Sprintf("\x01\x02\x00%c%c%c%c", i>>24, i>>16&255, i>>8&255, i&255)[:7],
		UID:   fmt.Sprintf("\x01%07d", i),
		Extra: &lease.Extra{Hostname: fmt.Sprintf("host-%d", i), VendorClass: "MSFT 5.0"},
	}
}

// fillStore writes a million leases to dir.
func fillStore(b *testing.B, dir string) {
	b.Helper()
	log, err := store.Open(store.OSDir(dir), store.Options{})
	check(b, err)
	_, err = log.Replay(func(lease.Record) error { return nil })
	check(b, err)
	now := lease.FromUTC(time.Now())
	piece := make([]lease.Record, 0, 1000)
	for i := range million {
		l := aClient(i, now)
		if piece = append(piece, &l); len(piece) == cap(piece) {
			check(b, log.Append(piece))
			piece = piece[:0]
		}
	}
	check(b, log.Close())
}

// resident is the memory of this process in octets.
func resident() float64 {
	var pages int64
	text, _ := os.ReadFile("/proc/self/statm")
	_, _ = fmt.Sscan(strings.Fields(string(text))[1], &pages)
	return float64(pages) * float64(os.Getpagesize())
}

func largeNode(b *testing.B, dir string) (*node.Node, *keeper) {
	b.Helper()
	opt := Options{Config: config(b, largeConf),
		Dir: dir, Log: NewLogger(io.Discard, LogPlain, 0)}
	b.Cleanup(opt.Log.Close)
	n := node.New(node.Options{Config: opt.Config, Seed: 1})
	log, err := store.Open(store.OSDir(dir), store.Options{})
	check(b, err)
	k, err := replay(n, log, opt.Log, new(counters))
	check(b, err)
	n.Start(readClock())
	return n, k
}

// BenchmarkStart loads a million leases, as a start does.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	fillStore(b, dir)
	runtime.GC()
	for b.Loop() {
		n, k := largeNode(b, dir)
		b.StopTimer()
		newPace().begin()
		b.ReportMetric(resident()/1e6, "MB-resident")
		if got := n.Table().Len(); got != million {
			b.Fatalf("%d leases", got)
		}
		check(b, k.close())
		b.StartTimer()
	}
}

// BenchmarkSnapshot writes a snapshot of a million leases, slice by slice as
// the loop does, and reports the longest time that a slice kept clients
// waiting.
func BenchmarkSnapshot(b *testing.B) {
	dir := b.TempDir()
	fillStore(b, dir)
	_, k := largeNode(b, dir)
	longest := time.Duration(0)
	for b.Loop() {
		before := k.count.get(snapshots)
		check(b, k.beginSnapshot(readClock()))
		for k.count.get(snapshots) == before {
			begun := time.Now()
			wait, err := k.snapshot(readClock())
			check(b, err)
			longest = max(longest, time.Since(begun))
			if wait > 0 {
				time.Sleep(wait)
			}
		}
	}
	b.ReportMetric(float64(longest.Microseconds()), "µs-longest-slice")
	check(b, k.close())
}

// BenchmarkExchange is a DISCOVER and a REQUEST of one client that nobody has
// seen before, from the octets in the inbox to the reply before its socket,
// with a sync of a real file for the ACK.
func BenchmarkExchange(b *testing.B) {
	n := benchOn(b, store.OSDir(b.TempDir()), largeConf)
	n.loop.clock = readClock
	discover := messageOf(b, dhcpv4.MessageTypeDiscover, 1)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		hw := [6]byte{2, 0, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}
		n.feed(discover, hw, nil)
		check(b, n.turn())
		a := (ip("1.0.0.0") + lease.IP(i)).As4()
		n.feed(discover, hw, []byte{53, 1, 3, 50, 4, a[0], a[1], a[2], a[3], 54, 4, 10, 0, 0, 1, 255})
		check(b, n.turn())
	}
	if got := n.count.get(syncs); got < uint64(b.N) {
		b.Errorf("%d syncs for %d exchanges: they failed", got, b.N)
	}
}

// feed puts a message into the inbox, with the client's address and, unless
// nil, other options.
func (b *bench) feed(raw []byte, hw [6]byte, options []byte) {
	copy(raw[offsetChaddr:], hw[:])
	if options != nil {
		raw = append(raw[:offsetOptions:offsetOptions], options...)
	}
	b.inbox.put(dhcp.Packet{If: benchInterface, SrcPort: 68, Dst: limitedBroadcast, Raw: raw})
}

var benchInterface = &dhcp.Interface{Index: 1, Name: "eth0", Addrs: []lease.IP{ip(serverIP)}}
