package failover

import (
	"slices"
	"testing"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// TestDhcpdHearsTheStateAgain: to a dhcpd that was restarted while interrupted
// the state that it remembers is no news as long as it is in STARTUP. It hears
// ours once more when it has left that.
func TestDhcpdHearsTheStateAgain(t *testing.T) {
	for _, secondary := range []bool{true, false} {
		r := newReplay(t, secondary, lease.Normal, 1_800_000_000)
		r.step(1e9, Closed{r.conn, "closed by the partner"})
		r.greet(2e9, secondary)
		var said []lease.ServerState
		for _, flags := range []wire.ServerFlags{wire.FlagStartup, 0, 0} {
			m := &wire.State{State: wire.Some(lease.CommunicationsInterrupt), Flags: wire.Some(flags), Since: wire.Some(r.base)}
			m.Time = r.base + 2
			r.e.Step(lease.Now{Wall: int64(r.base)*1e9 + 2e9, Mono: 3e9}, Received{r.conn, m})
			for _, x := range r.e.Effects() {
				if x, ok := x.(Send); ok {
					if m, ok := x.Message.(*wire.State); ok {
						said = append(said, m.State.V)
					}
				}
			}
		}
		if want := []lease.ServerState{lease.Normal, lease.Normal}; !slices.Equal(said, want) {
			t.Errorf("secondary %v: said %v, want %v", secondary, said, want)
		}
	}
}
