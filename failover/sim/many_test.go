package sim

import "testing"

// BenchmarkLife measures lives; hours/s is simulated hours of a pair a second.
func BenchmarkLife(b *testing.B) {
	hours := 0.0
	for i := 0; b.Loop(); i++ {
		r := Run(Draw(uint64(i+1)), false)
		if r.Violation != nil {
			b.Fatal(r.Violation)
		}
		hours += r.Hours
	}
	b.ReportMetric(hours/b.Elapsed().Seconds(), "hours/s")
}
