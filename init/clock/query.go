package clock

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/beevik/ntp"
)

// queryTimeout is short because the first exchange after boot may wait on
// ARP or the carrier, and is then simply repeated.
const queryTimeout = 2 * time.Second

// Ask queries every server once, all at the same time, and gives one sample
// for each in the same order. Names are host names or addresses, with a port
// where it is not 123.
func Ask(ctx context.Context, servers []string) []Sample {
	samples := make([]Sample, len(servers))
	var wg sync.WaitGroup
	for i, s := range servers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			samples[i] = ask(s)
		}()
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
		return samples
	case <-ctx.Done():
		<-done // bounded by queryTimeout
		return samples
	}
}

func ask(server string) Sample {
	r, err := ntp.QueryWithOptions(server, ntp.QueryOptions{Timeout: queryTimeout})
	if err != nil {
		return Sample{Server: server, Err: err}
	}
	if err := r.Validate(); err != nil {
		return Sample{Server: server, Err: fmt.Errorf("unusable answer: %w", err)}
	}
	return Sample{Server: server, Offset: r.ClockOffset, Distance: r.RootDistance, Stratum: r.Stratum}
}
