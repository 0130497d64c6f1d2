package setup

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/init/box"
)

// engine builds dhcpfd.
func engine(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dhcpfd")
	if out, err := exec.Command("go", "build", "-o", path, "tandem/cmd/dhcpfd").CombinedOutput(); err != nil {
		t.Fatalf("build dhcpfd: %v\n%s", err, out)
	}
	return path
}

// TestEngineTakesTheFile has the real engine read what the questions make, as
// it is on a box: after the peer block.
func TestEngineTakesTheFile(t *testing.T) {
	dhcpfd := engine(t)
	for name, change := range map[string]func(*firstBox){
		"usual":   func(*firstBox) {},
		"single":  func(f *firstBox) { f.role = box.Single },
		"isc":     func(f *firstBox) { f.isc, f.peer, f.peerPort, f.mclt, f.split = true, "dhcp-x", "519", "1800", "256" },
		"bare":    func(f *firstBox) { f.router, f.clientDNS, f.gateway, f.direct = "", "", "", "" },
		"domain":  func(f *firstBox) { f.domain = "office.example.org" },
		"many":    func(f *firstBox) { f.ranges = "10.0.0.10-19, 10.0.0.30-39,10.0.0.50-10.0.0.50" },
		"several": func(f *firstBox) { f.clientDNS = "10.0.0.5 10.0.0.6, 192.0.2.1" },
		"small":   func(f *firstBox) { f.addr, f.ranges, f.partner = "10.0.0.2/30", "10.0.0.1-1", "10.0.0.3" },
	} {
		f := &firstBox{role: box.Primary, lan: "lan1", direct: "lan2", name: "a", addr: "10.0.0.2/24", gateway: "10.0.0.1", partner: "10.0.0.3",
			ntp: "10.0.0.10 10.0.0.11", ranges: "10.0.0.100-199", router: "10.0.0.1", clientDNS: "10.0.0.1", lease: "8h", longest: "1d"}
		change(f)
		c := f.config()
		dir := t.TempDir()
		main := filepath.Join(dir, "main.conf")
		text := c.PeerBlock() + f.dhcpdConf()
		if err := os.WriteFile(main, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(dhcpfd, "-t", "-cf", main).CombinedOutput(); err != nil || string(out) != main+": good\n" {
			t.Errorf("%s: %v\n%s\n%s", name, err, out, text)
		}
	}
}

func TestDHCPConfGolden(t *testing.T) {
	r := ranged{lan: netip.MustParsePrefix("10.0.0.2/23"), router: netip.MustParseAddr("10.0.0.1"), dns: []netip.Addr{netip.MustParseAddr("10.0.0.5")},
		domain: "example.org", lease: time.Hour, longest: 2 * time.Hour, peer: "tandem"}
	r.ranges, _ = ranges("10.0.0.100-10.0.0.199")
	got := dhcpdConf(r)
	want, err := os.ReadFile("testdata/dhcpd.conf")
	if *update {
		err = os.WriteFile("testdata/dhcpd.conf", []byte(got), 0o644)
		want = []byte(got)
	}
	if err != nil || got != string(want) {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestLiftPeer(t *testing.T) {
	for _, c := range []struct {
		in, name string
		blocks   int
		keeps    string
	}{
		{foreign, "old pair", 1, "  pool { failover peer \"old pair\""},
		{"pool { failover peer \"x\"; range 1.2.3.4; }\n", "x", 0, "pool { failover peer \"x\";"},
		{"# failover peer \"no\" { }\n", "", 0, "# failover peer \"no\" { }"},
		{"option domain-name \"a\";\n", "", 0, "option domain-name \"a\";"},
		{"failover peer \"a\" state {\n my state normal;\n}\n", "a", 1, "# Each box makes its own"},
	} {
		files, name, blocks := liftPeer([]File{{MainFile, c.in}})
		if name != c.name || blocks != c.blocks || !strings.Contains(files[0].Text, c.keeps) {
			t.Errorf("%q: %q, %d blocks\n%s", c.in, name, blocks, files[0].Text)
		}
		if _, _, again := liftPeer(files); again != 0 {
			t.Errorf("lifted twice:\n%s", files[0].Text)
		}
	}
	if got := renamePeer([]File{{"f", "failover peer \"a b\"; failover peer \"a b\";"}}, "a b", "c")[0].Text; got != "failover peer \"c\"; failover peer \"c\";" {
		t.Error(got)
	}
}
