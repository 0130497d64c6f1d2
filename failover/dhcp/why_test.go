package dhcp

import (
	"strings"
	"testing"
	"time"
)

func TestParseWhy(t *testing.T) {
	for in, want := range map[string]WhyQuery{
		"10.0.0.5":          {IP: ip("10.0.0.5")},
		"02:00:0:00:00:0A":  {HW: "\x01\x02\x00\x00\x00\x00\x0a"},
		"02-00-00-00-00-0a": {HW: "\x01\x02\x00\x00\x00\x00\x0a"},
		"ff:01:02":          {UID: "\xff\x01\x02"},
	} {
		if got, err := ParseWhy(in); err != nil || got != want {
			t.Errorf("%q: %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "x", "10.0.0", "02:00:zz", "02:100", "a", "::"} {
		if q, err := ParseWhy(in); err == nil {
			t.Errorf("%q is %+v", in, q)
		}
	}
}

// explained checks that some sentence of the answer holds each of the wanted.
func (g *rig) explained(about string, want ...string) {
	g.t.Helper()
	q, err := ParseWhy(about)
	if err != nil {
		g.t.Fatal(err)
	}
	lines := g.r.Explain(g.now, q)
	all := strings.Join(lines, "\n")
	for _, w := range want {
		if !strings.Contains(all, w) {
			g.t.Errorf("why %s lacks %q:\n%s", about, w, all)
		}
	}
	for _, l := range lines {
		if !strings.HasSuffix(l, ".") || strings.Contains(l, "%!") {
			g.t.Errorf("no sentence: %q", l)
		}
	}
}

func TestExplain(t *testing.T) {
	g := newRig(t, `ping-check off; authoritative;
		class "phone" { match if option vendor-class-identifier = "phone"; lease limit 1; }
		subnet 10.0.0.0 netmask 255.255.255.0 {
			pool { range 10.0.0.10 10.0.0.11; deny members of "phone"; deny dynamic bootp clients; }
			pool { range 10.0.0.20 10.0.0.21; allow members of "phone"; }
		}
		host k { hardware ethernet 02:00:00:00:00:02; default-lease-time 900; }
		host f { hardware ethernet 02:00:00:00:00:03; fixed-address 10.0.0.50; }
		host n { hardware ethernet 02:00:00:00:00:04; deny booting; }`)
	mac := func(n int) string { return "02:00:00:00:00:0" + itoa(n) }
	g.explained(mac(1), "No address is or was bound", "No request of this client is remembered")
	a := g.bind(1, "").String()
	g.wait(10 * time.Second)
	g.explained(mac(1), a+" is leased to 02:00:00:00:00:01 until ", "SELECTING", "(10 seconds ago)", "interface eth0",
		"network 10.0.0.0/24", "No host declaration matches", "in no class", "It got "+a+" for 43200 seconds")
	g.explained(a, "in subnet 10.0.0.0 netmask 255.255.255.0 (dhcpd.conf:3)", "the pool of 10.0.0.10 10.0.0.11 (dhcpd.conf:4)", "is leased to")
	g.from(4, msgDiscover).send()
	g.explained(mac(4), "deny booting")
	g.from(2, msgDiscover).send()
	g.explained(mac(2), "Host declaration k (dhcpd.conf:7) applies", "It was offered 10.0.0.11 for 900 seconds")
	g.explained("10.0.0.11", "It was never given to anybody", "offered to 02:00:00:00:00:02 for another 120 seconds")
	g.from(9, msgDiscover).send().silent()
	g.explained(mac(9), "It was refused: every address", "The pool of 10.0.0.10 10.0.0.11 (dhcpd.conf:4) has", `refuses it: it allows only members of "phone" (dhcpd.conf:5)`)
	g.from(3, msgDiscover).send()
	g.explained(mac(3), "with fixed address 10.0.0.50", "gives it the fixed address 10.0.0.50")
	g.explained("10.0.0.50", "It is the fixed address of host f", "It is in no pool")
	g.explained("192.0.2.1", "is in no subnet")
	g.from(5, msgRequest).text(optVendorClass, "phone").wants("10.0.0.10").send()
	g.explained(mac(5), `in class "phone"`, `the pool refuses it: deny members of "phone"`)
	g.from(5, msgRequest).text(optVendorClass, "phone").wants("10.0.0.20").send()
	g.explained("10.0.0.20", `counts against the lease limit of class "phone"`)
	g.from(6, msgDiscover).text(optVendorClass, "phone").send().silent()
	g.explained(mac(6), "lease limit of every class")
	g.from(1, msgDecline).wants(a).send()
	g.explained(a, "is abandoned until", "declined by 02:00:00:00:00:01")
	g.explained(mac(1), "It declined "+a)
	g.from(7, msgRequest).wants("192.0.2.7").relay("10.0.0.7").send()
	g.explained(mac(7), "relay 10.0.0.7", "told that it cannot have 192.0.2.7: the address does not belong to the network")
	g.from(8, msgDiscover).relay("192.0.2.9").send()
	g.explained(mac(8), "relay 192.0.2.9, which is in no subnet")
	g.from(8, msgInform).ciaddr("10.0.0.77").uid("\xff\x01").unicast().send()
	g.explained("ff:01", "It got the options for its address 10.0.0.77, and no lease")
}

func TestExplainPair(t *testing.T) {
	s := normal()
	g := pairRig(t, &s)
	s.serve = Verdict{Rule: "R3", Why: "the partner was not heard since the start"}
	g.from(1, msgDiscover).send()
	g.explained("02:00:00:00:00:01", "It was refused: the partner was not heard since the start (rule R3)")
	g.explained("10.0.0.101", `shared with failover peer "west"`, "cannot be given to another client now: the address is the partner's to give (rule half)")
	s.serve = Yes
	g.bind(1, "")
	g.bind(2, "")
	g.from(3, msgDiscover).send()
	g.explained("02:00:00:00:00:03", "belong to the failover partner", "0 free for the primary and 2 for the secondary")
}

// TestMemory wants the latest decisions of many clients kept, in bounded room.
func TestMemory(t *testing.T) {
	g := newRig(t, lab)
	for i := range 3 * maxDecisions {
		m := g.from(0, msgRequest).wants("10.16.0.0")
		m.m.ClientHWAddr = []byte{2, 1, 0, 0, byte(i >> 8), byte(i)}
		m.send()
	}
	named := func(i int) WhyQuery {
		return WhyQuery{HW: "\x01\x02\x01\x00\x00" + string([]byte{byte(i >> 8), byte(i)})}
	}
	if g.r.memory.find(named(3*maxDecisions-1)) == nil {
		t.Error("the last decision is forgotten")
	}
	if g.r.memory.find(named(0)) != nil {
		t.Error("the oldest decision is remembered")
	}
	if d := g.r.memory.byIP(ip("10.16.0.0")); d == nil || d.at != g.now.Time() {
		t.Errorf("by address: %+v", d)
	}
}
