// Package setup is what a person sees on a console of the box: the questions
// of the first start, then a screen with the state of the pair and a menu.
//
// The interface is a function of keys: UI takes what was typed and what the
// box reports (Step), and gives what the terminal has to be sent (Output) and
// what the box has to do (the effects of Step). It has no clock, no goroutine
// and no device of its own; shell.go gives it those. Two terminals are known:
// a VT100 of at least 80x24, drawn by cursor addressing, and any other, which
// gets lines and gives lines. Every console begins as the second kind; a
// terminal that answers the question for its size becomes the first.
//
// What the box is and does comes through Machine.
package setup

import (
	"context"
	"net/netip"
	"time"

	"tandem/init/box"
)

// Machine is the box as the console needs it. Several consoles may use one
// Machine at once, and methods with a context run beside others and may take
// long; they end early when the context does.
type Machine interface {
	Surveyor
	Installer
	Operator
}

// Surveyor tells what is there. Its methods return at once; the console calls
// them every second.
type Surveyor interface {
	// Facts are the box's own: board, version, whether it is set up.
	Facts() Facts
	// Ports lists the network ports in the order of the case.
	Ports() []Port
	// Status is the state of the running box. It is called also before the
	// box is set up, and while it boots.
	Status() Status
}

// Installer sets a box up. Nothing but Commit writes anything that outlives
// the power.
type Installer interface {
	// TestTime asks the time servers by way of the LAN port of c, which is
	// configured for the test and put back afterwards. One answer per server,
	// in their order.
	TestTime(ctx context.Context, c box.Config) ([]TimeAnswer, error)
	// CheckDHCP has the engine read a configuration as it would be in force
	// on this box. The problems have the form "dhcpd.conf:12:3: what". An
	// error means that it could not be read at all.
	CheckDHCP(ctx context.Context, c box.Config, files []File) (problems []string, err error)
	// Sources looks for dhcpd.conf files that may be imported: USB sticks, the
	// FAT partition, the partner.
	Sources(ctx context.Context) ([]Source, error)
	// Read gives the files of a source: dhcpd.conf first, then its includes.
	Read(ctx context.Context, s Source) ([]File, error)
	// Leases looks for the dhcpd.leases beside the dhcpd.conf of a source and
	// tells what is in it; nil if there is none. It is kept for Commit, and the
	// source may be taken away. c says whether the partner of the old server
	// stays.
	Leases(ctx context.Context, c box.Config, s Source) (*LeaseFile, error)
	// Join reaches the other box and proves the code to it. The connection
	// stays open until Commit, Leave or the next Join. tell says how far it
	// is. Error texts are shown as they are.
	Join(ctx context.Context, j Join, tell func(string)) (Offer, error)
	// Leave ends what Join began; nothing is kept on either side.
	Leave()
	// Commit makes r durable, all or nothing, and lets the boot go on. If r
	// is the answer to an Offer, both boxes pin each other's key first. An
	// error means that nothing was kept and Commit may be called again.
	Commit(ctx context.Context, r Result) error
}

// Operator works on the running box.
type Operator interface {
	// Do carries out an action. Its answer is lines for the person, also
	// when there is an error. Error texts are shown as they are.
	Do(ctx context.Context, a Action) (Answer, error)
}

// Facts are what is fixed about a box while it runs.
type Facts struct {
	Board   string // "PC Engines apu2"
	Version string // "0.9.1"
	Serial  string // of the board or of its first port
	SetUp   bool   // there is a box.conf that is good
	// Problems are those of a box.conf that is there and wrong.
	Problems []string
	// PasswordHash is what Commit or SetPassword stored, empty for none.
	PasswordHash string
	// Box is the configuration in force, the zero value if SetUp is false.
	Box box.Config
	// Debug marks an image for tests, which must not serve a real network.
	Debug bool
}

// Port is one network port.
type Port struct {
	Name    string // as printed on the case: "lan1"
	MAC     string // "00:0d:b9:01:02:03"
	Driver  string
	Carrier bool
	Speed   int // Mbit/s, zero if not known
}

// TimeAnswer is what one time server said.
type TimeAnswer struct {
	Server string
	// Offset is what must be added to this box's clock, good to Distance.
	Offset, Distance time.Duration
	Stratum          int
	Err              error // no usable answer, and why
}

// File is one file of the pair's configuration; names have no directory.
type File struct {
	Name string
	Text string
}

// MainFile is the name of the file that includes the others.
const MainFile = "dhcpd.conf"

// Source is a place with a dhcpd.conf or, for Restore, with a backup.
type Source struct {
	ID    string // for Machine alone
	Label string // "USB stick KINGSTON: /dhcpd.conf, 3 kB"
}

// LeaseFile is the dhcpd.leases of the server whose place this box takes.
type LeaseFile struct {
	Label  string // "dhcpd.leases, 93 kB"
	Leases int
	Bound  int       // of them held by a client at Newest
	Newest time.Time // latest moment of service in it; zero if there is none
	// Bad says why it can not be taken, and Remedy what helps.
	Bad    []string
	Remedy string
	Notes  []string // what should be known of it
}

// Join is what the second box knows: a port and a code.
type Join struct {
	// Port is where the cable to the other box, or the LAN that both share,
	// is plugged in.
	Port string
	Code string
	// Replace: this box takes the place of one that is gone.
	Replace bool
}

// Offer is what the other box proposes to this one.
type Offer struct {
	From    string     // name of the other box
	Replace bool       // the identity of the broken box
	Box     box.Config // proposed; port names are those of the other box
	Files   []File     // the pair's configuration
	Version int        // its version
	Time    time.Time  // the other box's clock at Asked
	Asked   time.Time  // this box's clock at that moment
}

// Result is all that the questions yield.
type Result struct {
	Box   box.Config
	Files []File // empty if the other box has them
	// Leases: what Leases found last is taken before anybody is served.
	Leases       bool
	PasswordHash string // empty for none
	// Joined: this accepts the Offer of the connection that is open.
	Joined bool
}

// Status is the state of the running box in one value; the screen, and
// whatever else shows it, is drawn from nothing but this.
type Status struct {
	Time time.Time // the box's clock
	Name string
	Role box.Role
	// Booting says what the boot waits for, empty once the services run.
	Booting string
	// Sentence is the state of the pair in one sentence.
	Sentence string
	// Posture is what the box may do (SILENT, RENEW-ONLY, FULL, ALONE), Rule
	// the rule that says so, Why the facts, Until when time alone ends it.
	Posture, Rule, Why string
	Until              time.Time
	// State and Partner are the failover states (NORMAL ...).
	State, Partner string
	MCLT           time.Duration
	Started        string // why the box started last
	Uptime         time.Duration
	Slot           string // "a"
	OtherSlot      string // version in the other slot, empty if there is none

	Clock   Clock
	Links   []Link
	Pools   []Pool
	Alarms  []Alarm
	Config  ConfigState
	Pairing Pairing
	// Maintenance: this box has handed over or paused.
	Maintenance bool
}

// Clock is the gate's state.
type Clock struct {
	Trusted bool
	State   string // "synchronised"
	Why     string
	Offset  time.Duration
	Servers []TimeAnswer
}

// Link is a port in use.
type Link struct {
	Use      string // "lan" or "direct"
	Port     string
	Prefix   netip.Prefix
	Carrier  bool
	Flapping bool
	Speed    int
	// Heard is how long ago the partner was heard on it, negative if never.
	Heard time.Duration
}

// Pool is the addresses of one network.
type Pool struct {
	Network                               string
	Size, Active, Free, Backup, Abandoned int
	// Endurance is how long the free addresses last at the present pace;
	// negative if that is not known or without end.
	Endurance time.Duration
}

// Alarm is a condition that wants a person.
type Alarm struct {
	Severity string // "critical", "major", "minor"
	Name     string
	Text     string
	Since    time.Time
}

// ConfigState is the pair's configuration as it stands.
type ConfigState struct {
	Version int
	Hash    string
	State   string // "in force", "preparing", "waiting for confirmation"
	Until   time.Time
	Drift   string // text, empty if both boxes agree
}

// Pairing is the offer to a second box.
type Pairing struct {
	Paired bool
	Open   bool
	Code   string
	Until  time.Time
}

// Answer is what an action yields.
type Answer struct {
	Text     string // lines
	Files    []File
	Sources  []Source
	Versions []Version
}

// Version is one entry of the configuration's history, the newest first.
type Version struct {
	Number  int
	When    time.Time
	Who     string
	Comment string
	Outcome string
}

// Action is something that the running box does or tells; the types below
// are all there are.
type Action interface{ action() }

// Actions. Each says what its Answer has.
type (
	// Why explains: the posture if About is empty, else an address, a hardware
	// address or a client identifier.
	Why struct{ About string }
	// Leases lists leases that fit Search.
	Leases struct{ Search string }
	// Evidence is what speaks for and against the partner being down, and
	// what it costs if that is wrong; an error if it would be refused.
	Evidence struct{}
	// PartnerDown declares the partner down; Removed, that it never returns.
	PartnerDown struct{}
	Removed     struct{}
	// Maintenance hands over to the partner, or takes service up again.
	Maintenance struct{ On bool }
	// Logs gives the last lines.
	Logs struct{ Lines int }
	// ClockReport is the gate in detail.
	ClockReport struct{}
	// SetBox replaces the box's configuration; the box may restart for it.
	SetBox struct{ Box box.Config }
	// SetPassword stores a hash, empty for no password.
	SetPassword struct{ Hash string }
	// ConfigShow gives Files of a version, zero for that in force.
	ConfigShow struct{ Version int }
	// ConfigCheck has both boxes read Files and changes nothing.
	ConfigCheck struct{ Files []File }
	// ConfigPut makes Files the next version on both boxes. Alone: although
	// the partner is away.
	ConfigPut struct {
		Files   []File
		Comment string
		Alone   bool
	}
	// ConfigHistory gives Versions.
	ConfigHistory struct{}
	// ConfigDiff compares two versions.
	ConfigDiff struct{ From, To int }
	// ConfigConfirm keeps a change that waits; ConfigRollback goes back to a
	// version; ConfigTake ends a fork ("mine" or "theirs").
	ConfigConfirm  struct{}
	ConfigRollback struct{ To int }
	ConfigTake     struct{ Whose string }
	// ConfigExport is the file for an ISC partner, as Text.
	ConfigExport struct{}
	// PairOpen opens pairing: a code is shown (Status.Pairing). Replace: for
	// a box that takes the broken partner's place.
	PairOpen  struct{ Replace bool }
	PairClose struct{}
	// BackupPlaces gives Sources to write a backup to; BackupList those that
	// hold one.
	BackupPlaces struct{}
	BackupList   struct{}
	Backup       struct{ To Source }
	Restore      struct{ From Source }
	// SwitchSlot starts the system in the other slot.
	SwitchSlot struct{}
	// FactoryReset forgets everything and restarts.
	FactoryReset struct{}
	Reboot       struct{}
	Shutdown     struct{}
	// Typed is a line command that the console does not know itself, as
	// "failctl counters".
	Typed struct{ Line string }
)

func (Why) action()            {}
func (Leases) action()         {}
func (Evidence) action()       {}
func (PartnerDown) action()    {}
func (Removed) action()        {}
func (Maintenance) action()    {}
func (Logs) action()           {}
func (ClockReport) action()    {}
func (SetBox) action()         {}
func (SetPassword) action()    {}
func (ConfigShow) action()     {}
func (ConfigCheck) action()    {}
func (ConfigPut) action()      {}
func (ConfigHistory) action()  {}
func (ConfigDiff) action()     {}
func (ConfigConfirm) action()  {}
func (ConfigRollback) action() {}
func (ConfigTake) action()     {}
func (ConfigExport) action()   {}
func (PairOpen) action()       {}
func (PairClose) action()      {}
func (BackupPlaces) action()   {}
func (BackupList) action()     {}
func (Backup) action()         {}
func (Restore) action()        {}
func (SwitchSlot) action()     {}
func (FactoryReset) action()   {}
func (Reboot) action()         {}
func (Shutdown) action()       {}
func (Typed) action()          {}
