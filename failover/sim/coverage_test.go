package sim

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"tandem/failover"
	"tandem/failover/lease"
)

// inConflict is rare in the states of a conflict, which are short.
var inConflict = []string{"DHCPDECLINE", "DISCONNECT", "order calm", "order maintenance", "order partner-down", "order pause",
	"order removed", "order resume", "SILENT", "asked why", "probe answered", "reload", "woken late"}

// rare are those that thousands of lives may miss; the command reports them
// over longer runs.
var rare = map[string][]string{
	"startup":                {"DISCONNECT", "message too late"},
	"normal":                 {"POOLREQ", "POOLRESP", "dial fails"},
	"potential-conflict":     slices.Concat(inConflict, []string{"UPDREQALL", "dial fails"}),
	"resolution-interrupted": slices.Concat(inConflict, []string{"DHCPRELEASE", "message too late"}),
	"conflict-done":          slices.Concat(inConflict, []string{"UPDREQALL", "message too late"}),
	"recover":                {"BNDACK", "DHCPDECLINE", "DISCONNECT", "message too late", "probe answered"},
	"recover-wait":           {"UPDREQ", "probe answered"},
	"recover-done":           {"DHCPDECLINE", "UPDREQ", "probe answered"},
	"shutdown": {"BNDACK", "CONNECTACK", "DHCPDECLINE", "DISCONNECT", "POOLREQ", "POOLRESP", "dial fails", "order calm",
		"probe answered", "woken late"},
}

// enough bounds the lives in which everything that is not rare is come to.
const enough = 4000

// TestEveryPlaceIsVisited keeps the simulation honest: every state in every
// posture, every input in every state, every rule and every fault is come to,
// but for what is declared impossible, which must not be, and what is rare.
func TestEveryPlaceIsVisited(t *testing.T) {
	s := Search{First: 1, N: enough, Workers: 2,
		Broken: func(seed uint64, v *Violation) { t.Errorf("seed %d: %v", seed, v) },
		Lived:  func(sum *Sum) bool { return sum.Lives%100 != 0 || len(missed(sum.Cover)) > 0 }}
	if testing.Short() {
		s.N = 150 // too few to demand everything
	}
	sum := s.Run()
	t.Logf("%d lives", sum.Lives)
	if list := sum.Cover.Impossible(); len(list) > 0 {
		t.Errorf("visited, although declared impossible: %v", list)
	}
	if sum.Cover.Refused == 0 || sum.Cover.Excused == 0 {
		t.Errorf("%d clients refused, %d lives excused: the world is too kind", sum.Cover.Refused, sum.Cover.Excused)
	}
	if list := missed(sum.Cover); len(list) > 0 && !testing.Short() {
		t.Errorf("never reached in %d lives: %v", sum.Lives, list)
	}
}

// missed is what was not reached and is not rare.
func missed(c *Coverage) []Missing {
	return slices.DeleteFunc(c.Never(), func(m Missing) bool { return slices.Contains(rare[m.Of], m.What) })
}

// TestTablesName: they name what there is: a name that is misspelt excuses nothing.
func TestTablesName(t *testing.T) {
	for of, list := range rare {
		for _, what := range list {
			known := false
			for h := range happenings {
				known = known || h.String() == what
			}
			for _, p := range postures {
				known = known || p.String() == what
			}
			if s, ok := lease.ParseServerState(of); !ok || !known || whyNotNamed(s, what) {
				t.Errorf("%s, %s is nothing that a life may miss", of, what)
			}
		}
	}
}

// whyNotNamed tells whether an input or posture is declared impossible.
func whyNotNamed(s lease.ServerState, what string) bool {
	for h := range happenings {
		if h.String() == what && whyNotMet(s, h) != "" {
			return true
		}
	}
	return false
}

// TestInputsCountWhereTheyAreHandled: the same order, before and after the
// authority of the box has ended.
func TestInputsCountWhereTheyAreHandled(t *testing.T) {
	const link, declareA, wait = 0, 3, 7
	for _, x := range []struct {
		script  Script
		posture failover.Posture
	}{{Script{link, declareA}, failover.Full}, {Script{link, wait, declareA}, failover.RenewOnly}} {
		c := RunScript(x.script, Strict, 0, false).Cover
		for s, state := range states {
			for p, posture := range postures {
				want := uint64(0)
				if state == lease.CommunicationsInterrupt && posture == x.posture {
					want = 1
				}
				if got := c.visits[s][orderPartnerDown][p]; got != want {
					t.Errorf("%v: %d orders in %v, %v, want %d", x.script, got, state, posture, want)
				}
			}
		}
	}
}

// TestCoverageFitsTheScreen: no line of the report is longer than 79 columns.
func TestCoverageFitsTheScreen(t *testing.T) {
	var out bytes.Buffer
	Run(Draw(1), false).Cover.Print(&out)
	for _, line := range strings.Split(out.String(), "\n") {
		if len(line) > 79 {
			t.Errorf("%d columns: %q", len(line), line)
		}
	}
}
