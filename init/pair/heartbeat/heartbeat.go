// Package heartbeat tells whether the partner lives, and whether it hears us,
// on each path between the boxes, by one small signed datagram a second.
//
//	 0        4     5      6        8
//	+--------+-----+------+--------+------------------+
//	| "TDhb" |  1  | path | 0      | run of the sender          | 0
//	+--------+-----+------+--------+------------------+
//	| number of this datagram in that run                       | 16
//	| run that the sender last heard of, zero if none           | 24
//	| highest number that it heard of that run                  | 32
//	+-----------------------------------------------------------+
//	| Ed25519 signature over "tandem heartbeat 1" and the above | 40..104
//	+-----------------------------------------------------------+
//
// A run is a random number that a sender draws when it starts. A datagram is a
// sign of life only if its run is proven: a datagram of that run echoed a
// number of our own run, which nobody could know before we drew it; and if its
// number is higher than any before. So nothing that was recorded earlier
// counts, whoever restarts. An echo of a number proves besides that the partner
// still heard us when we sent that number.
package heartbeat
