package failover

import (
	"strings"
	"testing"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// TestPostures holds the posture function against the restart rules, one line
// for each sentence of them.
func TestPostures(t *testing.T) {
	const now = epoch
	// calm is a box in contact; alone is one that is not, and was not restarted.
	calm := facts{state: lease.Normal, dialect: wire.Tandem, now: now, clock: true, live: true, partner: lease.Normal, authority: now + 50}
	alone := calm
	alone.state, alone.live = lease.CommunicationsInterrupt, false
	down := alone
	down.state = lease.PartnerDown

	cases := []struct {
		name string
		base facts
		edit func(*facts)
		want Posture
		rule string
		says string
		till lease.Time
	}{
		{"in contact", calm, func(f *facts) {}, Full, "R2", "contact", 0},
		{"clock not trusted", calm, func(f *facts) { f.clock = false }, Silent, "R1", "clock", 0},
		{"clock not trusted in PARTNER-DOWN", down, func(f *facts) { f.clock = false }, Silent, "R1", "clock", 0},
		{"goodbye", calm, func(f *facts) { f.leaving = true }, Silent, "goodbye", "handing over", 0},
		{"startup", calm, func(f *facts) { f.state = lease.Startup }, Silent, "R2", "waiting for the partner", 0},
		{"recover", calm, func(f *facts) { f.state = lease.Recover }, Silent, "R2", "send what it knows", 0},
		{"recover-wait", calm, func(f *facts) { f.state = lease.RecoverWait }, Silent, "R2", "nobody remembers", 0},
		{"recover-done", calm, func(f *facts) { f.state = lease.RecoverDone }, RenewOnly, "R2", "recover-done", 0},
		{"potential-conflict", calm, func(f *facts) { f.state = lease.PotentialConflict }, RenewOnly, "R2", "may be renewed", 0},
		{"resolution-interrupted", alone, func(f *facts) { f.state = lease.ResolutionInterrupted }, RenewOnly, "R2", "may be renewed", 0},
		{"shutdown", calm, func(f *facts) { f.state = lease.Shutdown }, Silent, "R2", "stopped by command", 0},

		{"interrupted, standard", alone, func(f *facts) {}, Full, "R11", "standard", 0},
		{"interrupted, strict, with authority", alone, func(f *facts) { f.strict = true }, Full, "R11", "authority goes on", now + 50},
		{"interrupted, strict, past Q", alone, func(f *facts) { f.strict = true; f.authority = now }, RenewOnly, "R11", "authority has ended", 0},
		{"restarted, with authority", alone, func(f *facts) { f.wary = waryRestart }, Full, "R3", "restart", now + 50},
		{"restarted, past Q", alone, func(f *facts) { f.wary = waryRestart; f.authority = now }, RenewOnly, "R3", "restart", 0},
		{"restarted, past Q, after-long-outage serve", alone, func(f *facts) { f.wary, f.authority, f.afterLong = waryRestart, 0, true }, Full, "R3", "after-long-outage", 0},
		{"carrier was lost, past Q", alone, func(f *facts) { f.wary = waryLink; f.authority = 0 }, RenewOnly, "R3", "network was out", 0},
		{"woken late, past Q", alone, func(f *facts) { f.wary = waryWoken; f.authority = 0 }, RenewOnly, "R3", "did not run", 0},
		{"NORMAL on a connection that nobody read", calm, func(f *facts) { f.live = false; f.wary = "x"; f.authority = 0 }, RenewOnly, "R3", "", 0},
		{"partner last heard in PARTNER-DOWN", alone, func(f *facts) { f.partner = lease.PartnerDown }, RenewOnly, "partner-state", "PARTNER-DOWN", 0},
		{"partner recovers", alone, func(f *facts) { f.live, f.partner = true, lease.Recover }, Full, "R2", "serves nobody", 0},
		{"partner may only be starting up", alone, func(f *facts) {
			f.live, f.partner, f.startup, f.strict, f.authority = true, lease.Recover, true, true, 0
		}, RenewOnly, "R11", "", 0},
		{"partner lost its store and may have served", alone, func(f *facts) { f.live, f.partner, f.doubt = true, lease.RecoverWait, now+9 }, RenewOnly, "R4-wait", "lost its store", now + 9},
		{"conflict-done beside the secondary", calm, func(f *facts) { f.state, f.partner = lease.ConflictDone, lease.PotentialConflict }, Full, "R2", "", 0},
		{"conflict-done beside one that was alone", calm, func(f *facts) { f.state, f.partner = lease.ConflictDone, lease.PartnerDown }, RenewOnly, "partner-state", "", 0},

		{"partner-down", down, func(f *facts) {}, Alone, "R6", "down", 0},
		{"partner-down lapsed", down, func(f *facts) { f.lapsed = true }, RenewOnly, "R5", "lapsed", 0},
		{"partner-down lapsed, partner recovers", down, func(f *facts) { f.lapsed, f.live, f.partner = true, true, lease.RecoverWait }, Alone, "R2", "serves nobody", 0},
		{"partner-down lapsed, partner lost its store", down, func(f *facts) { f.lapsed, f.live, f.partner, f.doubt = true, true, lease.RecoverWait, now+5 }, RenewOnly, "R4-wait", "lost its store", now + 5},

		{"reset storm in NORMAL", calm, func(f *facts) { f.storm = now + 100 }, RenewOnly, "R10", "three restarts", now + 100},
		{"reset storm is over", calm, func(f *facts) { f.storm = now }, Full, "R2", "", 0},
		{"reset storm does not wake the silent", calm, func(f *facts) { f.storm, f.clock = now+100, false }, Silent, "R1", "", 0},
		{"flapping", calm, func(f *facts) { f.flapping = true }, RenewOnly, "R7", "flapping", 0},
		{"flapping in PARTNER-DOWN", down, func(f *facts) { f.flapping = true }, RenewOnly, "R7", "flapping", 0},

		{"dhcpd: interrupted", alone, func(f *facts) { f.dialect = wire.ISC }, Full, "R11", "draft", 0},
		{"dhcpd: restarted", alone, func(f *facts) { f.dialect, f.wary = wire.ISC, waryRestart }, Silent, "R3", "early", 0},
		{"dhcpd: restarted, renew-only", alone, func(f *facts) { f.dialect, f.wary, f.isolated = wire.ISC, waryRestart, IsolatedRenewOnly }, RenewOnly, "R3", "renew-only", 0},
		{"dhcpd: restarted, serve-isolated", alone, func(f *facts) { f.dialect, f.wary, f.isolated = wire.ISC, waryRestart, IsolatedServe }, Full, "R3", "two clients", 0},
		{"dhcpd: partner-down lapsed", down, func(f *facts) { f.dialect, f.lapsed = wire.ISC, true }, Silent, "R5", "restart", 0},
		{"dhcpd: transfer was cut", calm, func(f *facts) { f.dialect, f.resync = wire.ISC, true }, Silent, "R4", "interrupted", 0},
	}
	for _, c := range cases {
		f := c.base
		c.edit(&f)
		var got Stance
		got.Posture, got.Rule, got.Why, got.Until = postureOf(&f)
		if got.Posture != c.want || got.Rule != c.rule || got.Until != c.till || !strings.Contains(got.Why, c.says) {
			t.Errorf("%s: %v until %v, want %v by %s (%q) until %v", c.name, got, got.Until, c.want, c.rule, c.says, c.till)
		}
	}
}
