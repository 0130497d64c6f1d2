package node

import (
	"testing"
	"time"

	"tandem/failover"
	"tandem/failover/lease"
	"tandem/failover/wire"
)

// after begins with a setting and goes on.
func after(set setting, play func(w *talk)) func(t *testing.T) *talk {
	return func(t *testing.T) *talk {
		t.Helper()
		w := begin(t, set)
		play(w)
		return w
	}
}

func saved(s lease.ServerState, facts lease.PeerFacts) func(p *lease.Peer) {
	return func(p *lease.Peer) { p.State, p.Facts = s, p.Facts|facts }
}

// untilNormal brings the pair to NORMAL.
func untilNormal(w *talk) { w.meet(lease.CommunicationsInterrupt).state(lease.Normal).acknowledge() }

// alone is NORMAL, and then the connection goes.
func alone(w *talk) { untilNormal(w); w.lost("the cable was cut") }

var auto = setting{extra: " auto-partner-down 100;", policy: PeerPolicy{Survivor: true}}

// serverScenes explain the server as a whole.
var serverScenes = []scene{
	{"just started", after(setting{}, func(w *talk) { w.pass(5 * time.Second) }), ""},
	{"clock not known yet", after(setting{watched: true}, func(w *talk) {}), ""},
	{"clock lost", after(setting{watched: true}, func(w *talk) {
		w.box(nil)
		untilNormal(w)
		w.box(func(f *BoxFacts) { f.Clock.Trusted, f.ClockWhy = false, "no time server answers" })
	}), ""},
	{"clock was set", after(setting{watched: true, conf: plain}, func(w *talk) {
		w.box(nil)
		w.now.Wall += int64(time.Minute)
	}), ""},
	{"clock lost for long", after(setting{watched: true}, func(w *talk) {
		w.box(nil)
		untilNormal(w)
		w.box(func(f *BoxFacts) { f.Clock.Trusted, f.ClockWhy = false, "no time server answers" })
		w.hush(20 * time.Second).box(nil).hush(time.Second)
	}), ""},
	{"no partner", after(setting{conf: plain}, func(w *talk) {}), ""},
	{"no interface", after(setting{conf: plain}, func(w *talk) { w.Step(w.now, &Links{}) }), ""},
	{"in contact", after(setting{}, untilNormal), "p"},
	{"partner recovers", after(setting{}, func(w *talk) { untilNormal(w); w.state(lease.Recover) }), ""},
	{"restarted, with authority", after(setting{}, func(w *talk) { w.hush(20 * time.Second) }), ""},
	{"restarted, without", after(setting{off: 200, saved: func(p *lease.Peer) { p.LastContact -= 200 }}, func(w *talk) { w.hush(20 * time.Second) }), ""},
	{"restarted, after-long-outage serve", after(setting{policy: PeerPolicy{ServeAfterOutage: true}, off: 200, saved: func(p *lease.Peer) { p.LastContact -= 200 }},
		func(w *talk) { w.hush(20 * time.Second) }), ""},
	{"never met", after(setting{fresh: true}, func(w *talk) { w.hush(20 * time.Second) }), ""},
	{"standard", after(setting{}, func(w *talk) { alone(w); w.hush(100 * time.Second) }), ""},
	{"strict, with authority", after(setting{policy: PeerPolicy{Strict: true}}, func(w *talk) { alone(w); w.hush(10 * time.Second) }), ""},
	{"strict, without", after(setting{policy: PeerPolicy{Strict: true}}, func(w *talk) { alone(w); w.hush(100 * time.Second) }), ""},
	{"partner was alone", after(setting{saved: func(p *lease.Peer) { p.Partner = lease.PartnerDown }}, func(w *talk) { w.hush(20 * time.Second) }), ""},
	{"carrier was lost", after(setting{watched: true}, func(w *talk) {
		w.box(nil)
		alone(w)
		w.box(func(f *BoxFacts) { f.Link.LAN = false }).hush(30 * time.Second).box(nil)
	}), ""},
	{"carrier flaps", after(setting{watched: true}, func(w *talk) {
		w.box(nil)
		untilNormal(w)
		w.box(func(f *BoxFacts) { f.Link.Changes = 6 })
	}), ""},
	{"woken late", after(setting{}, func(w *talk) {
		untilNormal(w)
		w.now = w.now.Add(40 * time.Second)
		w.Step(w.now, &WokenLate{Gap: 40 * time.Second})
		w.settle()
	}), ""},
	{"paused machine", after(setting{watched: true}, func(w *talk) {
		w.box(nil)
		untilNormal(w)
		w.now.Wall += int64(90 * time.Second)
		w.settle()
		w.box(nil)
	}), ""},
	{"paused machine: the word of a machine that may not know", after(setting{watched: true}, func(w *talk) {
		w.box(nil)
		untilNormal(w)
		w.now.Wall += int64(90 * time.Second)
		w.settle()
		w.box(func(f *BoxFacts) { f.ClockApart -= int64(90 * time.Second) })
	}), ""},
	{"connection that nobody read", after(setting{}, func(w *talk) {
		untilNormal(w)
		w.now = w.now.Add(delay)
	}), ""},
	{"reset storm", after(setting{boot: func(b *lease.Boot) { b.Resets = []lease.Time{start.Time() - 400, start.Time() - 200, start.Time()} }},
		untilNormal), ""},
	{"reset storm of a box that is alone", after(setting{boot: func(b *lease.Boot) { b.Resets = []lease.Time{start.Time() - 400, start.Time() - 200, start.Time()} }},
		func(w *talk) { w.hush(20 * time.Second) }), ""},

	{"recover", after(setting{off: 10, saved: saved(lease.Normal, lease.PeerNeedsAll), boot: func(b *lease.Boot) { b.StoreOrigin = "restored" }},
		func(w *talk) { w.hush(20 * time.Second) }), ""},
	{"recover, being filled", after(setting{saved: saved(lease.Normal, 0), boot: func(b *lease.Boot) { b.StoreOrigin = "restored" }}, func(w *talk) {
		w.meet(lease.CommunicationsInterrupt)
		w.update("10.0.1.5", 4, 600)
	}), ""},
	{"recover-wait", after(setting{boot: func(b *lease.Boot) { b.StoreOrigin = "restored" }}, func(w *talk) {
		w.meet(lease.CommunicationsInterrupt).done()
	}), ""},
	{"recover-done", after(setting{boot: func(b *lease.Boot) { b.StoreOrigin = "restored" }}, func(w *talk) {
		w.meet(lease.PartnerDown).done().pass(70 * time.Second)
	}), ""},
	{"recover-done at once", after(setting{saved: saved(lease.Shutdown, lease.PeerBoundToRecover)}, func(w *talk) {
		w.meet(lease.PartnerDown).done()
	}), ""},
	{"older copy", after(setting{off: 300, saved: func(p *lease.Peer) { p.LastContact -= 300 }}, func(w *talk) {
		w.hush(20 * time.Second).meet(lease.CommunicationsInterrupt)
	}), ""},
	{"partner took over meanwhile", after(setting{off: 63}, func(w *talk) { w.meet(lease.PartnerDown) }), ""},
	{"partner lost its store", after(setting{forgetful: true, off: 300, saved: func(p *lease.Peer) { p.LastContact -= 300 }}, func(w *talk) {
		w.hush(20 * time.Second).meet(lease.Recover).hear(&wire.UpdreqAll{})
	}), ""},

	{"conflict", after(setting{saved: saved(lease.CommunicationsInterrupt, 0)}, func(w *talk) {
		w.hush(20 * time.Second).meet(lease.PartnerDown)
	}), ""},
	{"conflict after a lost store", after(setting{saved: func(p *lease.Peer) { p.Lost = start.Time() - 20 }}, func(w *talk) {
		w.hush(20 * time.Second).meet(lease.PartnerDown)
	}), ""},
	{"conflict interrupted", after(setting{}, func(w *talk) {
		w.hush(20 * time.Second).meet(lease.PartnerDown).lost("the cable was cut")
	}), ""},
	{"conflict, through with the secondary", after(setting{}, func(w *talk) {
		w.hush(20 * time.Second).meet(lease.PartnerDown).state(lease.PotentialConflict).done()
	}), ""},
	{"conflict, through", after(setting{secondary: true}, func(w *talk) {
		w.hush(20 * time.Second).meet(lease.PartnerDown).state(lease.ConflictDone).done()
	}), ""},

	{"partner-down", after(setting{}, func(w *talk) { alone(w); w.hush(20*time.Second).order("partner-down", "alice") }), ""},
	{"partner-down for long", after(setting{}, func(w *talk) {
		alone(w)
		w.hush(20*time.Second).order("partner-down", "alice").hush(3 * time.Minute)
	}), ""},
	{"partner-down that served", after(setting{}, func(w *talk) {
		alone(w)
		w.hush(20*time.Second).order("partner-down", "alice")
		w.bind(1)
		w.settle()
	}), ""},
	{"partner removed", after(setting{}, func(w *talk) { alone(w); w.hush(20*time.Second).order("removed", "alice") }), ""},
	{"partner-down resumed", after(setting{saved: saved(lease.PartnerDown, 0)}, func(w *talk) { w.hush(20 * time.Second) }), ""},
	{"partner-down lapsed", after(setting{off: 100, saved: saved(lease.PartnerDown, 0)}, func(w *talk) { w.hush(20 * time.Second) }), ""},
	{"partner-down lapsed by contact", after(setting{saved: saved(lease.PartnerDown, 0)}, func(w *talk) {
		w.call().hear(w.connectack()).startingUp(lease.Normal)
	}), ""},
	{"partner-down lapsed, partner without store", after(setting{off: 63, saved: saved(lease.PartnerDown, 0)}, func(w *talk) {
		w.hush(20 * time.Second).meet(lease.Recover).hear(&wire.UpdreqAll{})
	}), ""},
	{"partner-down, partner recovers", after(setting{}, func(w *talk) {
		alone(w)
		w.hush(20*time.Second).order("partner-down", "alice").meet(lease.Recover)
	}), ""},
	{"partner-down, partner is back", after(setting{}, func(w *talk) {
		alone(w)
		w.hush(20*time.Second).order("partner-down", "alice").hush(2 * time.Minute)
		w.bind(1)
		w.meet(lease.RecoverDone)
	}), ""},
	{"partner-down is over", after(setting{}, func(w *talk) {
		alone(w)
		w.hush(20*time.Second).order("partner-down", "alice").meet(lease.RecoverDone).acknowledge()
	}), ""},
	{"the partner's goodbye", after(setting{}, func(w *talk) {
		untilNormal(w)
		w.hear(&wire.State{State: wire.Some(lease.Shutdown), Flags: wire.Some(wire.ServerFlags(0)), Since: wire.Some(w.now.Time()),
			Vendor: wire.Some(wire.GoodbyeBoundToRecover.Encode())})
	}), ""},

	{"automatic partner-down to come", after(auto, func(w *talk) { alone(w); w.hush(30 * time.Second) }), ""},
	{"automatic partner-down", after(auto, func(w *talk) { alone(w); w.hush(110 * time.Second) }), ""},
	{"no automatic partner-down: restart", after(auto, func(w *talk) { w.hush(30 * time.Second) }), ""},
	{"no automatic partner-down: carrier", after(with(auto, func(s *setting) { s.watched = true }), func(w *talk) {
		w.box(nil)
		alone(w)
		w.box(func(f *BoxFacts) { f.Link.LAN = false })
	}), ""},
	{"no automatic partner-down: flapping", after(with(auto, func(s *setting) { s.watched = true }), func(w *talk) {
		w.box(nil)
		alone(w)
		w.box(func(f *BoxFacts) { f.Link.Changes = 6 })
	}), ""},
	{"no automatic partner-down: cut off", after(with(auto, func(s *setting) { s.watched = true }), func(w *talk) {
		w.box(func(f *BoxFacts) { f.Link.LANAlive, f.Link.Cable = true, failover.CableUp })
		alone(w)
		w.box(func(f *BoxFacts) { f.Link.Cable = failover.CableDown })
		w.hush(30 * time.Second).box(func(f *BoxFacts) { f.Link.LANAlive, f.Link.Cable = true, failover.CableDown })
	}), ""},
	{"no automatic partner-down: clock", after(with(auto, func(s *setting) { s.watched = true }), func(w *talk) {
		w.box(nil)
		alone(w)
		w.box(func(f *BoxFacts) { f.Clock.Trusted, f.ClockWhy = false, "no time server answers" })
	}), ""},
	{"no automatic partner-down: standard partner", after(auto, func(w *talk) {
		g := w.greeting()
		g.Capabilities = 0
		m := w.connectack()
		m.Vendor = wire.Some(g.Encode())
		w.call().hear(m).state(lease.CommunicationsInterrupt).state(lease.Normal).lost("the cable was cut")
	}), ""},
	{"no automatic partner-down: the network is dead", after(with(auto, func(s *setting) { s.watched = true }), func(w *talk) {
		w.box(func(f *BoxFacts) { f.Link.LANAlive = true })
		alone(w)
		w.box(nil)
	}), ""},
	{"no automatic partner-down: nothing came over the network before", after(with(auto, func(s *setting) { s.watched, s.policy.Survivor = true, false }), func(w *talk) {
		w.box(nil)
		alone(w)
		w.box(func(f *BoxFacts) { f.Link.LANAlive, f.Link.Cable = true, failover.CableDown })
	}), ""},
	{"no automatic partner-down: the cable was out before", after(with(auto, func(s *setting) { s.watched, s.policy.Survivor = true, false }), func(w *talk) {
		out := func(f *BoxFacts) { f.Link.LANAlive, f.Link.Cable = true, failover.CableDown }
		w.box(out)
		untilNormal(w)
		w.pass(30 * time.Second).lost("the cable was cut")
		w.box(func(f *BoxFacts) { out(f); f.Heard = []string{failover.PathLAN} })
	}), ""},
	{"no automatic partner-down: the other is the survivor", after(with(auto, func(s *setting) { s.policy.Survivor = false }), alone), ""},

	{"handing over", after(setting{}, func(w *talk) { untilNormal(w); w.bind(2); w.order("maintenance", "alice") }), ""},
	{"handed over", after(setting{}, func(w *talk) {
		untilNormal(w)
		w.acknowledge().order("maintenance", "alice").state(lease.PartnerDown)
	}), ""},
	{"handed over to nobody", after(setting{}, func(w *talk) { untilNormal(w); w.acknowledge().order("maintenance", "alice").pass(10 * time.Second) }), ""},
	{"back from maintenance", after(setting{}, func(w *talk) {
		untilNormal(w)
		w.acknowledge().order("maintenance", "alice").state(lease.PartnerDown).order("resume", "alice")
	}), ""},
	{"paused", after(setting{}, func(w *talk) { untilNormal(w); w.order("pause", "alice") }), ""},
	{"back from a pause", after(setting{}, func(w *talk) { untilNormal(w); w.order("pause", "alice").order("resume", "alice") }), ""},

	{"dhcpd in contact", after(setting{dhcpd: true}, func(w *talk) { w.meet(lease.CommunicationsInterrupt).state(lease.Normal).done() }), ""},
	{"dhcpd, interrupted", after(setting{dhcpd: true}, func(w *talk) {
		w.meet(lease.CommunicationsInterrupt).state(lease.Normal).done().lost("the cable was cut")
	}), ""},
	{"dhcpd, restarted", after(setting{dhcpd: true}, func(w *talk) { w.hush(20 * time.Second) }), ""},
	{"dhcpd, renew-only", after(setting{dhcpd: true, policy: PeerPolicy{Isolated: failover.IsolatedRenewOnly}}, func(w *talk) { w.hush(20 * time.Second) }), ""},
	{"dhcpd, serve-isolated", after(setting{dhcpd: true, policy: PeerPolicy{Isolated: failover.IsolatedServe}}, func(w *talk) { w.hush(20 * time.Second) }), ""},
	{"dhcpd, partner-down after a restart", after(setting{dhcpd: true, saved: saved(lease.PartnerDown, 0)}, func(w *talk) { w.hush(20 * time.Second) }), ""},
	{"dhcpd, transfer cut", after(setting{dhcpd: true, saved: saved(lease.Normal, lease.PeerTransferCut)}, func(w *talk) {
		w.meet(lease.CommunicationsInterrupt).state(lease.Normal)
	}), ""},
	{"dhcpd, conflict that it would not survive", after(setting{dhcpd: true}, func(w *talk) {
		w.hush(20 * time.Second).meet(lease.PartnerDown).state(lease.Normal)
	}), ""},
}

// with is a setting, changed.
func with(set setting, edit func(s *setting)) setting {
	edit(&set)
	return set
}

// refused: the partner's CONNECT, changed, is not accepted by a secondary.
func refused(name string, set setting, edit func(m *wire.Connect, g *wire.Greeting)) scene {
	set.secondary = true
	return scene{"refused: " + name, after(set, func(w *talk) {
		m, g := w.connect(), w.greeting()
		edit(m, &g)
		if !set.dhcpd {
			m.Vendor = wire.Some(g.Encode())
		}
		w.call().hear(m)
	}), ""}
}

// turnedDown: the partner's CONNECTACK, changed, is not accepted by a primary.
func turnedDown(name string, set setting, edit func(m *wire.Connectack)) scene {
	return scene{"turned down: " + name, after(set, func(w *talk) {
		m := w.connectack()
		edit(m)
		w.call().hear(m)
	}), ""}
}

var pinned = setting{policy: PeerPolicy{Pinned: true}}

// refusalScenes: the partner is reached, and one of the two refuses.
var refusalScenes = []scene{
	refused("no name", setting{}, func(m *wire.Connect, _ *wire.Greeting) { m.Relationship = wire.Opt[string]{} }),
	refused("other name", setting{}, func(m *wire.Connect, _ *wire.Greeting) { m.Relationship = wire.Some("q") }),
	refused("both secondary", setting{}, func(_ *wire.Connect, g *wire.Greeting) { g.Role = wire.RoleSecondary }),
	refused("no HBA", setting{}, func(m *wire.Connect, _ *wire.Greeting) { m.HBA = wire.Opt[wire.HBA]{} }),
	refused("no MCLT", setting{}, func(m *wire.Connect, _ *wire.Greeting) { m.MCLT = wire.Opt[lease.Seconds]{} }),
	refused("other pools", setting{}, func(_ *wire.Connect, g *wire.Greeting) { g.Pools = "192.0.2.1-192.0.2.9" }),
	refused("other authority", setting{policy: PeerPolicy{Authority: 100}}, func(*wire.Connect, *wire.Greeting) {}),
	refused("a Tandem", setting{policy: PeerPolicy{ISC: true}}, func(*wire.Connect, *wire.Greeting) {}),
	refused("clear text", pinned, func(*wire.Connect, *wire.Greeting) {}),
	{"refused: both primary", after(setting{}, func(w *talk) { w.call().hear(w.connect()) }), ""},
	{"refused: clock", after(setting{secondary: true}, func(w *talk) {
		w.call()
		w.now.Wall += int64(time.Minute)
		m := w.connect()
		m.Time, m.XID = start.Time(), 1
		w.Step(w.now, &PeerReceived{Conn: w.conn, Message: m})
		w.settle()
	}), ""},
	{"refused: nobody speaks", after(setting{secondary: true}, func(w *talk) { w.call().hush(16 * time.Second) }), ""},
	{"refused: TLS", after(with(pinned, func(s *setting) { s.secondary = true }), func(w *talk) {
		m := w.connect()
		m.TLSRequest = wire.Some(wire.TLSRequired)
		w.call().hear(m)
		w.Step(w.now, &PeerSecured{Conn: w.conn, Err: "the key is not the pinned one"})
		w.settle()
	}), ""},
	{"refused: by DISCONNECT", after(setting{}, func(w *talk) {
		untilNormal(w)
		w.hear(&wire.Disconnect{Reject: wire.Some(wire.RejectMisc), Message: wire.Some("out of order")})
	}), ""},
	{"refused: by DISCONNECT without words", after(setting{}, func(w *talk) {
		w.call().hear(&wire.Disconnect{Reject: wire.Some(wire.RejectMisc)})
	}), ""},
	turnedDown("by the partner", setting{}, func(m *wire.Connectack) {
		m.Reject, m.Message = wire.Some(wire.RejectInvalidMCLT), wire.Some("mclt is 60 s on the partner and 70 s here")
	}),
	turnedDown("without words", setting{}, func(m *wire.Connectack) { m.Reject = wire.Some(wire.RejectInvalidMCLT) }),
	turnedDown("no TLS", pinned, func(*wire.Connectack) {}),
	turnedDown("no Tandem", pinned, func(m *wire.Connectack) { m.Vendor = wire.Opt[string]{} }),
	turnedDown("other mclt", setting{}, func(m *wire.Connectack) {
		m.Vendor = wire.Some(wire.Greeting{Role: wire.RoleSecondary, MCLT: wire.Some(lease.Seconds(70))}.Encode())
	}),
	refused("other mclt", setting{dhcpd: false, extra: " mclt 70;"}, func(*wire.Connect, *wire.Greeting) {}),
}

// lossScenes: how contact was lost.
var lossScenes = []scene{
	{"lost: nothing heard", after(setting{}, func(w *talk) { untilNormal(w); w.hush(13 * time.Second) }), ""},
	{"lost: the partner began anew", after(setting{secondary: true}, func(w *talk) {
		untilNormal(w)
		g := w.greeting()
		g.Boot = "again"
		m := w.connect()
		m.Vendor = wire.Some(g.Encode())
		w.call().hear(m)
	}), ""},
	{"lost: a new connection", after(setting{}, func(w *talk) {
		untilNormal(w)
		g := w.greeting()
		g.Boot = "again"
		m := w.connectack()
		m.Vendor = wire.Some(g.Encode())
		w.call().hear(m)
	}), ""},
	{"lost: nothing comes of the transfer", after(setting{boot: func(b *lease.Boot) { b.StoreOrigin = "restored" }}, func(w *talk) {
		w.meet(lease.CommunicationsInterrupt).pass(31 * time.Second)
	}), ""},
	{"lost: dhcpd queues again", after(setting{dhcpd: true, saved: saved(lease.Normal, lease.PeerTransferCut)}, func(w *talk) {
		w.meet(lease.CommunicationsInterrupt).state(lease.Normal).done()
	}), ""},
	{"lost: removed while stopping", after(setting{}, func(w *talk) {
		untilNormal(w)
		w.bind(2)
		w.order("maintenance", "alice").pass(15 * time.Second)
	}), ""},
}

// declare is the order that R6 may refuse.
const declare = "order partner-down alice"

// orderScenes: what an operator is told who is about to declare the partner
// down, and which orders are refused.
var orderScenes = []scene{
	{"evidence: in contact", after(setting{}, untilNormal), "evidence"},
	{"evidence: standard", after(setting{}, func(w *talk) { alone(w); w.hush(30 * time.Second) }), "evidence"},
	{"evidence: strict", after(setting{policy: PeerPolicy{Strict: true}}, func(w *talk) { alone(w); w.hush(30 * time.Second) }), "evidence"},
	{"evidence: restarted", after(setting{}, func(w *talk) { w.hush(20 * time.Second) }), "evidence"},
	{"evidence: the other is the survivor", after(with(auto, func(s *setting) { s.policy.Survivor = false }), alone), "evidence"},
	{"evidence: dhcpd", after(setting{dhcpd: true}, func(w *talk) { w.hush(20 * time.Second) }), "evidence"},
	{"evidence: cables", after(setting{watched: true}, func(w *talk) {
		w.box(nil)
		alone(w)
		w.box(func(f *BoxFacts) { f.Link.LAN, f.Link.Cable = false, failover.CableDown })
	}), "evidence"},
	{"evidence: heard beside the failover connection", after(setting{watched: true}, func(w *talk) {
		w.box(nil)
		alone(w)
		w.hush(5 * time.Second).box(func(f *BoxFacts) { f.Heard = []string{failover.PathLAN} })
	}), "evidence"},
	{"order: the partner is heard", after(setting{}, untilNormal), declare},
	{"order: the clock is not trusted", after(setting{watched: true}, func(w *talk) { w.hush(20 * time.Second) }), declare},
	{"order: the store was lost", after(setting{boot: func(b *lease.Boot) { b.StoreOrigin = "restored" }}, func(w *talk) { w.hush(20 * time.Second) }), declare},
	{"order: handed over", after(setting{saved: saved(lease.Shutdown, lease.PeerBoundToRecover)}, func(w *talk) { w.hush(20 * time.Second) }), declare},
	{"order: stopped", after(setting{}, func(w *talk) { untilNormal(w); w.order("pause", "alice") }), declare},
	{"order: handing over already", after(setting{}, func(w *talk) { untilNormal(w); w.bind(2); w.order("maintenance", "alice") }), "order maintenance alice"},
	{"order: nobody to hand over to", after(setting{}, func(w *talk) { w.hush(20 * time.Second) }), "order maintenance alice"},
	{"order: not stopped", after(setting{}, untilNormal), "order resume alice"},
}
