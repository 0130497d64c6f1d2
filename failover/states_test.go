package failover

import (
	"fmt"
	"strings"
	"testing"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// standing makes an endpoint in state own with a connection on which it has
// not heard the partner's state yet. With startup it is in STARTUP and own is
// the saved state.
func standing(t *testing.T, d wire.Dialect, secondary bool, own lease.ServerState, startup bool) *Endpoint {
	t.Helper()
	table := lease.NewTable()
	table.SetPools([][]lease.Range{{{Low: 1, High: 20}}})
	cfg := Config{Name: "pair", Secondary: secondary, HBA: wire.Split(128), Expect: ExpectISC}
	if d == wire.Tandem {
		cfg.Expect = ExpectTandem
	}
	saved := lease.Peer{Name: "pair", State: own, Since: epoch - 1000, LastContact: epoch - 5, MCLT: 3600}
	e := New(cfg, table, []int{0}, saved, Boot{LastAlive: epoch - 3, Origin: "whole"})
	now := lease.Now{Wall: int64(epoch) * 1e9, Mono: 1e9}
	e.Step(now, ClockFacts{Trusted: true})
	e.Step(now, Started{})
	e.peer.State = own // also those that a start would not keep
	e.Step(now, Connected{Conn: 1})
	if secondary {
		m := &wire.Connect{Relationship: wire.Some("pair"), MaxUnacked: wire.Some(uint32(10)), ReceiveTimer: wire.Some(lease.Seconds(20)),
			MCLT: wire.Some(lease.Seconds(3600)), HBA: wire.Some(wire.Split(128)), Vendor: greetingOf(d, wire.RolePrimary)}
		m.Time = epoch
		e.Step(now, Received{1, m})
	} else {
		m := &wire.Connectack{Relationship: wire.Some("pair"), MaxUnacked: wire.Some(uint32(10)), ReceiveTimer: wire.Some(lease.Seconds(20)),
			Vendor: greetingOf(d, wire.RoleSecondary)}
		m.Time = epoch
		e.Step(now, Received{1, m})
	}
	if e.up == nil {
		t.Fatalf("not connected: %v", e.Effects())
	}
	if !startup {
		e.state = own
		if d == wire.Tandem {
			e.up.said, e.up.saidAs = own, 0
		}
	}
	e.Effects()
	return e
}

func greetingOf(d wire.Dialect, r wire.Role) wire.Opt[string] {
	if d == wire.ISC {
		return wire.Opt[string]{}
	}
	return wire.Some(wire.Greeting{Role: r, Boot: "x", LastContact: wire.Some(epoch - 5)}.Encode())
}

var short = map[lease.ServerState]string{lease.Startup: "ST", lease.Normal: "N", lease.CommunicationsInterrupt: "CI",
	lease.PartnerDown: "PD", lease.PotentialConflict: "PC", lease.Recover: "R", lease.Paused: "P", lease.Shutdown: "SD",
	lease.RecoverDone: "RD", lease.ResolutionInterrupted: "RI", lease.ConflictDone: "CD", lease.RecoverWait: "RW"}

// outcome is the state after a STATE message, and what was said meanwhile:
// states by name, Q for UPDREQ, A for UPDREQALL, U for BNDUPDs, X for hanging up.
func outcome(t *testing.T, e *Endpoint, d wire.Dialect, partner lease.ServerState) string {
	t.Helper()
	m := &wire.State{State: wire.Some(partner), Flags: wire.Some(wire.ServerFlags(0)), Since: wire.Some(epoch - 1)}
	m.Time = epoch
	e.Step(e.now, Received{1, m})
	var said []string
	for _, x := range e.Effects() {
		switch x := x.(type) {
		case Hangup:
			said = append(said, "X")
		case Send:
			if err := wire.Check(x.Message, d); err != nil {
				t.Errorf("%v: %v", x.Message, err)
			}
			switch m := x.Message.(type) {
			case *wire.State:
				if d == wire.ISC {
					if err := wire.CheckState(m.State.V, partner); err != nil {
						t.Errorf("%v", err)
					}
				}
				said = append(said, strings.ToLower(short[m.State.V]))
			case *wire.Updreq:
				said = append(said, "Q")
			case *wire.UpdreqAll:
				said = append(said, "A")
			case *wire.Bndupd:
				if len(said) == 0 || said[len(said)-1] != "U" {
					said = append(said, "U")
				}
			default:
				said = append(said, fmt.Sprint(m.Kind()))
			}
		}
	}
	return short[e.state] + ":" + strings.Join(said, ",")
}

// TestEveryCellOfTheTransitionTables walks both tables in both roles, in the
// state itself and in STARTUP with that state saved.
func TestEveryCellOfTheTransitionTables(t *testing.T) {
	for _, d := range []wire.Dialect{wire.Tandem, wire.ISC} {
		var out strings.Builder
		for _, secondary := range []bool{false, true} {
			for _, startup := range []bool{false, true} {
				grid(t, &out, d, secondary, startup)
			}
		}
		wantGolden(t, "states-"+strings.ToLower(strings.Fields(d.String())[0]), out.String())
	}
}

func grid(t *testing.T, out *strings.Builder, d wire.Dialect, secondary, startup bool) {
	role, in := "primary", "in the state"
	if secondary {
		role = "secondary"
	}
	if startup {
		in = "in STARTUP with the state saved"
	}
	fmt.Fprintf(out, "%s facing %v, %s\n%-4s", role, d, in, "")
	for _, partner := range columns {
		fmt.Fprintf(out, " %-12s", short[partner])
	}
	out.WriteString("\n")
	for _, own := range columns {
		fmt.Fprintf(out, "%-4s", short[own])
		for _, partner := range columns {
			e := standing(t, d, secondary, own, startup)
			fmt.Fprintf(out, " %-12s", outcome(t, e, d, partner))
		}
		out.WriteString("\n")
	}
	out.WriteString("\n")
}

func TestTablesHaveARowForEveryState(t *testing.T) {
	for name, table := range map[string]table{"Tandem": towardTandem, "ISC": towardISC} {
		for _, own := range columns {
			if _, ok := table[own]; !ok {
				t.Errorf("no row for %v toward %s", own, name)
			}
		}
		if len(table) != len(columns) {
			t.Errorf("%d rows toward %s, want %d", len(table), name, len(columns))
		}
	}
}
