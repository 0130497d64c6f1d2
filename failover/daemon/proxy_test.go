package daemon

import (
	"testing"

	"tandem/failover/lease"
)

func TestProxies(t *testing.T) {
	p := proxies{}
	router, host := [6]byte{1}, [6]byte{2}
	for i := range lease.IP(proxyAfter) {
		for range 3 { // the same address again says nothing new
			if got := p.seen(router, i); got != proxyNone {
				t.Fatalf("address %d: %d", i, got)
			}
		}
	}
	if got := p.seen(router, 100); got != proxyFound {
		t.Errorf("one address too many: %d", got)
	}
	for _, ip := range []lease.IP{0, 100, 101} {
		if got := p.seen(router, ip); got != proxyKnown {
			t.Errorf("address %d afterwards: %d", ip, got)
		}
	}
	if got := p.seen(host, 0); got != proxyNone {
		t.Errorf("another machine: %d", got)
	}
	for i := range 3 * proxiesMax {
		p.seen([6]byte{3, byte(i), byte(i >> 8)}, 1)
	}
	if len(p) > proxiesMax {
		t.Errorf("%d machines are remembered", len(p))
	}
}
