package dhcp

import (
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/failover/lease"
)

func TestClassify(t *testing.T) {
	g := newRig(t, office)
	tests := []struct {
		name string
		m    *msg
		want Kind
	}{
		{"discover", g.from(1, msgDiscover), Discover},
		{"selecting", g.from(1, msgRequest).wants("10.0.0.100").server("10.0.0.1"), Selecting},
		{"init-reboot", g.from(1, msgRequest).wants("10.0.0.100"), InitReboot},
		{"renewing", g.from(1, msgRequest).ciaddr("10.0.0.100").unicast(), Renewing},
		{"rebinding", g.from(1, msgRequest).ciaddr("10.0.0.100"), Rebinding},
		{"renewing through a relay", g.from(1, msgRequest).ciaddr("10.0.0.100").relay("10.0.0.2"), Rebinding},
		{"old client naming the server", g.from(1, msgRequest).ciaddr("10.0.0.100").server("10.0.0.1"), Rebinding},
		{"decline", g.from(1, msgDecline).wants("10.0.0.100"), Decline},
		{"release", g.from(1, msgRelease).ciaddr("10.0.0.100"), Release},
		{"inform", g.from(1, msgInform).ciaddr("10.0.0.9"), Inform},
		{"leasequery", g.from(1, msgLeaseQuery), LeaseQuery},
		{"bootp", g.from(1, 0), BOOTP},
		{"offer", g.from(1, msgOffer), 0},
		{"empty message type", g.from(1, 0).opt(optMessageType), 0},
	}
	for _, test := range tests {
		test.m.p.Msg = test.m.m
		var q inquiry
		if ok := q.read(g.now, &test.m.p, &g.out); ok != (test.want != 0) || q.kind != test.want {
			t.Errorf("%s: %v, %v", test.name, q.kind, ok)
		}
	}
	reply := g.from(1, msgDiscover)
	reply.m.OpCode = dhcpv4.OpcodeBootReply
	reply.send().silent()
	g.answer(&Packet{If: g.iface}).silent()
	if g.r.count[cMalformed] != 2 {
		t.Errorf("%d malformed", g.r.count[cMalformed])
	}
}

// TestNoInterface wants an answer or silence, but no crash, for a packet whose
// interface the shell does not know any more.
func TestNoInterface(t *testing.T) {
	g := newRig(t, office)
	g.from(1, msgDiscover).on(nil).send().silent().logs("DHCPDISCOVER from 02:00:00:00:00:01 via <unknown>: unknown network segment")
	g.from(1, msgDiscover).on(nil).relay("10.0.0.2").send().reply(msgOffer)
	g.from(1, msgRequest).on(nil).wants("10.0.0.100").send().silent()
	g.from(1, msgInform).on(nil).ciaddr("10.0.0.9").send().reply(msgACK)
}

func TestSecsByteOrder(t *testing.T) {
	for _, test := range []struct {
		conf string
		secs uint16
		ok   bool
	}{
		{"", 1, false}, {"", 0x300, true}, {"check-secs-byte-order on;", 0x100, false},
		{"check-secs-byte-order on;", 0x300, true}, {"check-secs-byte-order on;", 3, true},
	} {
		g := newRig(t, "min-secs 2;"+test.conf+office)
		res := g.from(1, msgDiscover).secs(test.secs).send()
		if got := len(res.replies) == 1; got != test.ok {
			t.Errorf("%q secs %#x: answered %v", test.conf, test.secs, got)
		}
	}
}

func TestDecode(t *testing.T) {
	g := newRig(t, office)
	m := g.from(1, msgDiscover).text(optHostName, "x").m
	whole := m.ToBytes()
	end := headerSize
	for whole[end] != optEnd {
		end += 2 + int(whole[end+1])
	}
	if got, err := Decode(whole[:end]); err != nil || string(got.Options[optHostName]) != "x" {
		t.Errorf("without end option: %v, %v", got, err)
	}
	plain, err := Decode(whole[:atOptions])
	if err != nil || plain.Options != nil || plain.ClientHWAddr.String() != "02:00:00:00:00:01" {
		t.Errorf("without cookie: %v, %v", plain, err)
	}
	for _, n := range []int{0, 1, 100, atOptions - 1} {
		if _, err := Decode(whole[:n]); err == nil {
			t.Errorf("%d octets decode", n)
		}
	}
	over := append([]byte(nil), whole...)
	copy(over[atFile:], []byte{optRequestedIP, 4, 10, 0, 0, 105, optEnd})
	copy(over[atSname:], []byte{optVendorClass, 1, 'v', optEnd})
	over = append(append(over[:end:end], optOverload, 1, 3), optEnd)
	got, err := Decode(over)
	if err != nil || string(got.Options[optVendorClass]) != "v" {
		t.Fatalf("overloaded: %v, %v", got, err)
	}
	if a, _ := addressOption(got.Options[optRequestedIP]); a != lease.MustIP("10.0.0.105") {
		t.Errorf("address in file: %v", a)
	}
	over[atFile+1] = 255
	if _, err := Decode(over); err == nil {
		t.Error("damaged options in file decode")
	}
}
