package boxes

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"tandem/cmd/lab/load"
	"tandem/cmd/lab/netlab"
	"tandem/qemu"
)

// TestVLANSyslogAndAnnouncement is a box on a tagged network: it announces its
// address there, asks a real time server by its name, sends its log to a remote
// server, and serves.
func TestVLANSyslogAndAnnouncement(t *testing.T) {
	opt := options()
	opt.Only, opt.Start = true, "direct"
	opt.Box = func(int, string) string {
		return "name box-a\nrole single\nlan lan1 10.77.0.2/24 vlan 20 mtu 1400\ngateway 10.77.0.20\ndns 10.77.0.20\n" +
			"ntp time.site.example\nntp-single yes\nsyslog 10.77.0.20\n"
	}
	s := stage(t, opt)
	site := trunk(t, s.Pair, 20)
	if _, err := s.Lab.Station(site, "site20", mac(0x24)); err != nil {
		t.Fatal(err)
	}
	node := s.Net.Adopt("site", "site20")
	if err := node.IP("addr add 10.77.0.20/24 dev eth0"); err != nil {
		t.Fatal(err)
	}
	if err := startChrony(s, node); err != nil {
		t.Fatal(err)
	}
	names := netlab.Command{Args: []string{"dnsmasq", "--keep-in-foreground", "--log-facility=-", "--conf-file=/dev/null", "--user=root", "--no-resolv", "--no-hosts",
		"--pid-file=" + filepath.Join(s.dir, "dnsmasq.pid"), "--listen-address=10.77.0.20", "--bind-interfaces", "--address=/time.site.example/10.77.0.20"}}
	if _, err := node.Start(names); err != nil {
		t.Fatal(err)
	}
	said := listen(t, node)
	announced := gratuitous(t, s.Pair)
	start(t, s)
	box := s.Boxes[0]
	expect(t, box, bootPatience, `ok +network .*lan LAN1 10\.77\.0\.2/24`)
	expect(t, box, bootPatience, `Serving alone`)
	crowd, err := load.NewCrowd(node, "eth0", 3, 5)
	if err != nil {
		t.Fatal(err)
	}
	defer crowd.Close()
	if err := crowd.Acquire(within(t, servePatience), 0, 5, 5); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`^<30>1 - box-a init - - \[timeQuality tzKnown="1" isSynced="0"\].* ok +watchdog`,
		`^<\d+>1 20\S+Z box-a init - - \[timeQuality tzKnown="1" isSynced="1"\].*clock trusted`,
		`^<\d+>1 20\S+Z box-a dhcpfd .*DHCPACK on 10\.77\.0\.\d+ to 02:03:`,
	} {
		said(want)
	}
	if !announced() {
		t.Error("the box did not announce its address on its VLAN")
	}
	keepsLog(t, box)
}

// keepsLog looks for the log in memory, by the console, and after an orderly
// end on the disk.
func keepsLog(t *testing.T, box *qemu.Box) {
	t.Helper()
	answers(t, box, "log 12", `(?s)DHCPACK on .*end of log`)
	if err := box.Console.Type("poweroff"); err != nil {
		t.Fatal(err)
	}
	if err := box.WaitOff(within(t, servePatience)); err != nil {
		t.Fatal(err)
	}
	logged := debugfs(t, box.Machine.Disk, "cat /log/log")
	for _, want := range []string{`\(no time\) .*clock gate|ok +board`, `dhcpfd: DHCPACK on`, `switching off, as typed`} {
		if !regexp.MustCompile(want).MatchString(logged) {
			t.Errorf("the log on the disk lacks %q:\n%s", want, logged)
		}
	}
}

// trunk is a switch for one VLAN of the LAN: frames get the tag on the way to
// the LAN, and lose it on the way back.
func trunk(t *testing.T, p *Pair, id byte) *qemu.Switch {
	t.Helper()
	site, err := p.Lab.Switch("vlan")
	if err != nil {
		t.Fatal(err)
	}
	tag := []byte{0x81, 0, 0, id}
	const macs = 12
	var outer, inner *qemu.Port
	ready := make(chan struct{})
	outer, err = p.LAN.Connect("trunk", func(f []byte) {
		if <-ready; len(f) > macs+len(tag) && bytes.Equal(f[macs:macs+len(tag)], tag) {
			inner.Send(append(f[:macs:macs], f[macs+len(tag):]...))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	inner, err = site.Connect("trunk", func(f []byte) {
		<-ready
		outer.Send(append(append(f[:macs:macs], tag...), f[macs:]...))
	})
	if err != nil {
		t.Fatal(err)
	}
	close(ready)
	return site
}

// listen is a syslog server on a machine; what it gives waits for a message.
func listen(t *testing.T, node *netlab.Node) (await func(pattern string)) {
	t.Helper()
	var conn net.PacketConn
	err := node.Do(func() (err error) {
		conn, err = net.ListenPacket("udp4", "10.77.0.20:514")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	var got []string
	return func(pattern string) {
		t.Helper()
		re := regexp.MustCompile(pattern)
		for _, m := range got {
			if re.MatchString(m) {
				return
			}
		}
		if err := conn.SetReadDeadline(time.Now().Add(servePatience)); err != nil {
			t.Fatal(err)
		}
		for buf := make([]byte, 4096); ; {
			n, _, err := conn.ReadFrom(buf)
			if err != nil {
				t.Fatalf("no message fits %q: %v; got\n%s", pattern, err, strings.Join(got, "\n"))
			}
			got = append(got, string(buf[:n]))
			if re.MatchString(got[len(got)-1]) {
				return
			}
		}
	}
}

// gratuitous records the LAN; what it gives tells whether the box announced
// 10.77.0.2 by ARP on VLAN 20.
func gratuitous(t *testing.T, p *Pair) func() bool {
	t.Helper()
	name := filepath.Join(t.TempDir(), "lan.pcap")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := p.LAN.Record(f); err != nil {
		t.Fatal(err)
	}
	own := []byte{10, 77, 0, 2}
	return func() bool {
		if err := p.LAN.Record(nil); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		// Broadcast, from the box, tagged 20, ARP request with the box's
		// address as sender and as target.
		box := mac(2)
		head := append([]byte{255, 255, 255, 255, 255, 255}, box[:]...)
		head = append(head, 0x81, 0, 0, 20, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1)
		head = append(append(head, box[:]...), own...)
		head = append(append(head, 0, 0, 0, 0, 0, 0), own...)
		return strings.Contains(string(raw), string(head))
	}
}

// TestNoOpenPort tries every well-known TCP port of a box that serves alone:
// there is nothing to talk to.
func TestNoOpenPort(t *testing.T) {
	opt := options()
	opt.Only, opt.Start = true, "direct"
	s := stage(t, opt)
	node, err := s.Machine(s.Net, "scanner", 0x25)
	if err != nil {
		t.Fatal(err)
	}
	if err := node.IP("addr add 10.77.0.25/24 dev eth0"); err != nil {
		t.Fatal(err)
	}
	start(t, s)
	expect(t, s.Boxes[0], bootPatience, `Serving alone`)
	err = node.Do(func() error {
		for port := 1; port <= 1024; port++ {
			conn, err := net.DialTimeout("tcp4", fmt.Sprintf("10.77.0.2:%d", port), 10*time.Second)
			if err == nil {
				conn.Close()
				return fmt.Errorf("TCP port %d is open", port)
			}
			if !errors.Is(err, syscall.ECONNREFUSED) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestAddressConflict puts a machine with the box's address on the LAN.
func TestAddressConflict(t *testing.T) {
	opt := options()
	opt.Only, opt.Start = true, "direct"
	s := stage(t, opt)
	node, err := s.Machine(s.Net, "thief", 0x26)
	if err != nil {
		t.Fatal(err)
	}
	if err := node.IP("addr add 10.77.0.2/24 dev eth0"); err != nil {
		t.Fatal(err)
	}
	start(t, s)
	expect(t, s.Boxes[0], bootPatience, `ADDRESS CONFLICT: 10\.77\.0\.2 on LAN1 is used by 52:54:00:77:00:26 as well; change one of them`)
}
