package change

import (
	"time"

	"tandem/init/pair/version"
)

// Event is something that happened. Events are handed to Machine.Step one
// after the other.
type Event interface{ event() }

// Started is the first event of a run.
type Started struct{}

// Link tells that a session with the partner began, or ended. Each session
// begins with a Link{Up: true}; nothing of an older session may arrive after it.
type Link struct{ Up bool }

// Received is a message of the partner, in the session that is up.
type Received struct{ Message Message }

// Examined answers the effect Examine: the version is on disk, durably, and
// dhcpfd accepts it with this box's peer block; or Problem says why not.
type Examined struct {
	ID      version.ID
	Problem string // lines; empty if it is good
}

// Activated answers the effect Activate: dhcpfd serves by the version (or does
// not run yet and will); or Problem says why not.
type Activated struct {
	ID      version.ID
	Problem string
}

// Health is how dhcpfd is, told about each second.
type Health struct{ Problem string }

// Disk tells whether the files of the version in force are on disk as they
// were written; Problem says what differs.
type Disk struct{ Problem string }

// Propose is an operator's wish to put files in force.
type Propose struct {
	Request uint64 // comes back in Reply
	Who     string
	Comment string
	When    time.Time
	Files   version.Files
	// Base is the version that the operator edited; zero if he does not say.
	// It is refused when another one is in force by now.
	Base version.ID
	// Alone allows it while the partner is away.
	Alone bool
	// ConfirmTime is how long the change waits for a confirmation; zero takes
	// the usual time.
	ConfirmTime time.Duration
	// NoConfirm has the change need no confirmation.
	NoConfirm bool
}

// Confirm is an operator's word that a change on trial is good. With Alone the
// partner, who was lost in the meantime, gets it on return.
type Confirm struct {
	Request uint64
	Who     string
	Alone   bool
}

// Cancel is an operator's word to go back now.
type Cancel struct {
	Request uint64
	Who     string
}

// Take ends a fork: this box's version for both, or the partner's.
type Take struct {
	Request uint64
	Who     string
	Mine    bool
}

func (Started) event()   {}
func (Link) event()      {}
func (Received) event()  {}
func (Examined) event()  {}
func (Activated) event() {}
func (Health) event()    {}
func (Disk) event()      {}
func (Propose) event()   {}
func (Confirm) event()   {}
func (Cancel) event()    {}
func (Take) event()      {}

// Effect is something that the shell does, in the order of the list and each
// one whole before the next begins. Examine and Activate take time: the shell
// starts them and goes on; their answers are events.
type Effect interface{ effect() }

// Send sends a message in the session that is up. It may be lost with it.
type Send struct{ Message Message }

// Save makes the machine's memory durable; if it fails, the process must end
// (a new run takes up what was saved last).
type Save struct{ Memory Memory }

// Examine stores a version durably and has dhcpfd check it; Examined answers.
type Examine struct{ Version *version.Version }

// Activate puts a stored version in force: the link is switched durably, then
// dhcpfd is told to reload; Activated always answers. At most one is under way.
// The zero ID stands for a configuration that serves nobody.
type Activate struct{ ID version.ID }

// Deliver sends the partner a Give with a stored version and its chain, or one
// that says why there is none.
type Deliver struct {
	ID    version.ID
	Chain []version.ID
}

// Note writes into the history what became of a version.
type Note struct {
	ID      version.ID
	Outcome Outcome
	Why     string
}

// Reply is the answer to an operator's request: Text in either case. Each
// request gets one, unless the process ends before.
type Reply struct {
	Request uint64
	OK      bool
	Text    string
}

// Say is a line for the log.
type Say struct {
	Alarm bool
	Text  string
}

func (Send) effect()     {}
func (Save) effect()     {}
func (Examine) effect()  {}
func (Activate) effect() {}
func (Deliver) effect()  {}
func (Note) effect()     {}
func (Reply) effect()    {}
func (Say) effect()      {}

// Outcome is what became of a version on this box.
type Outcome string

// The outcomes.
const (
	Committed  Outcome = "committed"   // it was put in force for good
	Refused    Outcome = "refused"     // it never was in force
	RolledBack Outcome = "rolled back" // it was tried, and taken back
	GivenUp    Outcome = "given up"    // a fork was ended by the other version
)
