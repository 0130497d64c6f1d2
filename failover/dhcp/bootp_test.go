package dhcp

import (
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/failover/lease"
)

const booting = `default-lease-time 600; option domain-name "example.org"; authoritative;
subnet 10.0.0.0 netmask 255.255.255.0 {
  range 10.0.0.10 10.0.0.19;
  range dynamic-bootp 10.0.0.20 10.0.0.21;
}
host net { hardware ethernet 02:00:00:00:00:09; fixed-address 10.0.0.50; filename "kernel"; }
`

func TestBOOTP(t *testing.T) {
	g := newRig(t, booting)
	res := g.from(1, 0).send()
	m := res.reply(0)
	if m.YourIPAddr.String() != "10.0.0.20" || m.Options.Has(dhcpv4.OptionServerIdentifier) || m.Options.Has(dhcpv4.OptionIPAddressLeaseTime) {
		t.Errorf("reply %v", m)
	}
	res.logs("BOOTREPLY on 10.0.0.20 to 02:00:00:00:00:01 via eth0")
	l := g.table.Get(ip("10.0.0.20"))
	if l.State != lease.Active || l.Ends != lease.Never || !l.Flags.Has(lease.FlagBOOTP) {
		t.Errorf("lease %+v", l)
	}
	if again := g.from(1, 0).send().reply(0).YourIPAddr.String(); again != "10.0.0.20" {
		t.Errorf("the second time %s", again)
	}
	g.from(2, 0).send().reply(0)
	g.from(3, 0).send().silent().logs("BOOTREQUEST from 02:00:00:00:00:03 via eth0: BOOTP from dynamic client and no dynamic leases")
	fixed := g.from(9, 0).send()
	if m := fixed.reply(0); m.YourIPAddr.String() != "10.0.0.50" || m.BootFileName != "kernel" || m.ServerIPAddr.String() != "10.0.0.1" {
		t.Errorf("fixed: %v", m)
	}
	fixed.logs("BOOTREPLY for 10.0.0.50 to net (02:00:00:00:00:09) via eth0")
	if n := len(fixed.replies[0].Payload); n != 300 {
		t.Errorf("%d octets", n)
	}
}

func TestBOOTPRefused(t *testing.T) {
	for conf, line := range map[string]string{
		"deny bootp;":         "BOOTREQUEST from 02:00:00:00:00:01 via eth0: bootp disallowed",
		"deny dynamic-bootp;": "BOOTREQUEST from 02:00:00:00:00:01 via eth0: dynamic bootp disallowed",
		"deny booting;":       "BOOTREQUEST from 02:00:00:00:00:01 via eth0: booting disallowed",
	} {
		g := newRig(t, conf+booting)
		g.from(1, 0).send().silent().logs(line)
	}
	// Nothing from a failover pool by default, and for ever where it is allowed.
	s := normal()
	g := pairRig(t, &s)
	g.from(1, 0).send().silent()
}

func TestBOOTPLeaseLength(t *testing.T) {
	for conf, want := range map[string]lease.Time{
		"dynamic-bootp-lease-length 1000;":                                       1_800_001_000,
		"dynamic-bootp-lease-cutoff 1800000500;":                                 1_800_000_500,
		"dynamic-bootp-lease-length 100; dynamic-bootp-lease-cutoff 1800000500;": 1_800_000_100,
	} {
		g := newRig(t, conf+booting)
		g.from(1, 0).send().reply(0)
		if l := g.table.Get(ip("10.0.0.20")); l.Ends != want {
			t.Errorf("%s: ends %d", conf, l.Ends)
		}
	}
}

// TestNoCookie wants the vendor field of a client that does not know RFC 1048
// left alone, unless the configuration says otherwise.
func TestNoCookie(t *testing.T) {
	for conf, want := range map[string]byte{"": 7, "always-reply-rfc1048 on;": 99} {
		g := newRig(t, conf+booting)
		raw := append(g.from(1, 0).m.ToBytes()[:atOptions:atOptions], make([]byte, 64)...)
		raw[atOptions] = 7
		m, err := Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		res := g.answer(&Packet{If: g.iface, Dst: broadcastIP, Raw: raw, Msg: m})
		if len(res.replies) != 1 || res.replies[0].Payload[atOptions] != want {
			t.Errorf("%q: %d replies; log %q", conf, len(res.replies), res.lines)
		}
	}
}
