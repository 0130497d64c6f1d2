package store

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"tandem/failover/lease"
)

// small are options under which little data reaches every branch.
var small = Options{Chunk: 512, Reserve: 512, MinLog: 1024, Foreground: true}

func ethernet(n int) string {
	return string([]byte{htypeEthernet, 2, 0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// boundLease is an ordinary lease of client n that was renewed at t.
func boundLease(n int, t lease.Time) *lease.Lease {
	hw := ethernet(n)
	return &lease.Lease{
		IP: lease.IP(10<<24 + n), State: lease.Active, Rewind: lease.Active,
		Starts: t, STOS: t, CLTT: t, Ends: t.Add(3600), TSTP: t.Add(5400), TSFP: t.Add(5400), ATSFP: t.Add(5400),
		HW: hw, UID: hw,
		Extra: &lease.Extra{Hostname: fmt.Sprintf("host-%06d", n), VendorClass: "udhcp 1.35.0"},
	}
}

// memory is what a server would hold after a replay.
type memory struct {
	leases  map[lease.IP]lease.Lease
	peers   map[string]lease.Peer
	objects map[string]lease.Object
	boot    lease.Boot
}

func newMemory() *memory {
	return &memory{leases: map[lease.IP]lease.Lease{}, peers: map[string]lease.Peer{}, objects: map[string]lease.Object{}}
}

func (m *memory) apply(rec lease.Record) error {
	switch r := rec.(type) {
	case *lease.Lease:
		m.leases[r.IP] = *r
	case *lease.Peer:
		m.peers[r.Name] = *r
	case *lease.Boot:
		m.boot = *r
	case *lease.Object:
		m.objects[r.Kind+" "+r.Name] = *r
	}
	return nil
}

func mustOpen(t testing.TB, fs FS, opt Options) (*Log, *memory, Report) {
	t.Helper()
	l, err := Open(fs, opt)
	if err != nil {
		t.Fatal(err)
	}
	m := newMemory()
	rep, err := l.Replay(m.apply)
	if err != nil {
		t.Fatal(err)
	}
	return l, m, rep
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestEveryKindOfRecordComesBack(t *testing.T) {
	dir := OSDir(t.TempDir() + "/new/leases")
	l, _, _ := mustOpen(t, dir, Options{})
	if !l.New() || l.Origin() != OriginNew {
		t.Errorf("a new store says it is %q", l.Origin())
	}
	recs := []lease.Record{
		boundLease(1, 1700000000),
		&lease.Peer{Name: "dhcp", State: lease.Normal, Partner: lease.RecoverWait, Since: 5, PartnerSince: 6,
			MCLT: 3600, HBA: [32]byte{1, 31: 2}, LastContact: 7, Authority: 8, Epoch: 9, Facts: lease.PeerOurs},
		&lease.Boot{ID: "b1", Reason: "power", Started: 10, LastAlive: 11, Resets: []lease.Time{1, 2}, StoreOrigin: "new"},
		&lease.Object{Kind: "host", Name: "printer", Text: "fixed-address 10.0.0.9;"},
	}
	must(t, l.Append(recs))
	must(t, l.Sync())
	must(t, l.Close())

	l, m, rep := mustOpen(t, dir, Options{})
	defer l.Close()
	want := newMemory()
	for _, r := range recs {
		must(t, want.apply(r))
	}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("got %+v\nwant %+v", m, want)
	}
	if l.New() || rep.Records != 4 || rep.Leases != 1 || rep.Torn != nil {
		t.Errorf("new %v, report %+v", l.New(), rep)
	}
	if logBytes, _ := l.Size(); logBytes < 100 {
		t.Errorf("log of %d octets", logBytes)
	}
}

func TestOneWriter(t *testing.T) {
	dir := OSDir(t.TempDir())
	l, _, _ := mustOpen(t, dir, Options{})
	_, err := Open(dir, Options{})
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("second writer: %v", err)
	}
	must(t, l.Close())
	l, _, _ = mustOpen(t, dir, Options{})
	must(t, l.Close())
}

func TestCallsInTheWrongOrder(t *testing.T) {
	dir := OSDir(t.TempDir())
	l, err := Open(dir, Options{})
	must(t, err)
	if err := l.Append([]lease.Record{boundLease(1, 1)}); err == nil {
		t.Error("Append before Replay")
	}
	_, err = l.Replay(newMemory().apply)
	must(t, err)
	if _, err := l.Replay(newMemory().apply); err == nil {
		t.Error("second Replay")
	}
	must(t, l.Close())
	must(t, l.Close())
	if err := l.Append([]lease.Record{boundLease(1, 1)}); !errors.Is(err, ErrClosed) {
		t.Errorf("Append after Close: %v", err)
	}
}

func TestRecordsThatHaveNoFormat(t *testing.T) {
	l, _, _ := mustOpen(t, OSDir(t.TempDir()), Options{})
	defer l.Close()
	huge := &lease.Object{Kind: "host", Text: strings.Repeat("x", MaxRecord)}
	if err := l.Append([]lease.Record{boundLease(1, 1), huge}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("huge: %v", err)
	}
	if err := l.Append([]lease.Record{&lease.Lease{IP: 1}}); err == nil {
		t.Error("a lease without state was accepted")
	}
	before, _ := l.Size()
	if before != headerSize {
		t.Errorf("refused records left %d octets", before-headerSize)
	}
	must(t, l.Append([]lease.Record{boundLease(2, 1)}))
}

func TestSnapshotReplacesTheLogs(t *testing.T) {
	for _, opt := range []Options{small, {Chunk: 512, Reserve: 512, MinLog: 1024}} {
		dir := OSDir(t.TempDir())
		l, m, _ := mustOpen(t, dir, opt)
		for i := range 100 {
			r := boundLease(i%10, lease.Time(1000+i))
			must(t, l.Append([]lease.Record{r}))
			must(t, m.apply(r))
		}
		if !l.WantSnapshot() {
			t.Error("no snapshot wanted")
		}
		s, err := l.BeginSnapshot()
		must(t, err)
		if l.WantSnapshot() {
			t.Error("a second snapshot wanted")
		}
		for i := range 10 {
			r := m.leases[boundLease(i, 0).IP]
			must(t, s.Add(&r))
			if i == 5 { // service goes on: one that was added and one that was not
				must(t, l.Append([]lease.Record{boundLease(1, 5000), boundLease(9, 5000)}))
				must(t, m.apply(boundLease(1, 5000)))
			}
		}
		must(t, m.apply(boundLease(9, 5000)))
		must(t, s.Commit())
		must(t, l.Close())
		names, err := dir.List()
		must(t, err)
		if want := []string{"lock", "log-2", "snapshot-2"}; !reflect.DeepEqual(names, want) {
			t.Errorf("files %q, want %q", names, want)
		}
		l, again, rep := mustOpen(t, dir, opt)
		if !reflect.DeepEqual(m, again) || rep.SnapshotRecords != 10 {
			t.Errorf("after a snapshot: %+v\nwant %+v\n%v", again, m, rep.Lines())
		}
		if _, n := l.Size(); n != rep.SnapshotBytes || l.WantSnapshot() {
			t.Errorf("snapshot of %d octets, report says %d", n, rep.SnapshotBytes)
		}
		must(t, l.Close())
	}
}

func TestSnapshotGivenUp(t *testing.T) {
	for _, foreground := range []bool{true, false} {
		opt := small
		opt.Foreground = foreground
		dir := OSDir(t.TempDir())
		l, _, _ := mustOpen(t, dir, opt)
		must(t, l.Append([]lease.Record{boundLease(1, 1)}))
		s, err := l.BeginSnapshot()
		must(t, err)
		must(t, s.Add(boundLease(1, 1)))
		s.Abort()
		if !errors.Is(s.Err(), errAborted) {
			t.Errorf("err %v", s.Err())
		}
		must(t, l.Append([]lease.Record{boundLease(2, 1)}))
		s, err = l.BeginSnapshot()
		must(t, err)
		must(t, l.Close()) // gives the second one up as well
		<-s.Done()
		l, m, rep := mustOpen(t, dir, opt)
		if len(m.leases) != 2 || rep.Snapshot != 0 || rep.Logs != 2 {
			t.Errorf("%d leases, %v", len(m.leases), rep.Lines())
		}
		must(t, l.Close())
	}
}
