package setup

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tandem/init/box"
)

// toSummary answers everything for a first box up to the summary.
func toSummary(r *rig) {
	r.Helper()
	r.keys(enter)                // first box
	r.keys(enter)                // LAN
	r.keys(enter)                // direct cable
	r.keys(enter)                // name
	r.keys("10.0.0.2/24", enter) // LAN address
	r.keys(enter, enter, enter, enter)
	r.keys("10.0.0.10 10.0.0.11 10.0.0.12", enter)
	r.keys(enter)                                    // the servers answer
	r.keys(enter)                                    // ranges
	r.keys(enter, enter, enter, enter, enter, enter) // as proposed
	r.keys(enter, enter)                             // no password
	r.sees("Set up: summary")
}

const wantFirst = `name        dhcp-a
role        primary
lan         lan2 10.0.0.2/24
direct      lan3 169.254.77.1/30
gateway     10.0.0.1
ntp         10.0.0.10 10.0.0.11 10.0.0.12
dns         10.0.0.1
partner     10.0.0.3 direct 169.254.77.2
`

func TestFirstBox(t *testing.T) {
	m := blankBox()
	r := sit(t, m)
	r.golden("welcome")
	r.keys(enter)
	r.golden("lan")
	r.keys(enter)
	r.golden("direct")
	r.keys(enter)
	r.keys(enter) // the name
	r.keys("10.0.0.2/24", enter)
	r.golden("addresses")
	r.keys(enter, enter, enter, enter)
	r.keys("10.0.0.10 10.0.0.11 10.0.0.12", enter)
	r.golden("time")
	r.keys(enter)
	r.golden("what")
	r.keys(enter)
	r.golden("ranges")
	r.keys(enter, enter, enter, enter, enter, enter)
	r.golden("password")
	r.keys("long enough", enter, "long enough", enter)
	r.golden("summary")
	if len(m.commits) != 0 {
		t.Fatal("written before it was accepted")
	}
	r.keys(enter)
	if len(m.commits) != 1 {
		t.Fatalf("%d commits", len(m.commits))
	}
	r.wait(time.Second)
	r.golden("started")
	c := m.commits[0]
	if got := c.Box.String(); got != wantFirst {
		t.Errorf("box.conf is\n%s", got)
	}
	if len(c.Files) != 1 || c.Files[0].Name != MainFile || c.Joined {
		t.Errorf("%+v", c)
	}
	if ok, err := Matches(c.PasswordHash, "long enough"); !ok || err != nil {
		t.Errorf("the password does not fit its hash: %v", err)
	}
	if r.u.lock != nil {
		t.Error("who set the password has to type it at once")
	}
	r.wait(IdleTime)
	r.sees("is locked")
}

// TestBackEverywhere goes back from every page to the first and forward
// again: all that was typed is still there.
func TestBackEverywhere(t *testing.T) {
	m := blankBox()
	r := sit(t, m)
	r.keys(enter, enter, enter)
	r.keys(clear, "kea-killer", enter, "10.0.0.2/24", enter, "20", enter)
	r.keys(clear, "10.0.0.77", enter, clear, "10.0.0.254", enter, clear, "10.0.0.53", enter)
	r.keys("10.0.0.10,10.0.0.11 10.0.0.12", enter, enter)
	r.keys("1", clear, "10.0.0.50-59", enter, enter, enter, "example.org", enter, clear, "30m", enter, enter)
	r.keys("good password", enter, "good password", enter)
	r.sees("summary", "kea-killer", "vlan 20", "10 addresses", "password    set")
	before := r.screen()
	pages := len(r.u.stack)
	for range pages + 3 {
		r.esc()
	}
	r.sees("What is this box?")
	if len(m.commits) != 0 {
		t.Fatal("going back writes")
	}
	r.keys(enter, enter, enter)
	r.sees("kea-killer", "10.0.0.77", "10.0.0.254", "10.0.0.53")
	r.keys(enter, enter, enter, enter, enter, enter)
	r.sees("10.0.0.10,10.0.0.11 10.0.0.12")
	r.keys(enter, enter)
	r.sees("Given so far: dhcpd.conf")
	r.keys("1")
	r.sees("10.0.0.50-59", "example.org", "30m")
	r.keys(enter, enter, enter, enter, enter, enter)
	r.keys(enter, enter)
	if got := r.screen(); got != before {
		t.Errorf("after going back and forth the summary is\n%s\nand was\n%s", got, before)
	}
	// Also from the summary by its own words, and with Ctrl-C.
	r.keys("2")
	r.sees("console password")
	r.keys("\x03")
	r.lacks("console password")
}

// TestSuggestionsFollow: what was proposed and not touched follows the
// address; what was typed stays.
func TestSuggestionsFollow(t *testing.T) {
	r := sit(t, blankBox())
	r.keys(enter, enter, enter, enter)
	r.keys("10.0.0.2/24", enter, enter)
	r.keys(enter, clear, "10.0.0.9", enter)
	r.sees("10.0.0.3")
	r.keys(up, up, up, up, clear, "192.168.7.2/24", enter)
	r.sees("192.168.7.3", "10.0.0.9")
	r.keys(enter, enter, enter)
	r.sees("10.0.0.9 is not in the LAN's network 192.168.7.0/24")
}

func TestWrongInput(t *testing.T) {
	r := sit(t, blankBox())
	r.keys(enter, enter, enter)
	try := func(text string, wants ...string) {
		t.Helper()
		r.keys(clear, text)
		r.sees(wants...) // while it is typed
		r.keys(enter)
		r.sees(wants...)
	}
	try("-a", "begins or ends with a hyphen")
	try("a_b", "'_' in place 2 can not be in a host name")
	r.keys(clear, enter)
	r.sees("Name of this box is missing")
	r.keys(clear, "a", enter)
	try("10.0.0.2", "The length of the network is missing: write 10.0.0.2/24")
	try("10.0.0.2/33", "/33 is no usable length of a network: 8 to 30")
	try("10.0.0.0/24", "10.0.0.0 is the network itself")
	try("10.0.0.255/24", "10.0.0.255 is the broadcast address")
	try("10.0.300.2/24", "300 in \"10.0.300.2\" is too large")
	try("169.254.77.9/24", "is used on the direct cable")
	r.keys(clear, "10.0.0.2/24", enter)
	try("5000", "\"5000\" is no VLAN: a number from 1 to 4094")
	r.keys(clear, enter)
	try("10.0.0.2", "10.0.0.2 is this box's own address")
	try("10.0.9.3", "10.0.9.3 is not in the LAN's network 10.0.0.0/24")
	r.keys(clear, "10.0.0.3", enter)
	try("10.0.0.3", "10.0.0.3 is the partner's address already")
	r.keys(clear, enter)
	try("10.0.0", "\"10.0.0\" has 3 numbers")
	r.keys(clear, enter)
	r.keys(clear, enter)
	r.sees("NTP servers is missing")
	try("time.example.org", "\"time.example.org\" is a name, and no name server (DNS) was given")
	try("10.0.0.10 10.0.0.10", "10.0.0.10 is named twice")
	try("10.0.0.10:99999", "\"99999\" is no port")
	r.keys(clear, "10.0.0.10 10.0.0.11", enter, enter, enter)
	try("10.0.0.100", "has no end: write 10.0.0.100-10.0.0.101")
	try("10.0.0.100-90", "ends before it begins")
	try("10.0.1.100-110", "10.0.1.100 is not in the network 10.0.0.0/24")
	try("10.0.0.1-10.0.0.9", "holds 10.0.0.2, the address of this box")
	try("10.0.0.10-20, 10.0.0.15-30", "overlap")
	try("10.0.0.200-255", "broadcast address")
	r.keys(clear, "10.0.0.100-199", enter)
	try("10.0.1.1", "clients could not reach it")
	r.keys(clear, enter, clear, enter)
	try("exa mple", "can not be in a host name")
	r.keys(clear, enter)
	try("fast", "\"fast\" is no time")
	try("5", "out of range: ten seconds to one year")
	r.keys(clear, "12h", enter)
	r.keys(clear, "8h", enter)
	r.sees("The longest lease time 8h is shorter than the usual one 12h")
	r.keys(clear, "1d", enter)
	try("short", "The password has 5 characters: at least 8")
	r.keys(clear, "long enough", enter, "long enougi", enter)
	r.sees("The two passwords differ")
	r.keys("long enough", enter)
	r.sees("summary")
}

// TestPowerCut: at no key before the last one is anything written.
func TestPowerCut(t *testing.T) {
	m := blankBox()
	r := sit(t, m)
	toSummary(r)
	r.keys("3") // look at the file
	r.sees("authoritative;")
	r.esc()
	if len(m.commits)+len(m.actions) != 0 {
		t.Fatalf("%d commits, actions %s", len(m.commits), m.did())
	}
	m.commitErr = errors.New("the data partition is full: use another disk")
	r.keys("1")
	r.sees("Nothing was kept: the data partition is full", "summary")
	m.commitErr = nil
	r.hold = true
	r.keys("1")
	r.sees("Writing")
	r.esc()
	r.sees("can not be given up half-way")
	r.release()
	if len(m.commits) != 1 {
		t.Fatalf("%d commits", len(m.commits))
	}
}

func TestTimeServersFail(t *testing.T) {
	m := blankBox()
	r := sit(t, m)
	r.keys(enter, enter, enter, enter, "10.0.0.2/24", enter, enter, enter, enter, enter)
	delete(m.times, "10.0.0.12")
	m.times["10.0.0.11"] = TimeAnswer{Offset: time.Hour, Distance: time.Millisecond, Stratum: 3}
	r.keys("10.0.0.10 10.0.0.11 10.0.0.12", enter)
	r.sees("no usable answer: no answer within 3 s", "disagree by 3596.800 s")
	m.times = nil
	r.keys("3")
	r.sees("Nobody answers.")
	r.keys(enter) // the proposal is to go back
	r.sees("Set up: time servers")
	r.keys(clear, "10.0.0.10", enter)
	r.sees("only one time server")
	r.keys("2")
	r.keys("1")
	r.sees("what shall be served")
	if c := m.tested[len(m.tested)-1]; !c.SingleNTP || c.LAN.Prefix.String() != "10.0.0.2/24" {
		t.Errorf("tested with\n%s", c.String())
	}
	// A test that takes for ever is given up.
	r.esc()
	r.hold = true
	r.keys("3")
	r.sees("Asking the time servers")
	r.esc()
	r.release()
	r.sees("only one time server")
}

func TestSingleBox(t *testing.T) {
	m := blankBox()
	r := sit(t, m)
	r.keys("4", enter, enter, "192.168.1.2/25", enter, enter, clear, enter, clear, enter)
	r.keys("10.0.0.10 10.0.0.11", enter, enter)
	r.keys("4") // nothing yet
	r.keys(enter, enter)
	r.sees("role        single", "serves      nobody yet")
	r.keys("1")
	want := "name        dhcp\nrole        single\nlan         lan2 192.168.1.2/25\nntp         10.0.0.10 10.0.0.11\n"
	if len(m.commits) != 1 || m.commits[0].Box.String() != want || m.commits[0].Files != nil {
		t.Fatalf("%+v", m.commits)
	}
}

func TestISCPartner(t *testing.T) {
	for _, c := range []struct {
		role string
		keys []string
		want string
	}{
		{"1", []string{enter, clear, "1800", enter, clear, "256", enter}, "peer        dhcp-failover port 647 mclt 1800 split 256 kind isc\n"},
		{"2", []string{clear, "519", enter}, "peer        dhcp-failover port 519 kind isc\n"},
	} {
		m := blankBox()
		r := sit(t, m)
		r.keys("5", c.role, enter, enter, "10.0.0.2/24", enter, enter, enter, enter, enter)
		r.sees("the ISC dhcpd", "10.0.0.3", "10.0.0.2")
		r.keys("x y", enter)
		r.sees("holds a space")
		r.keys(clear, "dhcp-failover", enter)
		r.keys(c.keys...)
		r.keys("10.0.0.10 10.0.0.11", enter, enter)
		r.keys("1", enter, enter, enter, enter, enter, enter, enter, enter, "1")
		if len(m.commits) != 1 || !strings.HasSuffix(m.commits[0].Box.String(), c.want) {
			t.Fatalf("%+v\n%s", m.commits, r.screen())
		}
		if text := m.commits[0].Files[0].Text; !strings.Contains(text, `failover peer "dhcp-failover";`) {
			t.Errorf("the pool is not shared:\n%s", text)
		}
	}
}

// toWhat answers up to the question what shall be served.
func toWhat(r *rig) {
	r.keys(enter, enter, enter, enter, "10.0.0.2/24", enter, enter, enter, enter, enter)
	r.keys("10.0.0.10 10.0.0.11", enter, enter)
	r.sees("what shall be served")
}

const foreign = `failover peer "old pair" {
  primary;
  address 10.0.0.2;
}
subnet 10.0.0.0 netmask 255.255.255.0 {
  pool { failover peer "old pair"; range 10.0.0.10 10.0.0.20; }
}
`

func TestImport(t *testing.T) {
	m := blankBox()
	m.sources = []Source{{"usb", "USB stick KINGSTON: /dhcpd.conf, 1 kB"}}
	m.files["usb"] = []File{{MainFile, foreign}, {"hosts.conf", "host a { }\n"}}
	r := sit(t, m)
	toWhat(r)
	r.keys("2")
	r.golden("import")
	m.readErr = errors.New("the stick was pulled out: plug it in and look again")
	r.keys("1")
	r.sees("The stick was pulled out") // fail makes a sentence of it
	m.readErr = nil
	m.problems = []string{"dhcpd.conf:6:3: \"rnage\" is no statement (write range)"}
	r.keys("1")
	r.golden("problems")
	r.keys("2")
	r.sees("edit dhcpd.conf", "# failover peer \"old pair\" {")
	m.problems = nil
	r.keys("# mine", enter, finish)
	r.sees("console password")
	r.keys(enter, enter)
	r.sees("peer        ", "dhcpd.conf (", "hosts.conf (1 line)", "became a comment")
	r.keys("1")
	if len(m.commits) == 0 {
		t.Fatalf("nothing is written:\n%s", r.screen())
	}
	c := m.commits[0]
	if len(c.Files) != 2 || !strings.HasPrefix(c.Files[0].Text, "# mine\n# Each box makes its own") {
		t.Errorf("%+v", c.Files)
	}
}

// toSource imports from the stick that offers what is given.
func toSource(t *testing.T, leases *LeaseFile) (*fakeBox, *rig) {
	m := blankBox()
	m.sources = []Source{{"usb", "USB stick KINGSTON: /dhcpd.conf, 1 kB"}}
	m.files["usb"] = []File{{MainFile, "subnet 10.0.0.0 netmask 255.255.255.0 {\n}\n"}}
	m.leases = map[string]*LeaseFile{"usb": leases}
	r := sit(t, m)
	toWhat(r)
	r.keys("2", "1")
	return m, r
}

func TestImportLeases(t *testing.T) {
	old := &LeaseFile{Label: "dhcpd.leases, 93411 octets", Leases: 350, Bound: 312, Newest: noon.Add(-time.Hour),
		Notes: []string{"failover peer \"old\": the file is one half of a pair, in normal since 2026-11-20T23:25:29Z"}}
	m, r := toSource(t, old)
	r.golden("leases")
	r.keys(enter) // take them
	r.sees("console password")
	r.keys(enter, enter)
	r.golden("summary-leases")
	r.keys("1")
	if len(m.commits) != 1 || !m.commits[0].Leases || len(m.commits[0].Files) != 1 {
		t.Fatalf("%+v", m.commits)
	}
}

func TestBeginWithoutLeases(t *testing.T) {
	m, r := toSource(t, &LeaseFile{Label: "dhcpd.leases, 93411 octets", Leases: 350})
	r.keys("2", enter) // proposes to go back
	r.sees("Take them")
	r.keys("2", "2", enter, enter)
	r.lacks("  leases  ")
	r.keys("1")
	if len(m.commits) != 1 || m.commits[0].Leases {
		t.Fatalf("%+v", m.commits)
	}
}

// What was taken counts no more once something else shall be served.
func TestLeasesForgotten(t *testing.T) {
	m, r := toSource(t, &LeaseFile{Label: "dhcpd.leases, 93411 octets", Leases: 350})
	r.keys("1", enter, enter)
	r.sees("dhcpd.leases, 93411 octets: 350 leases")
	for range 4 {
		r.esc()
	}
	r.sees("what shall be served")
	r.keys("4", enter, enter, "1")
	if len(m.commits) != 1 || m.commits[0].Leases {
		t.Fatalf("%+v", m.commits)
	}
}

func TestBadLeases(t *testing.T) {
	m, r := toSource(t, &LeaseFile{Label: "dhcpd.leases, 93411 octets", Leases: 350,
		Bad: []string{"line 16: lease 10.0.0.7: dropped: unknown statement what"}, Remedy: "stop dhcpd and copy the file again"})
	r.golden("leases-bad")
	r.keys(enter)
	r.sees("import a dhcpd.conf")
	if len(m.checked) != 0 {
		t.Error("imported without its leases")
	}
	m.leases = nil
	r.keys("1", enter, enter)
	r.sees("summary", "No dhcpd.leases lies beside")
}

func TestPaste(t *testing.T) {
	m := blankBox()
	r := sit(t, m)
	toWhat(r)
	r.keys("3", finish)
	r.sees("There is nothing yet")
	r.keys("subnet 10.0.0.0 netmask 255.255.255.0 {\r\n\trange 10.0.0.5 10.0.0.9;\r\n}\r\n", finish)
	r.keys(enter, enter)
	r.sees("No pool says: failover peer \"tandem\"")
	r.keys("1")
	want := "subnet 10.0.0.0 netmask 255.255.255.0 {\n    range 10.0.0.5 10.0.0.9;\n}\n"
	if len(m.commits) != 1 || m.commits[0].Files[0].Text != want {
		t.Fatalf("%+v", m.commits)
	}
}

// offered is what dhcp-a offers to the second box.
func offered() Offer {
	c, problems := box.Parse("box.conf", wantFirst)
	if len(problems) > 0 {
		panic(problems)
	}
	return Offer{From: "dhcp-a", Box: c.ForPartner("dhcp-b"), Files: []File{{MainFile, "subnet ...\n"}}, Version: 3,
		Time: noon.Add(90 * time.Second), Asked: noon}
}

func TestSecondBox(t *testing.T) {
	m := blankBox()
	m.offer = offered()
	r := sit(t, m)
	r.keys("2")
	r.golden("join-port")
	r.keys(enter)
	r.golden("code")
	for text, want := range map[string]string{"K7QM": "The code has 8 letters and digits, this has 4", "K7QM-3F2O": "looks like another one", "K7QM_3F2P": "'_' in place 5 is in no code"} {
		r.keys(clear, text, enter)
		r.sees(want)
	}
	m.joinErr = errors.New("the code is not the one that the other box shows: look again, two tries are left")
	r.keys(clear, "K7QM3F2Q", enter)
	r.sees("the pairing code", "two tries are left")
	m.joinErr = nil
	r.keys(clear, "k7qm-3f2p", enter)
	r.golden("learned")
	r.keys("4", clear, "dhcp-a", enter)
	r.sees("dhcp-a is the other box's name")
	r.keys(clear, "dhcp-bee", enter)
	r.sees("name        dhcp-bee")
	r.keys("2", "1")
	r.sees("lan         lan1")
	r.keys("1")
	r.sees("NOT GOOD: the LAN port lan1 has no carrier")
	r.keys(enter) // proposes to go back
	r.keys("2", "3")
	r.sees("is used otherwise")
	r.keys("2", "1")
	r.golden("checked")
	r.keys(enter, enter, enter)
	r.golden("accept")
	if len(m.commits) != 0 || m.left != 0 {
		t.Fatalf("%d commits, left %d", len(m.commits), m.left)
	}
	r.keys("1")
	if len(m.commits) != 1 || !m.commits[0].Joined || len(m.commits[0].Files) != 0 || m.left != 0 {
		t.Fatalf("%+v, left %d", m.commits, m.left)
	}
	b := m.commits[0].Box
	if b.Name != "dhcp-bee" || b.Role != box.Secondary || b.LAN.Name != "lan2" || b.Direct.Name != "lan3" || b.Direct.Prefix.String() != "169.254.77.2/30" {
		t.Errorf("box.conf is\n%s", b.String())
	}
	if got := m.joined[len(m.joined)-1]; got != (Join{Port: "lan3", Code: "k7qm-3f2p"}) {
		t.Errorf("%+v", got)
	}
}

func TestSecondBoxGoesBack(t *testing.T) {
	m := blankBox()
	m.offer = offered()
	m.problems = []string{"dhcpd.conf:1:1: unknown statement"}
	r := sit(t, m)
	r.keys("2", "3", "K7QM3F2P", enter, "1")
	r.sees("this box can not use the pair's dhcpd.conf: dhcpd.conf:1:1")
	r.esc()
	r.esc()
	if m.left != 1 || len(m.commits) != 0 {
		t.Fatalf("left %d times, %d commits", m.left, len(m.commits))
	}
	r.sees("K7QM3F2P")
	r.esc()
	r.esc()
	r.sees("What is this box?")
}

// TestJoinIsGivenUp: an answer that comes after the person gave up is let go.
func TestJoinIsGivenUp(t *testing.T) {
	m := blankBox()
	m.offer = offered()
	r := sit(t, m)
	r.keys("2", "3")
	r.hold = true
	r.keys("K7QM3F2P", enter)
	r.sees("Reaching the other box")
	r.esc()
	r.sees("the pairing code")
	r.release()
	r.sees("the pairing code", "K7QM3F2P")
	if m.left != 1 {
		t.Errorf("left %d times", m.left)
	}
}

func TestReplacement(t *testing.T) {
	m := blankBox()
	m.offer = offered()
	m.offer.Replace = true
	m.ports = m.ports[2:3] // one port only
	r := sit(t, m)
	r.keys("3")
	r.keys(enter)
	r.sees("pair or replace")
	r.keys("K7QM3F2P", enter)
	r.sees("the place of the broken one")
	r.lacks("Change the name")
	r.keys("1")
	r.sees("no port left for the LAN")
	if !m.joined[0].Replace {
		t.Error("the other box is not told that it is a replacement")
	}
}

func TestJoinOverTheLAN(t *testing.T) {
	m := blankBox()
	m.offer = offered()
	m.offer.Box.Direct = box.Port{}
	m.offer.Box.Partner.Direct = netip.Addr{}
	r := sit(t, m)
	r.keys("2", "2", "K7QM3F2P", enter)
	r.sees("lan         lan2")
	r.lacks("direct")
	r.keys("1", enter, enter, enter, "1")
	if len(m.commits) != 1 {
		t.Fatal(r.screen())
	}
}

// TestOnePort: with one port there is no direct cable, and without a carrier
// there is a warning.
func TestOnePort(t *testing.T) {
	m := blankBox()
	m.ports = m.ports[:1]
	r := sit(t, m)
	toSummary(r)
	r.sees("lan1 10.0.0.2/24", "The LAN port lan1 has no carrier now")
	r.lacks("direct")
}

func TestNoPorts(t *testing.T) {
	m := blankBox()
	m.ports = nil
	r := sit(t, m)
	r.keys("1")
	r.sees("No network port was found")
	r.keys(enter)
	m.ports = blankBox().ports
	r.wait(time.Second)
	r.sees("lan4")
	m.ports[3].Carrier = true
	r.wait(time.Second)
	r.sees("lan4   00:0d:b9:01:02:03  carrier")
}

func TestRestoreOntoABlankBox(t *testing.T) {
	m := blankBox()
	m.answers["BackupList"] = Answer{Sources: []Source{{"b", "USB stick: dhcp-a of 2026-11-01"}}}
	r := sit(t, m)
	r.keys("6", "1", "no", enter)
	r.sees("\"no\" is not RESTORE")
	r.keys(clear, "restore", enter)
	if got := m.did(); got != "BackupList{} Restore{From:{ID:b Label:USB stick: dhcp-a of 2026-11-01}}" {
		t.Error(got)
	}
}

func TestWrongBoxConf(t *testing.T) {
	m := blankBox()
	for i := range 5 {
		m.facts.Problems = append(m.facts.Problems, fmt.Sprintf("box.conf:%d: unknown keyword", i))
	}
	r := sit(t, m)
	r.sees("box.conf:2: unknown keyword", "and 2 more")
	r.lacks("box.conf:3:")
}

// TestSecondConsole: what one console sets up, the other one shows, locked.
func TestSecondConsole(t *testing.T) {
	m := blankBox()
	a, b := sit(t, m), sit(t, m)
	b.keys("4")
	toSummary(a)
	m.facts.PasswordHash = ""
	a.keys("2", "long enough", enter, "long enough", enter, "1")
	b.wait(time.Second)
	a.wait(time.Second)
	b.sees("is locked")
	a.lacks("is locked")
}

func TestRangesReader(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.1-5":                         "[10.0.0.1 - 10.0.0.5]",
		"10.0.0.1 - 10.0.0.5":                "[10.0.0.1 - 10.0.0.5]",
		"10.0.0.1 -5;10.0.0.7-7":             "[10.0.0.1 - 10.0.0.5 10.0.0.7 - 10.0.0.7]",
		"10.0.0.1-10.0.1.5 , 10.0.2.1-2":     "[10.0.0.1 - 10.0.1.5 10.0.2.1 - 10.0.2.2]",
		"a-b":                                "error",
		"-":                                  "error",
		"10.0.0.1-":                          "error",
		"10.0.0.1-256":                       "error",
		"10.0.0.01-9":                        "error",
		strings.Repeat("10.0.0.1-1 ", 2):     "error",
		"10.0.0.1-99999999999999999999999":   "error",
		"10.0.0.1-10.0.0.2-10.0.0.3":         "error",
		"255.255.255.255-255.255.255.255, ,": "[255.255.255.255 - 255.255.255.255]",
	} {
		all, err := ranges(in)
		got := fmt.Sprint(all)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q: %s (%v), want %s", in, got, err, want)
		}
	}
	var many []string
	for i := range maxRanges + 1 {
		many = append(many, fmt.Sprintf("10.0.0.%d-%d", i, i))
	}
	if _, err := ranges(strings.Join(many, ",")); err == nil {
		t.Error("too many ranges are taken")
	}
}
