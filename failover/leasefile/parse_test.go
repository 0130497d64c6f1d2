package leasefile

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tandem/failover/lease"
)

// now is a moment in the life of the samples.
var now = lease.FromUTC(time.Date(2026, 11, 20, 23, 26, 10, 0, time.UTC))

func parseSample(t testing.TB, path string) *File {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse(filepath.Base(path), string(text), now)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func samples(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.leases")
	if err != nil || len(paths) < 6 {
		t.Fatalf("%d samples, %v", len(paths), err)
	}
	return paths
}

// inFailover tells which addresses of the samples have a partner.
func inFailover(ip lease.IP) bool { return ip&0xff < 200 }

// TestSamples compares with what an independent parser read from files that
// real servers wrote.
func TestSamples(t *testing.T) {
	for _, path := range samples(t) {
		f := parseSample(t, path)
		if f.Report.Dropped+f.Report.Warnings > 0 || f.Report.Incomplete {
			t.Errorf("%s: %q", path, f.Summary())
		}
		text, err := os.ReadFile(strings.TrimSuffix(path, ".leases") + ".expected.tsv")
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
		columns := strings.Split(lines[0], "\t")
		seen, hosts := 0, 0
		for _, line := range lines[1:] {
			switch {
			case strings.HasPrefix(line, "# last failover state"):
				comparePeer(t, path, f, line)
			case strings.HasPrefix(line, "# host"):
				compareHost(t, path, f, line)
				hosts++
			default:
				compareLease(t, path, f, columns, strings.Split(line, "\t"))
				seen++
			}
		}
		if seen != len(f.Leases) || hosts != len(f.Objects) {
			t.Errorf("%s: %d leases and %d hosts, want %d and %d", path, len(f.Leases), len(f.Objects), seen, hosts)
		}
	}
}

func compareLease(t *testing.T, path string, f *File, columns, fields []string) {
	t.Helper()
	l := f.find(lease.MustIP(fields[0]))
	if l == nil {
		t.Errorf("%s: no lease %s", path, fields[0])
		return
	}
	got := columnsOf(l)
	for i, name := range columns {
		want := ""
		if i < len(fields) {
			want = fields[i]
		}
		switch name {
		case "on":
			continue // passed over
		case "tstp":
			if want == "" {
				want = got["ends"] // its default
			}
		case "sets", "opts":
			list := strings.Split(want, ",")
			slices.Sort(list)
			want = strings.Join(list, ",")
		}
		if seconds, ok := strings.CutPrefix(want, "@"); ok {
			n, err := strconv.ParseInt(seconds, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			want = time.Unix(n, 0).UTC().Format("2006/01/02 15:04:05")
		}
		if got[name] != want {
			t.Errorf("%s: %s: %s is %q, want %q", path, fields[0], name, got[name], want)
		}
	}
}

// columnsOf gives a lease as the table of expectations does.
func columnsOf(l *lease.Lease) map[string]string {
	when := func(t lease.Time) string {
		if t == 0 {
			return ""
		}
		s := string(appendDate(nil, t))
		_, s, _ = strings.Cut(s+" ", " ")
		if t == lease.Never {
			return "never"
		}
		return strings.TrimSpace(s)
	}
	m := map[string]string{"ip": l.IP.String(), "state": l.State.String(), "starts": when(l.Starts), "ends": when(l.Ends),
		"tstp": when(l.TSTP), "tsfp": when(l.TSFP), "atsfp": when(l.ATSFP), "cltt": when(l.CLTT),
		"uid": fmt.Sprintf("%x", l.UID), "host": l.Hostname()}
	if next := after(l.State, inFailover(l.IP)); next != l.State {
		m["next"] = next.String()
	}
	if l.Rewind != l.State {
		m["rewind"] = l.Rewind.String()
	}
	if l.HW != "" && l.HW[0] == 1 {
		m["hw"] = string(appendHex(nil, l.HW[1:]))
	}
	var flags, sets, opts []string
	if l.Flags.Has(lease.FlagReserved) {
		flags = append(flags, "reserved")
	}
	if l.Flags.Has(lease.FlagBOOTP) {
		flags = append(flags, "dynamic-bootp")
	}
	if x := l.Extra; x != nil {
		for _, v := range x.Vars {
			sets = append(sets, v.Name)
		}
		for relay := x.RelayAgent; len(relay) > 1; relay = relay[2+int(relay[1]):] {
			opts = append(opts, "agent."+agentByCode(relay[0]).name)
		}
		if x.BillingSub != "" {
			m["billing"] = "subclass"
		} else if x.Billing != "" {
			m["billing"] = "class"
		}
	}
	m["flags"], m["sets"], m["opts"] = strings.Join(flags, ","), strings.Join(sets, ","), strings.Join(opts, ",")
	return m
}

func comparePeer(t *testing.T, path string, f *File, line string) {
	t.Helper()
	if len(f.Peers) != 1 {
		t.Errorf("%s: %d peers", path, len(f.Peers))
		return
	}
	p := f.Peers[0]
	got := fmt.Sprintf("# last failover state of %q: my state %s at %s | partner state %s at %s", p.Name,
		p.State, appendDate(nil, p.Since), p.Partner, appendDate(nil, p.PartnerSince))
	if p.MCLT != 0 {
		got += fmt.Sprintf(" | mclt %d", p.MCLT)
	}
	if got != line {
		t.Errorf("%s:\n got %s\nwant %s", path, got, line)
	}
}

func compareHost(t *testing.T, path string, f *File, line string) {
	t.Helper()
	name, rest, _ := strings.Cut(strings.TrimPrefix(line, "# host "), ": ")
	i := slices.IndexFunc(f.Objects, func(o lease.Object) bool { return o.Kind == "host" && o.Name == name })
	if i < 0 {
		t.Errorf("%s: no host %s", path, name)
		return
	}
	o := f.Objects[i]
	got := strings.ReplaceAll(strings.ReplaceAll(o.Text, ";\n", " | "), `"x.0"`, "b'x.0'")
	got = strings.TrimSuffix(got, ";")
	if o.Deleted {
		got = strings.TrimPrefix(got+" | deleted", " | ")
	}
	if got != rest {
		t.Errorf("%s: host %s is %q, want %q", path, name, got, rest)
	}
}

// one parses a file with one lease record.
func one(t *testing.T, statements string) lease.Lease {
	t.Helper()
	f, err := Parse("t", "lease 10.0.0.1 {"+statements+"}", now)
	if err != nil || len(f.Leases) != 1 {
		t.Fatalf("%s: %v %q", statements, err, f.Summary())
	}
	return f.Leases[0]
}

func TestStatements(t *testing.T) {
	at := func(s string) lease.Time {
		when, err := time.Parse("2006/01/02 15:04:05", s)
		if err != nil {
			t.Fatal(err)
		}
		return lease.FromUTC(when)
	}
	for _, c := range []struct {
		text string
		want lease.Lease
	}{
		{"binding state active; starts 4 2026/01/02 03:04:05; ends never; tstp epoch 1800000000; # Fri\n cltt 0 2026/01/02 03:04:05 3600;",
			lease.Lease{State: lease.Active, Starts: at("2026/01/02 03:04:05"), STOS: at("2026/01/02 03:04:05"), Ends: lease.Never,
				TSTP: 1800000000, CLTT: at("2026/01/02 04:04:05")}},
		{"binding state free; ends 1 2038/01/18 00:00:00;", lease.Lease{State: lease.Free, Ends: lease.Never, TSTP: lease.Never}},
		{"binding state free; ends 1 2037/12/31 23:59:60; starts x 2024/02/29 0:0:0;",
			lease.Lease{State: lease.Free, Ends: lease.Never, TSTP: lease.Never, Starts: at("2024/02/29 00:00:00"), STOS: at("2024/02/29 00:00:00")}},
		{"BINDING STATE Backup; reserved; dynamic-bootp; rewind binding state active; next binding state free;",
			lease.Lease{State: lease.Backup, Rewind: lease.Active, Flags: lease.FlagReserved | lease.FlagBOOTP}},
		{"binding state reserved;", lease.Lease{State: lease.Active, Flags: lease.FlagReserved}},
		{"binding state bootp;", lease.Lease{State: lease.Active, Flags: lease.FlagBOOTP}},
		{"abandoned; timestamp 1 2020/01/01 00:00:00; class old;", lease.Lease{State: lease.Abandoned}},
		{"binding state free; hardware ethernet 0:1:2:a:bC:ff; uid 01:00:0a;", lease.Lease{State: lease.Free, HW: "\x01\x00\x01\x02\x0a\xbc\xff", UID: "\x01\x00\x0a"}},
		{"binding state free; hardware unknown-0 1:2; uid \"\\001\\\"\\\\x\";", lease.Lease{State: lease.Free, HW: "\x00\x01\x02", UID: "\x01\"\\x"}},
		{"binding state free; hardware infiniband;", lease.Lease{State: lease.Free, HW: "\x20"}},
		{"ends 1 2026/11/21 00:00:00;", lease.Lease{State: lease.Active, Ends: at("2026/11/21 00:00:00"), TSTP: at("2026/11/21 00:00:00")}},
		{"ends 1 2026/11/20 00:00:00;", lease.Lease{State: lease.Free, Ends: at("2026/11/20 00:00:00"), TSTP: at("2026/11/20 00:00:00")}},
		{"on expiry or release { set x = 1; if y { log (info, \"}\"); } }", lease.Lease{State: lease.Active}},
		{"binding state free; client-hostname \"a\"; set x = true; set b = %7; set a = a1:2:ff; set x = \"\\001\"; ddns-fwd-name \"a.b\"; set n = 5;",
			lease.Lease{State: lease.Free, Extra: &lease.Extra{Hostname: "a", Vars: []lease.Var{
				{Name: "a", Value: "\xa1\x02\xff"}, {Name: "b", Value: "%7"}, {Name: "ddns-fwd-name", Value: "a.b"}, {Name: "n", Value: "\x05"}, {Name: "x", Value: "\x01"}}}}},
		{"binding state free; set vendor-class-identifier = \"MSFT\"; set ddns-client-fqdn = \"h.example\"; billing class \"c\";",
			lease.Lease{State: lease.Free, Extra: &lease.Extra{VendorClass: "MSFT", FQDN: "h.example", Billing: "c", Vars: []lease.Var{
				{Name: "ddns-client-fqdn", Value: "h.example"}, {Name: "vendor-class-identifier", Value: "MSFT"}}}}},
		{"binding state free; billing subclass \"c\" 1:ff; option agent.circuit-id \"sw1\"; option agent.remote-id 2:77:0; option agent.link-selection 10.1.2.3;" +
			"option agent.DOCSIS-device-class 258; option agent.relay-port; option agent.unknown-77 ab:1;",
			lease.Lease{State: lease.Free, Extra: &lease.Extra{Billing: "c", BillingSub: "\x01\xff",
				RelayAgent: "\x01\x03sw1\x02\x03\x02\x77\x00\x05\x04\x0a\x01\x02\x03\x04\x04\x00\x00\x01\x02\x13\x00\x4d\x02\xab\x01"}}},
	} {
		got := one(t, c.text)
		c.want.IP = lease.MustIP("10.0.0.1")
		if c.want.Rewind == 0 {
			c.want.Rewind = c.want.State
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s\n got %+v %+v\nwant %+v %+v", c.text, got, got.Extra, c.want, c.want.Extra)
		}
	}
}

// The damage of real files, and what becomes of the record.
func TestDamage(t *testing.T) {
	const good = "lease 10.0.0.1 { binding state backup; }\n"
	for _, c := range []struct {
		name, text string
		leases     int // besides the good one
		problems   []string
		incomplete bool
	}{
		{"unknown statement", "lease 10.0.0.2 {\n binding state free;\n frobnicate { a; b; }\n ends never;\n}\n", 0,
			[]string{`line 4: lease 10.0.0.2: dropped: unknown statement "frobnicate"`}, false},
		{"unknown statement in a later record", "lease 10.0.0.1 { binding state free; hostname \"x\"; }\n", 0,
			[]string{`line 2: lease 10.0.0.1: dropped: unknown statement "hostname" (an earlier record of this address stays valid)`}, false},
		{"cut inside the braces", "lease 10.0.0.2 {\n  binding state active;\n  ends 1 2026/11/2", 1,
			[]string{`line 2: lease 10.0.0.2: the file ends within this record; what there is of it is used`}, true},
		{"cut before the state of a known address", "lease 10.0.0.1 {\n  starts 1 2026/11/20 00:00:00;\n  ends 1 2026/11/2", 0,
			[]string{`line 2: lease 10.0.0.1: dropped: the file ends within this record, before its state (an earlier record of this address stays valid)`}, true},
		{"cut in a string", "lease 10.0.0.2 { binding state active; uid \"\\00", 1,
			[]string{`line 2: lease 10.0.0.2: the file ends within this record; what there is of it is used`}, true},
		{"cut in the header", "lease 10.0.0", 0, []string{`line 2: a lease: dropped: . is missing before the end of the file`}, true},
		{"cut before the brace", "lease 10.0.0.2", 0, []string{`line 2: lease 10.0.0.2: dropped: { is missing before the end of the file`}, true},
		{"unknown binding state", "lease 10.0.0.2 { binding state bound; }", 0, []string{`line 2: lease 10.0.0.2: dropped: unknown binding state "bound"`}, false},
		{"same statement twice", "lease 10.0.0.2 { ends never; ends 1 2026/11/20 00:00:00; binding state free; }", 1,
			[]string{`line 2: lease 10.0.0.2: a second ends in one record; the later one is used`}, false},
		{"month 13", "lease 10.0.0.2 { ends 1 2026/13/20 00:00:00; binding state free; }", 0, []string{`line 2: lease 10.0.0.2: dropped: the month is 13, which is not within 1 and 12`}, false},
		{"30 February", "lease 10.0.0.2 { ends 1 2026/02/30 00:00:00; binding state free; }", 0, []string{`line 2: lease 10.0.0.2: dropped: month 2 has no day 30`}, false},
		{"25 hours", "lease 10.0.0.2 { ends 1 2026/02/20 25:00:00; binding state free; }", 0, []string{`line 2: lease 10.0.0.2: dropped: the hour is 25, which is not within 0 and 23`}, false},
		{"no date", "lease 10.0.0.2 { ends; binding state free; }", 0, []string{`line 2: lease 10.0.0.2: dropped: a date is expected, not ";"`}, false},
		{"address", "lease 10.0.0.256 { binding state free; }", 0, []string{`line 2: a lease: dropped: a part of an IPv4 address is 256, which is not within 0 and 255`}, false},
		{"garbage word", "garbage lease 10.0.0.2 { binding state free; }", 1, []string{`line 2: text that is no record: dropped: unexpected "garbage"; the file may be damaged`}, false},
		{"garbage", "foo bar; lease 10.0.0.2 { binding state free; }", 1, []string{`line 2: text that is no record: dropped: unexpected "foo"; the file may be damaged`}, false},
		{"NUL octets", "\x00\x00\x00\x00lease 10.0.0.2 { binding state free; }", 1, []string{`line 2: text that is no record: dropped: unexpected "\x00"; the file may be damaged`}, false},
		{"closing brace missing", "lease 10.0.0.2 { binding state free;\nlease 10.0.0.3 { binding state free; }", 1,
			[]string{`line 3: lease 10.0.0.2: dropped: the next record begins before this one has ended: a } is missing`}, false},
		{"semicolon missing", "lease 10.0.0.2 { binding state free ends never; }", 0, []string{`line 2: lease 10.0.0.2: dropped: ; is missing before "ends"`}, false},
		{"other option", "lease 10.0.0.2 { option host-name \"x\"; binding state free; }", 1, []string{`line 2: lease 10.0.0.2: option host-name is no relay agent option and is left out`}, false},
		{"unknown agent option", "lease 10.0.0.2 { option agent.foo 1:2; binding state free; }", 1, []string{`line 2: lease 10.0.0.2: the relay agent option foo is unknown and is left out`}, false},
		{"bad escape", "lease 10.0.0.2 { uid \"\\08\"; }", 0, []string{`line 2: lease 10.0.0.2: dropped: an octal escape needs three digits 0-7 after the backslash (column 25)`}, false},
		{"bad hardware", "lease 10.0.0.2 { hardware arcnet 1; }", 0, []string{`line 2: lease 10.0.0.2: dropped: unknown hardware type "arcnet"`}, false},
		{"hardware as text", "lease 10.0.0.2 { hardware ethernet \"x\"; }", 0, []string{`line 2: lease 10.0.0.2: dropped: a hardware address is expected, not the string "x"`}, false},
		{"long hardware", "lease 10.0.0.2 { hardware ethernet " + strings.Repeat("1:", 16) + "1; }", 0, []string{`line 2: lease 10.0.0.2: dropped: a hardware address of 17 octets; 16 is the most`}, false},
		{"peer state", "failover peer \"p\" state { my state fine; }", 0, []string{`line 2: failover peer p: dropped: unknown server state "fine"`}, false},
		{"peer of a configuration", "failover peer \"p\" { primary; }", 0, []string{`line 2: failover peer p: dropped: state is missing before "{"`}, false},
		{"host without semicolon", "host h { dynamic }", 0, []string{`line 2: host h: dropped: ; is missing before "}"`}, false},
		{"IPv6", "ia-na \"x\" { cltt 1 2026/01/01 00:00:00; iaaddr 2001:db8::1 { binding state active; } }\nserver-duid \"x\";\n", 0, nil, false},
	} {
		f, err := Parse("t", good+c.text, now)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		var got []string
		for _, p := range f.Report.Problems {
			got = append(got, p.String())
		}
		if !slices.Equal(got, c.problems) {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.problems)
		}
		if len(f.Leases) != 1+c.leases || f.Report.Incomplete != c.incomplete || f.Leases[0].State != lease.Backup {
			t.Errorf("%s: %d leases, incomplete %v", c.name, len(f.Leases), f.Report.Incomplete)
		}
	}
}

// Half a number at the end of a file must not be taken for a number.
func TestCutNumber(t *testing.T) {
	f, err := Parse("t", "lease 10.0.0.1 { binding state active; ends epoch 1795217; tstp epoch 17952", now)
	if err != nil || len(f.Leases) != 1 || f.Leases[0].Ends != 1795217 || f.Leases[0].TSTP != f.Leases[0].Ends {
		t.Errorf("%v %+v", err, f.Leases)
	}
}

func TestRefusedOnlyIfNothingIsReadable(t *testing.T) {
	for text, refused := range map[string]bool{
		"": false, "# nothing\nauthoring-byte-order little-endian;\n": false,
		"\x1f\x8b\x08\x00 not text": true, "hello": true, "lease 1.2.3 {}": true,
		"hello; lease 1.2.3.4 {}": false,
	} {
		if _, err := Parse("t", text, now); (err != nil) != refused {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestPendingOnlyWithAPartner(t *testing.T) {
	const text = "lease 10.0.0.1 { binding state active; ends 1 2026/11/20 00:00:00; }\nlease 10.0.0.2 { ends 1 2026/11/20 00:00:00; }"
	f, err := Parse("t", text, now)
	if err != nil || f.Leases[0].Flags != 0 || f.Leases[1].State != lease.Free {
		t.Errorf("alone: %+v %v", f.Leases, err)
	}
	f, err = Parse("t", text+"failover peer \"p\" state { my state recover; partner state unknown-state at 1 2026/01/01 00:00:00; mclt 30; }", now)
	if err != nil || f.Leases[0].Flags != lease.FlagPending || f.Leases[1].State != lease.Expired {
		t.Errorf("with a partner: %+v %v", f.Leases, err)
	}
	want := lease.Peer{Name: "p", State: lease.Recover, Since: now, Partner: lease.UnknownState, PartnerSince: 1767225600, MCLT: 30}
	if !reflect.DeepEqual(f.Peers, []lease.Peer{want}) {
		t.Errorf("peer %+v", f.Peers)
	}
}

func TestObjects(t *testing.T) {
	f, err := Parse("t", `host a.b { dynamic; hardware ethernet 1:2:3:4:5:6;
   fixed-address 10.0.0.1, 10.0.0.2; if x { lease limit 4; } }
group "g" { dynamic; }
class "c" { lease limit 4; match if option user-class = "}"; }
subclass "c" 1:aa { option routers 10.0.0.1; }
subclass "c" "x";
host a.b { dynamic; deleted; }
`, now)
	want := []lease.Object{
		{Kind: "host", Name: "a.b", Text: "dynamic;", Deleted: true},
		{Kind: "group", Name: "g", Text: "dynamic;"},
		{Kind: "class", Name: "c", Text: "lease limit 4;\nmatch if option user-class = \"}\";"},
		{Kind: "subclass", Name: `"c" 01:aa`, Text: "option routers 10.0.0.1;"},
		{Kind: "subclass", Name: `"c" "x"`},
	}
	if err != nil || !reflect.DeepEqual(f.Objects, want) || f.Report.Superseded != 1 {
		t.Errorf("%v\n got %+v\nwant %+v", err, f.Objects, want)
	}
}

func TestProblemsAreBounded(t *testing.T) {
	f, err := Parse("t", "lease 1.2.3.4 {}"+strings.Repeat("x;", maxProblems+5), now)
	if err != nil || len(f.Report.Problems) != maxProblems || f.Report.Dropped != maxProblems+5 {
		t.Errorf("%v, %d problems, %d dropped", err, len(f.Report.Problems), f.Report.Dropped)
	}
	if s := strings.Join(f.Summary(), "\n"); !strings.Contains(s, "and 5 more") {
		t.Errorf("no word about the rest")
	}
}
