package sim

import (
	"os"
	"runtime/debug"
	"syscall"
	"testing"
	"time"
)

// TestMain sets the collector's pace as the command does: lives are short and
// leave much behind.
func TestMain(m *testing.M) {
	debug.SetGCPercent(1600)
	os.Exit(m.Run())
}

// BenchmarkLives lives the usual seeds, one at a time; pair-hours/s is what a
// pair lives in a second of processor time, the collector's included.
func BenchmarkLives(b *testing.B) {
	hours, start := 0.0, processor(b)
	for seed := uint64(usualFrom); b.Loop(); seed++ {
		r := Run(Draw(seed), false)
		if r.Violation != nil {
			b.Fatal(r.Violation)
		}
		hours += r.Hours
	}
	b.ReportMetric(hours/(processor(b)-start).Seconds(), "pair-hours/s")
}

// processor is the time that the process has used.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
