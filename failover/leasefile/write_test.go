package leasefile

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"tandem/failover/lease"
)

func written(t testing.TB, f *File, opt Options) string {
	t.Helper()
	var out bytes.Buffer
	if err := f.Write(&out, opt); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// What is written reads back as the same, for every sample.
func TestRoundTrip(t *testing.T) {
	for _, path := range samples(t) {
		f := parseSample(t, path)
		text := written(t, f, Options{Failover: inFailover})
		again, err := Parse(f.Name, text, now)
		if err != nil || len(again.Report.Problems) > 0 {
			t.Fatalf("%s: %v %q", path, err, again.Summary())
		}
		if !reflect.DeepEqual(again.Leases, f.Leases) || !reflect.DeepEqual(again.Peers, f.Peers) || !reflect.DeepEqual(again.Objects, f.Objects) {
			for i, l := range f.Leases {
				if !reflect.DeepEqual(l, again.Leases[i]) {
					t.Errorf("%s:\n got %+v\nwant %+v", path, again.Leases[i], l)
				}
			}
			t.Errorf("%s: not the same", path)
		}
		if twice := written(t, again, Options{Failover: inFailover}); twice != text {
			t.Errorf("%s: written a second time it differs", path)
		}
	}
}

// Statements come in the order in which dhcpd writes them; here is everything
// that a lease can have.
func TestOrderOfStatements(t *testing.T) {
	l := lease.Lease{IP: lease.MustIP("10.77.0.124"), State: lease.Active, Rewind: lease.Free,
		Flags: lease.FlagReserved | lease.FlagBOOTP | lease.FlagPending, Starts: 1795217165, STOS: 1795217165, Ends: 1795217185,
		TSTP: 1795217255, TSFP: 1795217200, ATSFP: 1795217255, CLTT: 1795217165,
		HW: "\x01\x02\x77\x00\x00\x04\x0a", UID: "\x00plain\"\xff",
		Extra: &lease.Extra{Hostname: "opt82", FQDN: "h.example", VendorClass: "MSFT 5.0", RelayAgent: "\x01\x04sw1p\x02\x06\x02\x77\x00\x00\x04\x0a\x05\x04\x0a\x00\x00\x01\x99\x01\x00\x04\x01\x00",
			Billing: "limited", BillingSub: "sw1p", Vars: []lease.Var{{Name: "a b", Value: "left out"}, {Name: "n", Value: "%5"}, {Name: "p", Value: "%x"}, {Name: "t", Value: "true"}}}}
	const want = `lease 10.77.0.124 {
  starts 5 2026/11/20 23:26:05;
  ends 5 2026/11/20 23:26:25;
  tstp 5 2026/11/20 23:27:35;
  tsfp 5 2026/11/20 23:26:40;
  cltt 5 2026/11/20 23:26:05;
  binding state active;
  next binding state expired;
  rewind binding state free;
  reserved;
  dynamic-bootp;
  billing subclass "limited" "sw1p";
  hardware ethernet 02:77:00:00:04:0a;
  uid "\000plain\"\377";
  set ddns-client-fqdn = "h.example";
  set n = %5;
  set p = "%x";
  set t = true;
  set vendor-class-identifier = "MSFT 5.0";
  option agent.circuit-id "sw1p";
  option agent.remote-id 2:77:0:0:4:a;
  option agent.link-selection 10.0.0.1;
  option agent.unknown-153 0;
  option agent.unknown-4 0;
  client-hostname "opt82";
}
`
	var out bytes.Buffer
	w := NewWriter(&out, Options{Failover: func(lease.IP) bool { return true }})
	for _, rec := range []lease.Record{&lease.Boot{}, &l} {
		if err := w.Record(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimPrefix(out.String(), header); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestNamesThatDhcpdLeavesOut(t *testing.T) {
	l := lease.Lease{IP: 1, State: lease.Abandoned, Rewind: lease.Abandoned, Extra: &lease.Extra{Hostname: `a"b`}}
	var out bytes.Buffer
	w := NewWriter(&out, Options{})
	if err := w.Lease(&l); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"two words", "", ".", "a..b", "a.", "{", "_", "a.-"} {
		if err := w.Object(&lease.Object{Kind: "host", Name: name}); err == nil {
			t.Errorf("host %q was written", name)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if want := "lease 0.0.0.1 {\n  binding state abandoned;\n  next binding state free;\n}\n"; strings.TrimPrefix(out.String(), header) != want {
		t.Errorf("got %s", out.String())
	}
}

func TestMCLTIsForTheSecondary(t *testing.T) {
	f := &File{Peers: []lease.Peer{{Name: "d", State: lease.Normal, Since: 1, Partner: lease.Normal, PartnerSince: 1, MCLT: 20}}}
	if s := written(t, f, Options{}); strings.Contains(s, "mclt") {
		t.Errorf("for a primary: %s", s)
	}
	if s := written(t, f, Options{Secondary: true}); !strings.Contains(s, "  mclt 20;\n") {
		t.Errorf("for a secondary: %s", s)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestErrorOfTheWriter(t *testing.T) {
	f := parseSample(t, samples(t)[0])
	if err := f.Write(brokenPipe{}, Options{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

// The real dhcpd reads what is written, without a complaint.
func TestDhcpdReadsIt(t *testing.T) {
	dhcpd, err := exec.LookPath("dhcpd")
	if err != nil {
		t.Skip("isc-dhcp-server is not installed: ", err)
	}
	texts := map[string]string{}
	for _, path := range samples(t) {
		texts[filepath.Base(path)] = written(t, parseSample(t, path), Options{Failover: inFailover})
	}
	everything := &File{}
	for i := range 30 {
		uid := make([]byte, 0, 40)
		for c := range 40 {
			uid = append(uid, byte(i*40+c))
		}
		x := &lease.Extra{Hostname: "h", FQDN: "f.example", VendorClass: "PXEClient:Arch:00000", RelayAgent: "\x01\x01a\x02\x02\x00\x0a\x05\x04\x0a\x00\x00\x01",
			Vars: []lease.Var{{Name: "n", Value: "%5"}, {Name: "s", Value: string(uid)}, {Name: "t", Value: "true"}}}
		s := lease.Free + lease.State(i%7)
		everything.Leases = append(everything.Leases, lease.Lease{IP: lease.MustIP("10.77.0.100") + lease.IP(i), State: s, Rewind: lease.Free,
			Flags: lease.Flags(i % 4), Starts: 1795217165, Ends: lease.Time(1795217165 + i), TSTP: 1795217255, TSFP: lease.Never, CLTT: 1,
			HW: string([]byte{byte(1 + i), 2, 3, 4, 5, 6, 7}), UID: string(uid), Extra: x})
	}
	everything.Peers = []lease.Peer{{Name: "dhcp", State: lease.CommunicationsInterrupt, Since: 1795217165, Partner: lease.UnknownState, PartnerSince: 1795217165}}
	texts["everything"] = written(t, everything, Options{Failover: inFailover})
	for name, text := range texts {
		// A directory that dhcpd may read whatever user it runs as.
		path := filepath.Join(t.TempDir(), "leases")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(dhcpd, "-T", "-cf", "testdata/used-primary.conf", "-lf", path, "-pf", path+".pid").CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, path+" line") || strings.Contains(line, "orrupt") || strings.Contains(line, "no subnet") {
				t.Errorf("%s: dhcpd says %s\n%s", name, line, out)
				break
			}
		}
	}
}
