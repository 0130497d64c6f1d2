package store

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tandem/failover/lease"
)

// million is the number of leases that a server must be able to load.
const million = 1_000_000

// BenchmarkAppend writes changed leases in batches, each followed by a sync,
// and tells how many octets of log a change costs, and how many the disk wrote
// for it (others' writing at the same time is counted as well).
func BenchmarkAppend(b *testing.B) {
	for _, batch := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			dir := b.TempDir()
			l, _, _ := mustOpen(b, OSDir(dir), Options{})
			defer l.Close()
			recs := make([]lease.Record, batch)
			for i := range recs {
				recs[i] = boundLease(i, 1700000000)
			}
			b.ReportAllocs()
			before := diskWrites(b, dir)
			for b.Loop() {
				for i, r := range recs { // as the loop of the server does
					r.(*lease.Lease).Starts = lease.Time(1700000000 + i)
				}
				must(b, l.Append(recs))
				must(b, l.Sync())
			}
			n, _ := l.Size()
			changes := float64(b.N * batch)
			b.ReportMetric(float64(n)/changes, "log-B/lease")
			b.ReportMetric(float64(diskWrites(b, dir)-before)/changes, "disk-B/lease")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/changes, "us/lease")
		})
	}
}

// diskWrites is how many octets the disk below dir has written so far; 0 if the
// kernel does not tell.
func diskWrites(b *testing.B, dir string) int {
	b.Helper()
	var st unix.Stat_t
	must(b, unix.Stat(dir, &st))
	stat, err := os.ReadFile(fmt.Sprintf("/sys/dev/block/%d:%d/stat", unix.Major(st.Dev), unix.Minor(st.Dev)))
	fields := bytes.Fields(stat)
	if err != nil || len(fields) < 7 {
		return 0
	}
	sectors, err := strconv.Atoi(string(fields[6]))
	must(b, err)
	return sectors * 512
}

// BenchmarkEncode is the share of the processor in an Append.
func BenchmarkEncode(b *testing.B) {
	l := boundLease(1, 1700000000)
	var e encoder
	buf := make([]byte, 0, 128)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := e.add(buf, 1, l); err != nil {
			b.Fatal(err)
		}
	}
}

// millionLeases makes a store with a snapshot of so many.
func millionLeases(b *testing.B) FS {
	b.Helper()
	dir := OSDir(b.TempDir())
	l, _, _ := mustOpen(b, dir, Options{})
	writeSnapshot(b, l)
	must(b, l.Close())
	runtime.GC()
	return dir
}

// writeSnapshot adds a million leases in slices of 256, as the loop does, and
// gives the longest that a slice took.
func writeSnapshot(b *testing.B, l *Log) (longest time.Duration) {
	b.Helper()
	s, err := l.BeginSnapshot()
	must(b, err)
	for i := 0; i < million; i += 256 {
		begin := time.Now()
		for j := i; j < min(i+256, million); j++ {
			must(b, s.Add(boundLease(j, lease.Time(1700000000+j%100000))))
		}
		longest = max(longest, time.Since(begin))
	}
	must(b, s.Commit())
	return longest
}

// BenchmarkLoad1M replays a snapshot of a million leases into a table. The
// largest resident size is that of the process, so it means something with
// -benchtime 1x only.
func BenchmarkLoad1M(b *testing.B) {
	dir := millionLeases(b)
	forgetPeak(b)
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		table := lease.NewTable()
		low := boundLease(0, 0).IP
		table.SetPools([][]lease.Range{{{Low: low, High: low + million - 1}}})
		l, err := Open(dir, Options{})
		must(b, err)
		_, err = l.Replay(func(rec lease.Record) error {
			table.Apply(*rec.(*lease.Lease))
			return nil
		})
		must(b, err)
		must(b, l.Close())
		if table.Len() != million {
			b.Fatalf("%d leases", table.Len())
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/load")
	b.ReportMetric(residentPeak(b), "peak-MB")
}

// BenchmarkReplay1M is the store's share of that.
func BenchmarkReplay1M(b *testing.B) {
	dir := millionLeases(b)
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		l, err := Open(dir, Options{})
		must(b, err)
		_, err = l.Replay(func(lease.Record) error { return nil })
		must(b, err)
		must(b, l.Close())
	}
}

// BenchmarkSnapshot1M writes a snapshot of a million leases.
func BenchmarkSnapshot1M(b *testing.B) {
	l, _, _ := mustOpen(b, OSDir(b.TempDir()), Options{})
	defer l.Close()
	var longest time.Duration
	for b.Loop() {
		longest = max(longest, writeSnapshot(b, l))
	}
	_, n := l.Size()
	b.ReportMetric(float64(n)/million, "B/lease")
	b.ReportMetric(float64(longest.Microseconds())/1000, "longest-slice-ms")
}

// forgetPeak begins VmHWM anew, without what the preparation took.
func forgetPeak(b *testing.B) {
	b.Helper()
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		b.Log("the peak includes the preparation: ", err)
	}
}

// residentPeak is VmHWM of this process in MB.
func residentPeak(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	must(b, err)
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		b.Fatal("no VmHWM in /proc/self/status")
	}
	kb, err := strconv.Atoi(string(fields[0]))
	must(b, err)
	return float64(kb) / 1024
}
