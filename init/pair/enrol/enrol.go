// Package enrol makes two boxes a pair by a short code that a person carries
// from one console to the other. Afterwards each knows the other's public key
// for certain, and the joining box knows what it is to be.
//
// The joining box connects by TLS 1.3 to the host box; each shows its own key,
// which the other can not judge yet. Inside the connection the two prove to
// each other, by CPace, that they know the same code (file cpace.go). What
// they prove is bound to the connection's exporter (RFC 5705, RFC 8446 section
// 7.5) and to both public keys, in this order of frames:
//
//	joining box                                    host box
//	hello {protocol, share}   ->
//	                          <-   share {share, age of the code}
//	proof {MAC}               ->                   (wrong: refused, one try less)
//	                          <-   offer {MAC, box.conf, configuration}
//	accept {box.conf}         ->                   (checked)
//	                          <-   ready {}
//	commit {}                 ->                   (pins the key, durably)
//	                          <-   done {}
//	bye {}                    ->
//
// A man in the middle has two connections with two exporters, so his two sides
// never agree; somebody who records an enrolment has nothing that is good for
// another connection; who does not know the code has one guess for each try,
// and three wrong tries make a new code. None of them learns anything to guess
// at later, off line.
//
// Nothing is pinned before both have said yes. If the connection breaks after
// commit, the joining box asks again (a hello with resume set, on a new
// connection with the same two keys) and gets the same answer for a while.
package enrol

import (
	"crypto/ed25519"
	"time"

	"tandem/failover/daemon/keyring"
	"tandem/init/pair/version"
)

// Kind is what the host offers the joining box.
type Kind string

// The kinds of offer.
const (
	// Partner: become the partner of a box that has none.
	Partner Kind = "partner"
	// Replacement: take the place of the partner that was, with its name, role
	// and addresses. The lease store is empty, so the box recovers (rule R4).
	Replacement Kind = "replacement"
)

// Offer is what the host proposes to the joining box.
type Offer struct {
	Kind Kind `json:"kind"`
	// Host is the name of the host box, for the console.
	Host string `json:"host"`
	// BoxConf is a whole box.conf for the joining box: role, addresses, peer.
	BoxConf []byte `json:"boxConf"`
	// HostConf is the host's own box.conf.
	HostConf []byte `json:"hostConf"`
	// Config is the version of the pair's configuration that is in force; nil
	// if there is none yet.
	Config *version.Version `json:"config,omitempty"`
	// Time is the host's time of day, for a box whose clock is not set yet.
	Time time.Time `json:"time"`
}

// Joined is what the host knows of a box that joined.
type Joined struct {
	Pin       keyring.Pin
	PublicKey ed25519.PublicKey
	BoxConf   []byte // the box.conf that the person at the joining box settled on
}

// Limits.
const (
	// CodeLife is how long a code is good for.
	CodeLife = 10 * time.Minute
	// MaxTries is how many wrong tries make a new code.
	MaxTries = 3
	// MaxConns is how many boxes may try at once; more are turned away.
	MaxConns = 4

	maxSmall = 4 << 10                      // octets of a frame before the code is proven
	maxOffer = version.MaxTotal/3*4 + 1<<20 // octets of an offer: files in base 64
	maxBox   = 128 << 10                    // octets of an answer to it

	stepTime   = 10 * time.Second // for one frame of the other machine
	decideTime = 30 * time.Minute // for the person at the joining box
	lingerTime = 2 * time.Minute  // that the host answers resumes
)

// Window is what the host shows of itself while pairing is open.
type Window struct {
	Code  Code
	Since time.Time // when the code was made
	Until time.Time // when it ends
	Tries int       // wrong tries so far with it
	// Last is what the last box that tried met with, empty if none did.
	Last string
	// Busy tells that a box proved the code and its person decides now.
	Busy bool
}
