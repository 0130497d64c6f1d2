package wire

import (
	"fmt"

	"tandem/failover/lease"
)

// Dialect is which implementation the partner is. The octets are the same; a
// dialect is what may be said to it.
type Dialect uint8

// Dialects.
const (
	// ISC is dhcpd 4.x.
	ISC Dialect = iota
	// Tandem is another box of ours.
	Tandem
)

// String is "ISC dhcpd" or "Tandem".
func (d Dialect) String() string {
	if d == ISC {
		return "ISC dhcpd"
	}
	return "Tandem"
}

// Limits of values.
const (
	// MinReceiveTimer is the smallest receive-timer to announce: dhcpd sends
	// CONTACT every third of it in whole seconds, so below 3 without a pause.
	MinReceiveTimer lease.Seconds = 3
	// MaxHW is the largest length of a client-hardware-address, htype included.
	MaxHW = 21
)

// Harm is what a message would do to dhcpd.
type Harm uint8

// Harms, the worst first.
const (
	// HarmExit: its process ends.
	HarmExit Harm = 1 + iota
	// HarmShutdown: it enters SHUTDOWN and serves nobody before an operator
	// restarts it.
	HarmShutdown
	// HarmLoop: it sends CONTACT without a pause.
	HarmLoop
	// HarmStall: it never sends an update.
	HarmStall
	// HarmDrop: it drops the connection.
	HarmDrop
	// HarmForget: it forgets what it may grant, and falls back to the MCLT.
	HarmForget
	// HarmReject: it is bound to reject the message.
	HarmReject
)

var harmText = [...]string{
	HarmExit:     "dhcpd would exit",
	HarmShutdown: "dhcpd would enter SHUTDOWN",
	HarmLoop:     "dhcpd would send CONTACT in a loop",
	HarmStall:    "dhcpd would never send an update",
	HarmDrop:     "dhcpd would drop the connection",
	HarmForget:   "dhcpd would forget the potential expiration",
	HarmReject:   "dhcpd would reject it",
}

// String is the harm in words.
func (h Harm) String() string {
	if h > 0 && int(h) < len(harmText) {
		return harmText[h]
	}
	return fmt.Sprintf("harm %d", uint8(h))
}

// Unsafe is the reason why a message must not be sent.
type Unsafe struct {
	Kind Kind
	Code Code // the option at fault; 0 if none
	Harm Harm
	Text string // what is wrong and what would be right
}

// Error gives option, cause and harm.
func (u *Unsafe) Error() string {
	s := u.Kind.String() + ": "
	if u.Code != 0 {
		s += u.Code.String() + " "
	}
	return s + u.Text + " (" + u.Harm.String() + ")"
}

// Encode gives the octets to send to a partner of dialect d, or the *Unsafe of
// Check, or the *Error of Frame.
func Encode(m Message, d Dialect) ([]byte, error) {
	return Append(make([]byte, 0, 128), m, d)
}

// Append is Encode that appends to dst; it gives dst back on an error.
func Append(dst []byte, m Message, d Dialect) ([]byte, error) {
	if err := Check(m, d); err != nil {
		return dst, err
	}
	return AppendFrame(dst, m)
}

// Check tells whether m may be sent to a partner of dialect d; the error is an
// *Unsafe. It judges the message alone: see CheckState for what depends on the
// partner's state. A receiver can use it with Tandem to judge the values that
// it was sent.
func Check(m Message, d Dialect) error {
	if u := check(m, d); u != nil {
		u.Kind = m.Kind()
		return u
	}
	return nil
}

func check(m Message, d Dialect) *Unsafe {
	if d == ISC {
		if u := checkOthers(m); u != nil {
			return u
		}
	}
	switch m := m.(type) {
	case *Bndupd:
		if u := checkBinding(&m.Binding); u != nil || d != ISC {
			return u
		}
		return checkClient(&m.Binding)
	case *Bndack:
		return checkBndack(m, d)
	case *Connect:
		return checkConnect(m)
	case *Connectack:
		return checkConnectack(m)
	case *State:
		return checkState(m)
	case *Unknown:
		return &Unsafe{Harm: HarmDrop, Text: "is not a message type"}
	}
	return nil
}

// checkOthers finds options that are not ours but looked into by dhcpd.
func checkOthers(m Message) *Unsafe {
	_, binding := m.(bound)
	for _, o := range m.Over().Others {
		switch {
		case find(m.Kind().fields(), o.Code) >= 0 && o.Code != CodeVendor:
			return &Unsafe{Code: o.Code, Harm: HarmDrop, Text: "must be in its own field, once"}
		case binding && o.Code == CodeDDNS:
			return &Unsafe{Code: o.Code, Harm: HarmDrop, Text: "must not be sent"}
		}
	}
	return nil
}

func checkBinding(b *Binding) *Unsafe {
	switch {
	case !b.IP.Set:
		return &Unsafe{Code: CodeIP, Harm: HarmReject, Text: "is missing"}
	case !b.Status.Set:
		return &Unsafe{Code: CodeStatus, Harm: HarmReject, Text: "is missing"}
	case !b.Status.V.Valid():
		return &Unsafe{Code: CodeStatus, Harm: HarmExit,
			Text: fmt.Sprintf("is %d, must be 1 (FREE) to 7 (BACKUP)", b.Status.V)}
	}
	return nil
}

// checkClient holds a binding against what dhcpd demands of each status.
func checkClient(b *Binding) *Unsafe {
	switch s := b.Status.V; {
	case len(b.HW.V) > MaxHW:
		return &Unsafe{Code: CodeHW, Harm: HarmReject,
			Text: fmt.Sprintf("has %d octets, at most %d may be", len(b.HW.V), MaxHW)}
	case !b.HW.Set && (s == lease.Active || s == lease.Expired || s == lease.Released):
		return &Unsafe{Code: CodeHW, Harm: HarmReject, Text: fmt.Sprintf("is missing with status %v", s)}
	case b.HW.Set && s == lease.Abandoned:
		return &Unsafe{Code: CodeHW, Harm: HarmReject, Text: "must be absent with status abandoned"}
	case b.ClientID.Set && s == lease.Abandoned:
		return &Unsafe{Code: CodeClientID, Harm: HarmReject, Text: "must be absent with status abandoned"}
	}
	return nil
}

// checkBndack lets dhcpd have nothing but the address and the rejection.
func checkBndack(m *Bndack, d Dialect) *Unsafe {
	if !m.IP.Set {
		return &Unsafe{Code: CodeIP, Harm: HarmReject, Text: "is missing"}
	}
	if d != ISC {
		return nil
	}
	for _, f := range KindBndack.fields() {
		switch f.code {
		case CodeIP, CodeReject, CodeMessage:
			continue
		}
		if _, set := f.put(m, nil); set {
			return &Unsafe{Code: f.code, Harm: HarmForget, Text: "must be absent: dhcpd takes it for news of the lease"}
		}
	}
	return nil
}

func checkConnect(m *Connect) *Unsafe {
	switch {
	case !m.Relationship.Set:
		return &Unsafe{Code: CodeRelationship, Harm: HarmReject, Text: "is missing"}
	case !m.HBA.Set:
		return &Unsafe{Code: CodeHBA, Harm: HarmReject, Text: "is missing"}
	case !m.MCLT.Set:
		return &Unsafe{Code: CodeMCLT, Harm: HarmReject, Text: "is missing"}
	}
	return checkPace(m.MaxUnacked, m.ReceiveTimer)
}

// checkPace judges the two numbers that set the partner's pace.
func checkPace(unacked Opt[uint32], timer Opt[lease.Seconds]) *Unsafe {
	switch {
	case unacked.V == 0:
		return &Unsafe{Code: CodeMaxUnacked, Harm: HarmStall, Text: "is missing or 0, must be 1 or more"}
	case timer.V < MinReceiveTimer:
		return &Unsafe{Code: CodeReceiveTimer, Harm: HarmLoop,
			Text: fmt.Sprintf("is missing or below %d", MinReceiveTimer)}
	}
	return nil
}

func checkConnectack(m *Connectack) *Unsafe {
	if !m.Relationship.Set {
		return &Unsafe{Code: CodeRelationship, Harm: HarmReject, Text: "is missing, also in a rejection"}
	}
	if m.Reject.Set {
		return nil // dhcpd looks at nothing else then
	}
	return checkPace(m.MaxUnacked, m.ReceiveTimer)
}

func checkState(m *State) *Unsafe {
	if !m.State.Set {
		return &Unsafe{Code: CodeServerState, Harm: HarmShutdown, Text: "is missing"}
	}
	if s := m.State.V; !OnWire(s) {
		return &Unsafe{Code: CodeServerState, Harm: HarmShutdown,
			Text: fmt.Sprintf("is %d (%v), must be 2 to 11 or 254", uint8(s), s)}
	}
	return nil
}

// OnWire tells whether s may be in a STATE message: every state but STARTUP,
// which is told by FlagStartup with the state before.
func OnWire(s lease.ServerState) bool {
	return s.Valid() && s != lease.UnknownState && s != lease.Startup
}

// CheckState tells whether announcing state own is safe while a dhcpd is in
// state partner; the error is an *Unsafe with HarmExit or HarmShutdown.
func CheckState(own, partner lease.ServerState) error {
	bad := func(h Harm) error {
		return &Unsafe{Kind: KindState, Code: CodeServerState, Harm: h,
			Text: fmt.Sprintf("%v must not be announced to a partner in %v", own, partner)}
	}
	switch partner {
	case lease.ConflictDone:
		switch own {
		case lease.PotentialConflict, lease.ResolutionInterrupted, lease.Normal:
			return nil
		case lease.Shutdown:
			return bad(HarmShutdown)
		}
		return bad(HarmExit)
	case lease.Normal:
		switch own {
		case lease.PotentialConflict, lease.ResolutionInterrupted, lease.ConflictDone:
			return bad(HarmShutdown)
		}
	case lease.PotentialConflict:
		if own == lease.Normal {
			return bad(HarmShutdown)
		}
	}
	return nil
}
