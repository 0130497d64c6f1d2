// Package omapi speaks OMAPI, the management protocol of ISC dhcpd, as its
// client omshell 4.4.3 does: message codec, authentication, and the session
// of one connection. What is read and changed lies behind the interface
// Authority.
//
// The package is pure: it is fed octets and moments and gives back octets.
// Randomness comes in as a function, and it must be unpredictable: handles and
// key handles are drawn from it, once for each connection. A recorded request
// therefore names a handle that no later connection has; this is all the
// protection against replay that the protocol leaves room for, because no
// value of the server enters the signature of an OPEN. So a recorded
// "create host" can be replayed; nothing that needs a handle can, and what
// decides over the pair (failover-state, lease, control) always needs one.
//
// The shell's part:
//
//	session, evicted, err := server.Accept(now, id, remote)
//	write(session.Hello())
//	out := session.Feed(now, octets)       // write out.Bytes, then hang up if out.Close != ""
//	                                       // read more only while session.Ready()
//	session, out = server.Resolve(now, ticket, result) // for changes that Authority put off
//	server.Expire(now, deliver)            // at server.Deadline()
//	server.Release(session)                // when the connection has ended
package omapi
