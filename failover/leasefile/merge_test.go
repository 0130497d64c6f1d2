package leasefile

import (
	"reflect"
	"strings"
	"testing"

	"tandem/failover/lease"
)

func mustParse(t *testing.T, name, text string) *File {
	t.Helper()
	f, err := Parse(name, text, now)
	if err != nil || len(f.Report.Problems) > 0 {
		t.Fatalf("%v %q", err, f.Summary())
	}
	return f
}

// The files of a pair, each of which granted one of the leases.
func TestMergeOfAPair(t *testing.T) {
	primary := mustParse(t, "p", `
failover peer "dhcp" state { my state normal at 5 2026/11/20 23:25:29; partner state normal at 5 2026/11/20 23:25:30; }
host h { dynamic; }
lease 10.0.0.1 { starts 5 2026/11/20 23:26:00; ends 5 2026/11/20 23:27:00; cltt 5 2026/11/20 23:26:00; binding state active;
 hardware ethernet 1:1:1:1:1:1; set v = "1"; option agent.circuit-id "c"; client-hostname "one"; }
lease 10.0.0.2 { starts 5 2026/11/20 23:20:00; ends 5 2026/11/20 23:28:00; binding state active; hardware ethernet 2:2:2:2:2:2; reserved; }
lease 10.0.0.3 { starts 5 2026/11/20 23:20:00; binding state free; hardware ethernet 3:3:3:3:3:3; client-hostname "old"; }
lease 10.0.0.4 { binding state free; }
lease 10.0.0.5 { starts 5 2026/11/20 23:20:00; binding state free; }
lease 10.0.0.7 { starts 5 2026/11/20 23:20:00; binding state active; hardware ethernet 7:7:7:7:7:7; }
`)
	secondary := mustParse(t, "s", `
failover peer "dhcp" state { my state normal at 5 2026/11/20 23:25:30; partner state normal at 5 2026/11/20 23:25:29; mclt 20; }
failover peer "other" state { my state recover at 5 2026/11/20 23:00:00; partner state normal at 5 2026/11/20 23:01:00; }
host h { dynamic; deleted; }
host k { dynamic; }
lease 10.0.0.1 { starts 5 2026/11/20 23:26:00; ends 5 2026/11/20 23:27:00; binding state active; hardware ethernet 1:1:1:1:1:1; }
lease 10.0.0.2 { starts 5 2026/11/20 23:26:00; ends 5 2026/11/20 23:29:00; cltt 5 2026/11/20 23:26:00; binding state active;
 hardware ethernet 2:2:2:2:2:2; client-hostname "two"; billing class "c"; }
lease 10.0.0.3 { starts 5 2026/11/20 23:26:00; ends 5 2026/11/20 23:29:00; binding state active; hardware ethernet 4:4:4:4:4:4; }
lease 10.0.0.4 { binding state backup; }
lease 10.0.0.5 { starts 5 2026/11/20 23:20:00; binding state abandoned; }
lease 10.0.0.6 { binding state backup; }
lease 10.0.0.7 { starts 5 2026/11/20 23:20:00; binding state free; hardware ethernet 7:7:7:7:7:7; client-hostname "seven"; }
`)
	m := Merge(primary, secondary)
	want := []struct {
		ip, state, host, ends string
		flags                 lease.Flags
		x                     lease.Extra
	}{
		{ip: "10.0.0.1", state: "active", ends: "2026-11-20T23:27:00Z", flags: lease.FlagPending,
			x: lease.Extra{Hostname: "one", RelayAgent: "\x01\x01c", Vars: []lease.Var{{Name: "v", Value: "1"}}}},
		{ip: "10.0.0.2", state: "active", ends: "2026-11-20T23:29:00Z", flags: lease.FlagPending | lease.FlagReserved,
			x: lease.Extra{Hostname: "two", Billing: "c"}},
		{ip: "10.0.0.3", state: "active", ends: "2026-11-20T23:29:00Z", flags: lease.FlagPending},
		{ip: "10.0.0.4", state: "free", ends: "-"},
		{ip: "10.0.0.5", state: "abandoned", ends: "-"},
		{ip: "10.0.0.6", state: "backup", ends: "-"},
		{ip: "10.0.0.7", state: "active", ends: "-", x: lease.Extra{Hostname: "seven"}},
	}
	for i, w := range want {
		l := m.Leases[i]
		var x lease.Extra
		if l.Extra != nil {
			x = *l.Extra
		}
		if l.IP.String() != w.ip || l.State.String() != w.state || l.Ends.String() != w.ends || l.Flags != w.flags || !reflect.DeepEqual(x, w.x) {
			t.Errorf("got %+v %+v\nwant %+v", l, x, w)
		}
	}
	if len(m.Leases) != len(want) {
		t.Errorf("%d leases", len(m.Leases))
	}
	if p := m.Peers; len(p) != 2 || p[0].MCLT != 20 || p[0].Since != primary.Peers[0].Since || p[1].State != lease.Normal || p[1].Partner != lease.Recover {
		t.Errorf("peers %+v", p)
	}
	if o := m.Objects; len(o) != 2 || o[0].Deleted || o[1].Name != "k" {
		t.Errorf("objects %+v", o)
	}
	if m.Report.Records != primary.Report.Records+secondary.Report.Records || !strings.Contains(m.Name, "p and s") {
		t.Errorf("report %+v", m.Report)
	}
	m.JoinFree()
	if m.Leases[5].State != lease.Free || m.Leases[5].Rewind != lease.Free {
		t.Errorf("not joined: %+v", m.Leases[5])
	}
	var kinds []string
	if err := m.Records(func(r lease.Record) error { kinds = append(kinds, reflect.TypeOf(r).Elem().Name()); return nil }); err != nil {
		t.Error(err)
	}
	if got := strings.Join(kinds, " "); got != "Peer Peer Object Object Lease Lease Lease Lease Lease Lease Lease" {
		t.Errorf("records %s", got)
	}
}
