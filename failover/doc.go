// Package failover is one end of a failover relationship between two DHCP
// servers: the state machine of draft-ietf-dhc-failover-12 section 9, towards
// ISC dhcpd in its dialect and towards another Tandem in the draft's, and the
// rules that keep one address with one client whatever stops and starts.
//
// The package is pure. Step takes the time and one event, Effects gives what
// the shell must do, Deadline says when time alone will change something.
// Serve, Available, FreeStates, Grant and Ended answer the DHCP responder;
// Why, WhyLease and Evidence answer people.
//
// # The promise
//
// At every moment at most one client holds an unexpired lease on an address,
// although either server may stop, hang, lose its disk, be cut off from the
// other one or be declared dead by mistake. Two sentences carry it, with G the
// grant authority that both boxes agree on (MCLT unless configured):
//
//	authority lapses after G without the partner;
//	nobody takes over before G of silence plus MCLT.
//
// So what a server can still promise has ended when the other one gives it
// away. What a server may do is its posture, computed by postureOf from
// recorded facts alone:
//
//	                    contact                    Q = last proven contact + G
//	           .----------------------> FULL -------------------------.
//	           |                         ^ |                          |
//	           |   restart, now < Q      | | restart, carrier lost,   | now >= Q and restarted,
//	        SILENT ----------------------' | woken late: Q counts     | or `strict`
//	    STARTUP, RECOVER,                  v                          v
//	    clock not trusted  -----------> (by Q) --------------> RENEW-ONLY
//	                                                 |  ^        up to H of each lease
//	       G of silence and an operator, the         |  | off for G or longer
//	       survivor rule, or the partner's goodbye   v  |
//	                                                ALONE: own half at once, what the
//	                                                partner could touch MCLT after all of it
//
//	FULL         new addresses from the own half, renewals by the MCLT rules
//	RENEW-ONLY   renewals up to the horizon H of each lease: MCLT after what both know
//	SILENT       nothing
//	ALONE        PARTNER-DOWN
//
// The rules have names, R1 to R12, at the places that obey them; see Rule. Two
// boxes that cannot hear each other and are both declared the survivor, the
// second while the first runs or was off for less than G, are beyond repair:
// Evidence says so to the operator who is about to do it. A dhcpd partner
// keeps none of these rules; what this side can do alone, it does.
package failover
