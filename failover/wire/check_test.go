package wire

import (
	"errors"
	"testing"

	"tandem/failover/lease"
)

func update(s lease.State, change func(*Bndupd)) *Bndupd {
	m := &Bndupd{Binding: Binding{IP: Some(lease.IP(1)), Status: Some(s), HW: Some("\x01\x02\x03\x04\x05\x06\x07")}}
	if change != nil {
		change(m)
	}
	return m
}

func connect(change func(*Connect)) *Connect {
	m := &Connect{
		Relationship: Some("fo"), MaxUnacked: Some(uint32(10)), ReceiveTimer: Some(lease.Seconds(20)),
		VendorClass: Some("tandem"), Version: Some(uint8(Version)), TLSRequest: Some(TLSNone),
		MCLT: Some(lease.Seconds(3600)), HBA: Some(Split(128)), Vendor: Some(Greeting{Role: RolePrimary}.Encode()),
	}
	if change != nil {
		change(m)
	}
	return m
}

func connectack(change func(*Connectack)) *Connectack {
	m := &Connectack{Relationship: Some("fo"), MaxUnacked: Some(uint32(10)), ReceiveTimer: Some(lease.Seconds(20))}
	if change != nil {
		change(m)
	}
	return m
}

func others(c Code) Surplus { return Surplus{Others: []Option{{Code: c}}} }

func TestCheckRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		m      Message
		harm   Harm
		code   Code
		tandem bool // refused to a Tandem as well
	}{
		{"status 0", update(0, nil), HarmExit, CodeStatus, true},
		{"status 8", update(8, nil), HarmExit, CodeStatus, true},
		{"status 9", update(9, nil), HarmExit, CodeStatus, true},
		{"no status", update(1, func(m *Bndupd) { m.Status = Opt[lease.State]{} }), HarmReject, CodeStatus, true},
		{"no address", update(1, func(m *Bndupd) { m.IP = Opt[lease.IP]{} }), HarmReject, CodeIP, true},
		{"active without hardware", update(lease.Active, func(m *Bndupd) { m.HW = Opt[string]{} }), HarmReject, CodeHW, false},
		{"expired without hardware", update(lease.Expired, func(m *Bndupd) { m.HW = Opt[string]{} }), HarmReject, CodeHW, false},
		{"released without hardware", update(lease.Released, func(m *Bndupd) { m.HW = Opt[string]{} }), HarmReject, CodeHW, false},
		{"abandoned with hardware", update(lease.Abandoned, nil), HarmReject, CodeHW, false},
		{"abandoned with identifier", update(lease.Abandoned, func(m *Bndupd) { m.HW, m.ClientID = Opt[string]{}, Some("") }),
			HarmReject, CodeClientID, false},
		{"hardware of 22", update(lease.Free, func(m *Bndupd) { m.HW = Some(string(make([]byte, 22))) }), HarmReject, CodeHW, false},
		{"DDNS", update(lease.Free, func(m *Bndupd) { m.Surplus = others(CodeDDNS) }), HarmDrop, CodeDDNS, false},
		{"second update", update(lease.Free, func(m *Bndupd) { m.Surplus = others(CodeIP) }), HarmDrop, CodeIP, false},
		{"DDNS in ack", &Bndack{Binding: Binding{IP: Some(lease.IP(1))}, Surplus: others(CodeDDNS)}, HarmDrop, CodeDDNS, false},
		{"ack without address", &Bndack{}, HarmReject, CodeIP, true},
		{"ack with identifier", &Bndack{Binding: Binding{IP: Some(lease.IP(1)), ClientID: Some("c")}}, HarmForget, CodeClientID, false},
		{"ack with expiry", &Bndack{Binding: Binding{IP: Some(lease.IP(1)), LeaseExpiry: Some(lease.Time(1))}},
			HarmForget, CodeLeaseExpiry, false},
		{"no name", connect(func(m *Connect) { m.Relationship = Opt[string]{} }), HarmReject, CodeRelationship, true},
		{"no HBA", connect(func(m *Connect) { m.HBA = Opt[HBA]{} }), HarmReject, CodeHBA, true},
		{"no MCLT", connect(func(m *Connect) { m.MCLT = Opt[lease.Seconds]{} }), HarmReject, CodeMCLT, true},
		{"no window", connect(func(m *Connect) { m.MaxUnacked = Opt[uint32]{} }), HarmStall, CodeMaxUnacked, true},
		{"window 0", connect(func(m *Connect) { m.MaxUnacked.V = 0 }), HarmStall, CodeMaxUnacked, true},
		{"no timer", connect(func(m *Connect) { m.ReceiveTimer = Opt[lease.Seconds]{} }), HarmLoop, CodeReceiveTimer, true},
		{"timer 2", connect(func(m *Connect) { m.ReceiveTimer.V = 2 }), HarmLoop, CodeReceiveTimer, true},
		{"ack: window 0", connectack(func(m *Connectack) { m.MaxUnacked.V = 0 }), HarmStall, CodeMaxUnacked, true},
		{"ack: timer 2", connectack(func(m *Connectack) { m.ReceiveTimer.V = 2 }), HarmLoop, CodeReceiveTimer, true},
		{"ack: no name in a rejection", connectack(func(m *Connectack) { m.Relationship, m.Reject = Opt[string]{}, Some(RejectMisc) }),
			HarmReject, CodeRelationship, true},
		{"no state", &State{}, HarmShutdown, CodeServerState, true},
		{"state 0", &State{State: Some(lease.UnknownState)}, HarmShutdown, CodeServerState, true},
		{"state STARTUP", &State{State: Some(lease.Startup)}, HarmShutdown, CodeServerState, true},
		{"state 12", &State{State: Some(lease.ServerState(12))}, HarmShutdown, CodeServerState, true},
		{"type 77", &Unknown{Type: 77}, HarmDrop, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, d := range []Dialect{ISC, Tandem} {
				b, err := Encode(c.m, d)
				if d == Tandem && !c.tandem {
					if err != nil {
						t.Errorf("to %v: %v", d, err)
					}
					continue
				}
				var u *Unsafe
				if !errors.As(err, &u) || u.Harm != c.harm || u.Code != c.code || u.Kind != c.m.Kind() || len(b) != 0 {
					t.Errorf("to %v: %x, %v; want %v %v", d, b, err, c.harm, c.code)
				}
			}
		})
	}
}

func TestCheckLetsPass(t *testing.T) {
	list := []Message{
		&Poolreq{}, &Poolresp{Transferred: Some(uint32(0))}, &UpdreqAll{}, &Upddone{}, &Updreq{},
		&Contact{Vendor: Some(Echo{}.Encode())}, &Disconnect{Reject: Some(RejectNoTraffic)},
		connect(nil), connect(func(m *Connect) { m.ReceiveTimer.V = 3 }), connectack(nil),
		connectack(func(m *Connectack) {
			m.MaxUnacked, m.ReceiveTimer, m.Reject = Opt[uint32]{}, Opt[lease.Seconds]{}, Some(RejectInvalidPartner)
		}),
		&Bndack{Binding: Binding{IP: Some(lease.IP(1))}, Reject: Some(RejectOutdated), Message: Some("why")},
		update(lease.Abandoned, func(m *Bndupd) { m.HW = Opt[string]{} }),
		update(lease.Backup, func(m *Bndupd) { m.HW = Opt[string]{} }),
		update(lease.Active, func(m *Bndupd) { m.Surplus = others(99) }),
		update(lease.Active, func(m *Bndupd) { m.SetExtra(fullExtra()) }),
	}
	for s := lease.Free; s <= lease.Reset; s++ {
		if s != lease.Abandoned {
			list = append(list, update(s, nil))
		}
	}
	for _, s := range []lease.ServerState{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 254} {
		list = append(list, &State{State: Some(s), Flags: Some(FlagStartup), Vendor: Some(GoodbyeBoundToRecover.Encode())})
	}
	for _, m := range list {
		for _, d := range []Dialect{ISC, Tandem} {
			b, err := Encode(m, d)
			if err != nil {
				t.Errorf("to %v: %v: %v", d, m, err)
				continue
			}
			if back, err := Decode(b); err != nil || back.String() != m.String() {
				t.Errorf("%v came back as %v, %v", m, back, err)
			}
		}
	}
}

func TestCheckState(t *testing.T) {
	harm := map[[2]lease.ServerState]Harm{
		{lease.PotentialConflict, lease.Normal}:     HarmShutdown,
		{lease.ResolutionInterrupted, lease.Normal}: HarmShutdown,
		{lease.ConflictDone, lease.Normal}:          HarmShutdown,
		{lease.Normal, lease.PotentialConflict}:     HarmShutdown,
		{lease.Shutdown, lease.ConflictDone}:        HarmShutdown,
	}
	all := []lease.ServerState{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 254}
	for _, own := range all {
		switch own {
		case lease.PotentialConflict, lease.ResolutionInterrupted, lease.Normal, lease.Shutdown:
		default:
			harm[[2]lease.ServerState{own, lease.ConflictDone}] = HarmExit
		}
		for _, partner := range all {
			err := CheckState(own, partner)
			var u *Unsafe
			if errors.As(err, &u); (err != nil) != (harm[[2]lease.ServerState{own, partner}] != 0) ||
				u != nil && u.Harm != harm[[2]lease.ServerState{own, partner}] {
				t.Errorf("%v to %v: %v", own, partner, err)
			}
		}
	}
}

func TestUnsafeSaysWhatToDo(t *testing.T) {
	err := Check(update(9, nil), ISC)
	if want := "BNDUPD: binding-status is 9, must be 1 (FREE) to 7 (BACKUP) (dhcpd would exit)"; err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}
