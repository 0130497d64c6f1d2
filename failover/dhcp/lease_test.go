package dhcp

import (
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/failover/lease"
)

func TestLeaseEnds(t *testing.T) {
	g := newRig(t, office)
	a := g.bind(1, "")
	end := g.table.Get(a).Ends
	g.wait(600 * time.Second)
	if l := g.table.Get(a); l.State != lease.Active {
		t.Error("ended before the client, which counts from its request, can know")
	}
	if at := g.r.Deadline(); at > g.now.Mono+2e9 {
		t.Errorf("next deadline in %v", time.Duration(at-g.now.Mono))
	}
	g.out.Reset()
	g.wait(2 * time.Second)
	l := g.table.Get(a)
	if l.State != lease.Free || l.HW == "" || l.Ends != end || l.Extra != nil || len(g.out.Changed) != 1 {
		t.Errorf("ended lease %+v", l)
	}
}

func TestDecline(t *testing.T) {
	g := newRig(t, "abandon-lease-time 1000;"+office)
	a := g.bind(1, "").String()
	g.from(2, msgDecline).wants(a).send().logs("DHCPDECLINE of " + a + " from 02:00:00:00:00:02 via eth0: not found")
	if l := g.table.Get(ip(a)); l.State != lease.Active {
		t.Fatal("a stranger took an address out of service")
	}
	res := g.from(1, msgDecline).wants(a).send().silent()
	res.logs("DHCPDECLINE of " + a + " from 02:00:00:00:00:01 via eth0: abandoned")
	l := g.table.Get(ip(a))
	if l.State != lease.Abandoned || !l.Flags.Has(lease.FlagDeclined) || l.Ends != g.now.Time().Add(1000) || l.HW != "" {
		t.Errorf("declined lease %+v", l)
	}
	if b := g.bind(1, "").String(); b == a {
		t.Error("the declined address again")
	}
	g.wait(1002 * time.Second)
	if l := g.table.Get(ip(a)); l.State != lease.Free || l.Flags != 0 || l.Extra != nil {
		t.Errorf("after probation %+v", l)
	}
	// An offer can be declined too.
	b := g.from(3, msgDiscover).send().reply(msgOffer).YourIPAddr.String()
	g.from(3, msgDecline).wants(b).send().logs("DHCPDECLINE of " + b + " from 02:00:00:00:00:03 via eth0: abandoned")
	g.from(3, msgDecline).send().silent()
}

func TestDeclinesDenied(t *testing.T) {
	for flag, lines := range map[string]int{"deny": 1, "ignore": 0} {
		g := newRig(t, flag+" declines;"+office)
		a := g.bind(1, "").String()
		if res := g.from(1, msgDecline).wants(a).send(); len(res.lines) != lines || len(res.changed) != 0 {
			t.Errorf("%s: %q, %v", flag, res.lines, res.changed)
		}
	}
}

func TestRelease(t *testing.T) {
	g := newRig(t, office)
	a := g.bind(1, "me").String()
	for name, m := range map[string]*msg{
		"another hardware address": g.from(2, msgRelease).uid("me").ciaddr(a),
		"another identifier":       g.from(1, msgRelease).uid("you").ciaddr(a),
		"no identifier":            g.from(1, msgRelease).ciaddr(a),
		"another address":          g.from(1, msgRelease).uid("me").ciaddr("10.0.0.109"),
	} {
		if res := m.unicast().send(); len(res.changed) != 0 {
			t.Errorf("%s: released", name)
		}
	}
	if res := g.from(1, msgRelease).uid("me").ciaddr(a).unicast().send(); len(res.changed) != 1 || res.changed[0].Ends != g.now.Time() {
		t.Errorf("not released: %v", res.changed)
	}
	// A second one changes nothing.
	if res := g.from(1, msgRelease).uid("me").ciaddr(a).unicast().send(); len(res.changed) != 0 {
		t.Error("released twice")
	}
}

func TestCacheThreshold(t *testing.T) {
	g := newRig(t, office)
	a := g.bind(1, "")
	renew := func() *result { return g.from(1, msgRequest).ciaddr(a.String()).unicast().send() }
	g.wait(150 * time.Second)
	res := renew()
	if left := res.reply(msgACK).IPAddressLeaseTime(0); left != 450*time.Second || len(res.changed) != 0 {
		t.Errorf("in the first quarter: %v, changed %v", left, res.changed)
	}
	g.wait(time.Second)
	res = renew()
	if left := res.reply(msgACK).IPAddressLeaseTime(0); left != 600*time.Second || len(res.changed) != 1 {
		t.Errorf("after it: %v, changed %v", left, res.changed)
	}
	named := g.from(1, msgRequest).ciaddr(a.String()).unicast().text(optHostName, "new").send()
	if len(named.changed) != 1 {
		t.Error("a new host name is not recorded")
	}
	off := newRig(t, "dhcp-cache-threshold 0;"+office)
	a = off.bind(1, "")
	if res := off.from(1, msgRequest).ciaddr(a.String()).unicast().send(); len(res.changed) != 1 {
		t.Error("threshold 0 does not switch it off")
	}
}

func TestLeaseTimes(t *testing.T) {
	tests := []struct {
		conf string
		ask  []byte
		want time.Duration
	}{
		{"", nil, 600 * time.Second},
		{"", []byte{0, 0, 3, 232}, 1000 * time.Second},
		{"", []byte{255, 255, 255, 255}, 7200 * time.Second},
		{"", []byte{0, 0, 0, 1}, 300 * time.Second},
		{"", []byte{0, 1}, 600 * time.Second},
		{"min-lease-time 900;", nil, 900 * time.Second},
		{"option dhcp-lease-time 50;", nil, 600 * time.Second},
	}
	for _, test := range tests {
		g := newRig(t, office+"\n"+test.conf)
		m := g.from(1, msgDiscover)
		if test.ask != nil {
			m.opt(optLeaseTime, test.ask...)
		}
		if got := m.send().reply(msgOffer).IPAddressLeaseTime(0); got != test.want {
			t.Errorf("%q asking %v: %v", test.conf, test.ask, got)
		}
	}
}

func TestInfiniteLease(t *testing.T) {
	g := newRig(t, "infinite-is-reserved on;"+office+"max-lease-time infinite;")
	g.from(1, msgRequest).wants("10.0.0.105").opt(optLeaseTime, 255, 255, 255, 255).send().reply(msgACK)
	l := g.table.Get(ip("10.0.0.105"))
	if l.Ends != lease.Never || !l.Flags.Has(lease.FlagReserved) {
		t.Errorf("lease %+v", l)
	}
	g.from(1, msgRelease).ciaddr("10.0.0.105").unicast().send()
	if l := g.table.Get(ip("10.0.0.105")); l.State != lease.Free || !l.Flags.Has(lease.FlagReserved) {
		t.Errorf("released: %+v", l)
	}
	g.from(2, msgRequest).wants("10.0.0.105").send().reply(msgNAK)
	if a := g.bind(1, ""); a != ip("10.0.0.105") {
		t.Errorf("its owner got %v", a)
	}
}

func TestRenewalTimes(t *testing.T) {
	for _, test := range []struct{ t1, t2, granted, want1, want2 lease.Seconds }{
		{0, 0, 600, 0, 0}, {100, 200, 600, 100, 200}, {100, 600, 600, 100, 0}, {700, 500, 600, 0, 500}, {500, 500, 600, 0, 500},
	} {
		p := profile{t1: test.t1, t2: test.t2}
		if t1, t2 := p.renewals(test.granted); t1 != test.want1 || t2 != test.want2 {
			t.Errorf("%+v: %d, %d", test, t1, t2)
		}
	}
}

func TestAdaptiveLeaseTime(t *testing.T) {
	g := newRig(t, "adaptive-lease-time-threshold 50; min-lease-time 60;"+office)
	for n := byte(1); n <= 6; n++ {
		g.bind(n, "")
	}
	if got := g.from(9, msgDiscover).send().reply(msgOffer).IPAddressLeaseTime(0); got != 60*time.Second {
		t.Errorf("new client: %v", got)
	}
	g.wait(200 * time.Second)
	if got := g.from(1, msgRequest).ciaddr("10.0.0.100").unicast().send().reply(msgACK).IPAddressLeaseTime(0); got != 400*time.Second {
		t.Errorf("renewal: %v", got)
	}
}

func TestHostnameAndRelayKept(t *testing.T) {
	conf := `class "port" { match if option agent.circuit-id = "p1"; option domain-name "by-port"; }` + office
	g := newRig(t, conf)
	m := g.from(1, msgRequest).relay("10.0.0.7").wants("10.0.0.100").text(optAgent, "\x01\x02p1").
		text(optHostName, "pc\x00").text(optVendorClass, "v").text(optUserClass, "u").text(optFQDN, "\x04\xff\xff\x02pc\x07example\x00")
	m.send().reply(msgACK)
	x := g.table.Get(ip("10.0.0.100")).Extra
	if x.Hostname != "pc" || x.FQDN != "pc.example" || x.VendorClass != "v" || x.UserClass != "u" || x.RelayAgent != "\x01\x02p1" {
		t.Fatalf("extra %+v", x)
	}
	// The renewal comes straight from the client: the class still matches,
	// and what no relay sent is not sent back.
	g.wait(400 * time.Second)
	ack := g.from(1, msgRequest).ciaddr("10.0.0.100").unicast().send().reply(msgACK)
	if ack.DomainName() != "by-port" || ack.Options.Has(dhcpv4.OptionRelayAgentInformation) {
		t.Errorf("renewal has %q, agent options %v", ack.DomainName(), ack.Options[optAgent])
	}
	if got := g.table.Get(ip("10.0.0.100")).Extra.RelayAgent; got != "\x01\x02p1" {
		t.Errorf("stashed %q after renewal", got)
	}
	off := newRig(t, "stash-agent-options off;"+conf)
	off.from(1, msgRequest).relay("10.0.0.7").wants("10.0.0.100").text(optAgent, "\x01\x02p1").send().reply(msgACK)
	if x := off.table.Get(ip("10.0.0.100")).Extra; x != nil {
		t.Errorf("kept %+v", x)
	}
}

func TestVariables(t *testing.T) {
	g := newRig(t, office+`if option host-name = "a" { set seen = "1"; set kind = "x"; } else { unset seen; }`)
	g.from(1, msgRequest).wants("10.0.0.100").text(optHostName, "a").send().reply(msgACK)
	if x := g.table.Get(ip("10.0.0.100")).Extra; len(x.Vars) != 2 || x.Vars[0].Name != "kind" || x.Vars[1] != (lease.Var{Name: "seen", Value: "1"}) {
		t.Errorf("variables %+v", x)
	}
	g.from(1, msgRequest).wants("10.0.0.100").text(optHostName, "b").send().reply(msgACK)
	if x := g.table.Get(ip("10.0.0.100")).Extra; len(x.Vars) != 1 || x.Vars[0].Name != "kind" {
		t.Errorf("variables %+v", x)
	}
}

func TestCounters(t *testing.T) {
	g := newRig(t, office)
	g.bind(1, "")
	got := map[string]uint64{}
	var names []string
	g.r.Counters(func(name string, value uint64) {
		if _, twice := got[name]; twice || name == "" {
			t.Errorf("figure %q twice or without a name", name)
		}
		got[name] = value
		names = append(names, name)
	})
	for name, want := range map[string]uint64{
		"dhcp.discover": 1, "dhcp.offer": 1, "dhcp.request.selecting": 1, "dhcp.ack": 1, "dhcp.lease.changed": 1,
		"dhcp.nak": 0, "dhcp.offers": 0, "dhcp.offers.limit": maxOffers,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s is %d, want %d", name, v, want)
		}
	}
	if len(names) < int(counterCount) {
		t.Errorf("%d figures", len(names))
	}
}

// TestManyIdentifiers wants a hardware address that comes with ever new client
// identifiers answered from a bounded look at its records.
func TestManyIdentifiers(t *testing.T) {
	g := newRig(t, lab)
	for i := range 2 * maxOwn {
		g.bind(1, "id-"+itoa(i))
	}
	g.from(1, msgDiscover).uid("another").send().reply(msgOffer)
}

func TestLogLines(t *testing.T) {
	g := newRig(t, office)
	odd := g.from(1, msgRequest).wants("10.0.0.100").text(optHostName, "a\nb")
	odd.send().logs("DHCPACK on 10.0.0.100 to 02:00:00:00:00:01 (Hostname Unsuitable for Printing) via eth0")
	none := g.from(1, msgDiscover).uid("\x00\x01")
	none.m.ClientHWAddr, none.m.HWType = nil, 0
	none.send().logs("DHCPDISCOVER from 00:01 via eth0")
	anon := g.from(1, msgDiscover)
	anon.m.ClientHWAddr, anon.m.HWType = nil, 0
	anon.send().silent().logs("DHCPDISCOVER from <no identifier> via eth0: no hardware address and no client identifier")
	for _, l := range g.out.Lines {
		if l.Class == "" {
			t.Errorf("a client can cause %q without limit", l.Text)
		}
	}
	logged := newRig(t, office+`log(info, concat("from ", option host-name)); log(error, "bad");`)
	res := logged.from(1, msgDiscover).text(optHostName, "pc").send()
	res.logs("from pc").logs("bad")
}
