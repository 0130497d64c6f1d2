package boxes

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tandem/cmd/lab/peers"
)

// TestPartnerISC pairs one box with ISC's dhcpd on another machine.
func TestPartnerISC(t *testing.T) {
	opt := options()
	opt.Start, opt.Alone = "direct", true
	opt.Box = func(int, string) string {
		return "name box-a\nrole primary\nlan lan1 10.77.0.2/24\nntp 10.77.0.11 10.77.0.12 10.77.0.13\n" +
			"partner 10.77.0.3\npeer tandem mclt 30 split 128 kind isc\n"
	}
	s := stage(t, opt)
	node, err := s.Machine(s.Net, "isc", 0x22)
	if err != nil {
		t.Fatal(err)
	}
	if err := node.IP("addr add 10.77.0.3/24 dev eth0"); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(s.dir, "isc")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	conf := `failover peer "tandem" {
  secondary;
  address 10.77.0.3; port 647;
  peer address 10.77.0.2; peer port 647;
  max-response-delay 20; max-unacked-updates 100; load balance max seconds 3;
}
` + Conf
	isc, err := peers.Dhcpd.StartConf(node, dir, conf, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	normal := regexp.MustCompile(`failover peer tandem: I move from \S+ to normal`)
	start(t, s)
	awaitNormal(t, s)
	if _, err := isc.Await(0, normal, bootPatience); err != nil {
		t.Fatal(err)
	}
	before := settle(t, s)
	answers(t, s.Boxes[0], "failctl status", `(?s)partner +normal, connected`)

	mark := isc.Mark()
	if err := s.Power(t.Context(), 0, false); err != nil {
		t.Fatal(err)
	}
	if _, err := isc.Await(mark, regexp.MustCompile(`I move from normal to communications-interrupted`), bootPatience); err != nil {
		t.Fatal(err)
	}
	serves(t, s)
	mark = isc.Mark()
	if err := s.Power(t.Context(), 0, true); err != nil {
		t.Fatal(err)
	}
	awaitNormal(t, s)
	if _, err := isc.Await(mark, normal, bootPatience); err != nil {
		t.Fatal(err)
	}
	serves(t, s)
	if err := unchanged(before, s.addresses()); err != nil {
		t.Fatalf("%v\ndhcpd says\n%s", err, strings.TrimSpace(isc.Tail(30)))
	}
}
