package box

import (
	"strings"
	"testing"
)

func TestForPartner(t *testing.T) {
	c, problems := Parse("box.conf", whole)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	p := c.ForPartner("dhcp-b")
	want := `name        dhcp-b
role        secondary
lan         lan1 10.0.0.3/24 vlan 20 mtu 1500
direct      lan2 169.254.77.2/30
gateway     10.0.0.1
ntp         10.0.0.10 10.0.0.11 ntp.example
clock-bound 0.5
dns         10.0.0.10
partner     10.0.0.2 direct 169.254.77.1
peer        dhcp
syslog      10.0.0.9:514
`
	if got := p.String(); got != want {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
	if _, problems := Parse("partner", p.String()); len(problems) > 0 {
		t.Fatal(problems)
	}
	back := p.ForPartner("dhcp-a")
	c.Peer = Peer{Name: "dhcp"}
	if back.String() != c.String() {
		t.Fatalf("mirrored twice:\n%s\nwant\n%s", back.String(), c.String())
	}
}

func TestForPartnerWithoutCable(t *testing.T) {
	c, problems := Parse("box.conf", "name a\nrole secondary\nlan lan1 10.0.0.2/24\nntp 10.0.0.10 10.0.0.11\npartner 10.0.0.3\n")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	p := c.ForPartner("b")
	if p.Role != Primary || p.Direct.Configured() || p.LAN.Prefix.String() != "10.0.0.3/24" {
		t.Fatalf("%+v", p)
	}
}

func TestNeedsKey(t *testing.T) {
	for words, want := range map[string]bool{"": true, " clear": false, " kind isc": false, " clear mclt 60": false} {
		c, problems := Parse("box.conf", strings.Replace(whole, "peer dhcp mclt 600 split 100", "peer dhcp"+words, 1))
		if len(problems) > 0 || c.NeedsKey() != want {
			t.Errorf("peer dhcp%s: %v, needs a key: %v", words, problems, c.NeedsKey())
		}
		if again, _ := Parse("printed", c.String()); again.NeedsKey() != want {
			t.Errorf("peer dhcp%s is printed as\n%s", words, c.String())
		}
	}
	_, problems := Parse("box.conf", strings.Replace(whole, "peer dhcp", "peer dhcp kind isc clear", 1))
	if len(problems) != 1 || problems[0].Line != 9 {
		t.Error(problems)
	}
}
