package qemu

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A real ping program in a namespace reaches a host on the switch.
func TestStation(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := exec.LookPath("nsenter"); err != nil {
		t.Skip("nsenter is not installed (Debian package util-linux)")
	}
	s := NewSwitch("lan")
	defer s.Close()
	if _, err := NewHost(s, "host", mac(1), netip.MustParseAddr("192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("tdm%d", os.Getpid())
	st, err := NewStation(s, name, mac(7))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if _, err := NewStation(s, name, mac(8)); err == nil {
		t.Error("two stations of the same name")
	}
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	run := func(args ...string) string {
		t.Helper()
		out, err := st.Command(ctx, args[0], args[1:]...).CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v: %s", args, err, out)
		}
		return string(out)
	}
	run("ip", "address", "add", "192.0.2.9/24", "dev", st.Interface)
	// A datagram to a closed port is enough to see ARP and the cable at work.
	run("bash", "-c", "echo hello > /dev/udp/192.0.2.1/9")
	for {
		out := run("ip", "neighbour", "show", "192.0.2.1")
		if strings.Contains(out, mac(1).String()) {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("no neighbour: %s", out)
		}
	}
	st.Close()
	if _, err := os.Stat("/run/netns/" + name); err == nil {
		t.Error("the namespace is still there")
	}
}
