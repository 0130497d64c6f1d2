package box

import (
	"strings"
	"testing"
)

const whole = `name dhcp-a
role primary           # this one
lan  lan1 10.0.0.2/24 vlan 20 mtu 1500
direct lan2 169.254.77.1/30
gateway 10.0.0.1
ntp 10.0.0.10 10.0.0.11 ntp.example
dns 10.0.0.10
partner 10.0.0.3 direct 169.254.77.2
peer dhcp mclt 600 split 100
syslog 10.0.0.9
clock-bound 0.5
`

func TestParsePrintParse(t *testing.T) {
	c, problems := Parse("box.conf", whole)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	again, problems := Parse("printed", c.String())
	if len(problems) > 0 || again.String() != c.String() {
		t.Fatalf("printed:\n%s\nread again: %v\n%s", c.String(), problems, again.String())
	}
	if c.Syslog != "10.0.0.9:514" || c.LAN.VLAN != 20 {
		t.Fatalf("%+v", c)
	}
}

func TestPeerBlock(t *testing.T) {
	c, _ := Parse("box.conf", whole)
	want := `failover peer "dhcp" {
  primary;
  address 169.254.77.1;
  port 647;
  peer address 169.254.77.2;
  peer port 647;
  max-response-delay 20;
  max-unacked-updates 100;
  load balance max seconds 3;
  mclt 600;
  split 100;
}
`
	if got := c.PeerBlock(); got != want {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
	c.Role = Single
	if got := c.PeerBlock(); got != "" {
		t.Fatalf("a single box has the peer block %q", got)
	}
}

func TestProblemsHavePlaceAndRemedy(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"dns 10.0.0.10\n", "", `box.conf:6: "ntp.example" is a name, and there is no dns line (give its address, or add: dns 10.0.0.10)`},
		{"name dhcp-a", "name dhcp_a", `box.conf:1: "dhcp_a" is not a host name (letters`},
		{"role primary", "role first", `box.conf:2: unknown role "first" (primary, secondary or single)`},
		{"10.0.0.2/24", "10.0.0.2", `box.conf:3: 10.0.0.2 has no prefix length (example: 10.0.0.2/24)`},
		{"10.0.0.2/24", "10.0.0.0/24", `box.conf:3: 10.0.0.0/24 is the network's or the broadcast address`},
		{"10.0.0.2/24", "10.0.0.255/24", `is the network's or the broadcast address`},
		{"vlan 20", "vlan 5000", `box.conf:3: vlan "5000" is out of range (1 to 4094)`},
		{"vlan 20", "vlan", `unexpected "1500" (here may stand: mtu, vlan)`},
		{"gateway 10.0.0.1", "gateway 10.0.1.1", `box.conf:5: the gateway 10.0.1.1 is not in the LAN's network 10.0.0.0/24`},
		{"gateway", "getaway", `box.conf:5: unknown keyword "getaway" (known:`},
		{"partner 10.0.0.3", "partner 10.0.0.2", `box.conf:8: the partner has this box's own address 10.0.0.2`},
		{"direct 169.254.77.2", "direct 169.254.77.9", `the partner's direct address 169.254.77.9 is not in 169.254.77.0/30`},
		{" direct 169.254.77.2", "", `the partner's address on the direct cable is missing`},
		{"direct lan2", "direct lan1", ""}, // the same port, but its VLAN differs
		{"169.254.77.1/30", "10.0.0.9/30", `box.conf:4: the networks of lan and direct overlap`},
		{"ntp 10.0.0.10 10.0.0.11 ntp.example", "ntp 10.0.0.10", `box.conf:6: one time server alone is not trusted`},
		{"role primary", "role secondary", `box.conf:9: mclt and split are the primary's to say`},
		{"ntp ", "dns ", `box.conf:7: dns was already given in line 6`},
		{"name dhcp-a", "", `box.conf: name is missing (add a line such as: name dhcp-a)`},
		{"partner 10.0.0.3 direct 169.254.77.2", "", `partner is missing`},
		{"split 100", "split 257", `split "257" is out of range (0 to 256)`},
	} {
		text := strings.Replace(whole, c.old, c.new, 1)
		_, problems := Parse("box.conf", text)
		var all []string
		for _, p := range problems {
			all = append(all, p.Error())
		}
		got := strings.Join(all, "\n")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%q for %q: got\n%s\nwant %q", c.new, c.old, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Add("lan a 1.2.3.4/0\nntp\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, problems := Parse("f", text)
		if len(problems) > 0 {
			return
		}
		again, problems := Parse("f", c.String())
		if len(problems) > 0 || again.String() != c.String() {
			t.Fatalf("%q printed as %q: %v", text, c.String(), problems)
		}
	})
}
