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
// It is for tests and for the command in cmd; nothing that ships imports it.
package sim
