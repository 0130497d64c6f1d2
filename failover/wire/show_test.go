package wire

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"tandem/failover/lease"
)

var rewrite = flag.Bool("rewrite", false, "write the golden file anew")

// TestDescribe prints the first captured message of each shape (kind and set
// of options), and one of everything that only a Tandem sends.
func TestDescribe(t *testing.T) {
	const base = lease.Time(0x6b00d481)
	var b strings.Builder
	show := func(where string, m Message) {
		fmt.Fprintf(&b, "== %s\n%s\n%s\n\n", where, Line(m, base), Describe(m, base))
	}
	seen := map[string]bool{}
	for _, v := range vectors(t) {
		m, err := Decode(v.frame)
		if err != nil {
			continue
		}
		shape := m.Kind().String()
		each(m, style{}, func(name, _ string) { shape += " " + name })
		if !seen[shape] {
			seen[shape] = true
			show(strings.Split(v.where, ":")[0], m)
		}
	}
	for _, m := range tandemMessages(t) {
		show("tandem", m)
	}
	const file = "testdata/describe.golden"
	if *rewrite {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("differs from %s; look at it with -rewrite and git diff. Now:\n%s", file, b.String())
	}
}

func tandemMessages(t *testing.T) []Message {
	t.Helper()
	u, err := Decode(sampleUpdate(t))
	if err != nil {
		t.Fatal(err)
	}
	h := Header{Time: 0x6b00d485, XID: 9}
	return []Message{
		u,
		&Updreq{Header: h},
		&Connect{Header: h, Relationship: Some("fo"), TLSRequest: Some(TLSRequired), MCLT: Some(lease.Infinite),
			HBA: Some(HBA{0x55}), Vendor: Some(Greeting{
				Role: RoleSecondary, Authority: Some(lease.Seconds(3600)), MCLT: Some(lease.Seconds(3600)), Pools: "\x01\x02",
				Capabilities: CapExtra | CapEcho, Software: "tandem 1", Boot: "b1", Epoch: Some(uint32(2)), LastContact: Some(lease.Time(0x6b00d480)),
			}.Encode())},
		&Contact{Header: h, Vendor: Some(Echo{Time: 0x6b00d484, XID: 3}.Encode())},
		&Contact{Header: h, Vendor: Some("somebody else's")},
		&State{Header: h, State: Some(lease.Shutdown), Flags: Some(ServerFlags(3)), Since: Some(lease.Never), Vendor: Some(GoodbyeBoundToRecover.Encode())},
		&State{Header: h, State: Some(lease.ServerState(12)), Vendor: Some(Goodbye(9).Encode())},
		&Disconnect{Header: h, Reject: Some(Reject(99)), Message: Some("line\nbreak")},
		&Bndupd{Header: h, Binding: Binding{Status: Some(lease.State(9)), HW: Some("\x06\xaa\xbb"), IPFlags: Some(IPFlags(9)),
			RequestOptions: Some("\x63\x82\x53\x63\x0c")}},
	}
}

func TestDescribeIsRelativeToItself(t *testing.T) {
	m := &Bndupd{Header: Header{Time: 1000}, Binding: Binding{LeaseExpiry: Some(lease.Time(1060))}}
	want := "BNDUPD xid 0, sent 1970-01-01T00:16:40Z (T+0)\n  lease-expiration-time        1970-01-01T00:17:40Z (T+60)"
	if got := Describe(m, 0); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{KindUpdreqAll.String(), "UPDREQALL"}, {Kind(0).String(), "type 0"}, {Kind(200).String(), "type 200"},
		{CodeHBA.String(), "hash-bucket-assignment"}, {Code(0).String(), "option 0"}, {Code(30).String(), "option 30"},
		{RejectNotReserved.String(), "IP not reserved on this server"}, {Reject(22).String(), "reason 22"},
		{TLSDesired.String(), "desired"}, {TLSRequest(3).String(), "request 3"},
		{(IPReserved | IPBOOTP).String(), "RESERVED+BOOTP"}, {IPFlags(0).String(), "none"}, {ServerFlags(5).String(), "STARTUP+0x4"},
		{ISC.String(), "ISC dhcpd"}, {Tandem.String(), "Tandem"}, {Fault(99).Error(), "fault 99"}, {Harm(99).String(), "harm 99"},
		{Role(5).String(), "role 5"}, {GoodbyeNone.String(), "none"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
	for r := RejectIllegalIP; r <= RejectDigestMissing; r++ {
		if !r.Known() || strings.HasPrefix(r.String(), "reason") {
			t.Errorf("reject reason %d has no name", r)
		}
	}
	if RejectNone.Known() || Reject(22).Known() || !RejectUnknown.Known() {
		t.Error("wrong reasons are known")
	}
}
