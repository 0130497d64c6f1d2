package dhcp

import (
	"testing"
	"time"

	"tandem/failover/lease"
)

func TestExchange(t *testing.T) {
	g := newRig(t, office)
	res := g.from(1, msgDiscover).text(optHostName, "pc").opt(optRequestList, 1, 3, 6).send()
	offer := res.reply(msgOffer)
	res.logs("DHCPDISCOVER from 02:00:00:00:00:01 via eth0")
	res.logs("DHCPOFFER on 10.0.0.100 to 02:00:00:00:00:01 (pc) via eth0")
	if got := fromNet(offer.YourIPAddr); got != ip("10.0.0.100") {
		t.Errorf("offer of %v", got)
	}
	if len(res.changed) != 0 {
		t.Error("an offer changed the table")
	}
	if rep := res.replies[0]; rep.Dst != ip("10.0.0.100") || rep.HW != "\x01\x02\x00\x00\x00\x00\x01" || rep.DstPort != 68 || rep.Src != ip("10.0.0.1") {
		t.Errorf("offer goes to %v %q port %d from %v", rep.Dst, rep.HW, rep.DstPort, rep.Src)
	}
	res = g.from(1, msgRequest).wants("10.0.0.100").server("10.0.0.1").text(optHostName, "pc").opt(optRequestList, 1, 3, 6).send()
	ack := res.reply(msgACK)
	res.logs("DHCPREQUEST for 10.0.0.100 (10.0.0.1) from 02:00:00:00:00:01 (pc) via eth0")
	res.logs("DHCPACK on 10.0.0.100 to 02:00:00:00:00:01 (pc) via eth0")
	if d := ack.IPAddressLeaseTime(0); d != 600*time.Second {
		t.Errorf("lease time %v", d)
	}
	if len(res.changed) != 1 {
		t.Fatalf("%d changes", len(res.changed))
	}
	l := res.changed[0]
	if l.State != lease.Active || l.HW != "\x01\x02\x00\x00\x00\x00\x01" || l.Hostname() != "pc" || l.Ends != g.now.Time().Add(600) || l.Starts != g.now.Time() {
		t.Errorf("lease %+v", l)
	}
	g.wait(300 * time.Second)
	res = g.from(1, msgRequest).ciaddr("10.0.0.100").unicast().text(optHostName, "pc").opt(optRequestList, 1, 3, 6).send()
	res.reply(msgACK)
	if rep := res.replies[0]; rep.Dst != ip("10.0.0.100") || rep.HW != "" {
		t.Errorf("renewal goes to %v %q", rep.Dst, rep.HW)
	}
	if res.changed[0].Extra != l.Extra {
		t.Error("a renewal made a new Extra")
	}
	res = g.from(1, msgRelease).ciaddr("10.0.0.100").server("10.0.0.1").unicast().send().silent()
	res.logs("DHCPRELEASE of 10.0.0.100 from 02:00:00:00:00:01 (pc) via eth0 (found)")
	if l := g.table.Look(ip("10.0.0.100")); l.State != lease.Free || l.HW == "" {
		t.Errorf("after release %+v", l)
	}
	if got := g.bind(1, ""); got != ip("10.0.0.100") {
		t.Errorf("returning client got %v", got)
	}
}
