// Package sim runs two whole nodes, each with its store on a failing disk,
// in one simulated world: clients, relays, an operator, clocks, the network of
// the clients and the link between the boxes. Everything that happens follows
// from a Plan, which follows from a seed; the same plan gives the same life.
//
// The checker knows the true time and what every client believes. It holds the
// life against the promise of the restart rules:
//
//	I1  at most one client believes in an address at any moment
//	I2  what was acknowledged is in the store after any power cut
//	I3  after the faults both are in NORMAL within MCLT + 2 minutes, tables equal
//	I4  after any single fault clients are served within 10 s and 30 s
//
// No client is refused either without a sentence of `why` that names the rule.
//
// Three ways lead through the world. Plans that are drawn from seeds, some of
// them near the lives in testdata/lives, at which something was learnt
// (draw.go, tales.go, near.go). Lives with one fault and clients with a watch
// (service.go). And every script of so many steps of a small world: two boxes,
// an address in each half, two clients; the link, the power of each box, an
// order to each, a client that leaves or comes back, with 40 s after each step
// (exhaust.go). That covers every order of those steps at that grain, with
// right clocks, one MCLT and no loss; what happens within the 40 s is for the
// drawn lives to find.
//
// The partner may be a dhcpd (dhcpd.go): a model that is held against captured
// conversations of the real one, message by message.
//
// It is for tests and for the command in cmd; nothing that ships imports it.
package sim
