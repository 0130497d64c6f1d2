package daemon

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
)

// The sessions of testdata/omshell were typed into omshell 4.4.3-P1 in front of
// dhcpd 4.4.3-P1. Typed in front of this server, omshell prints the same
// answers, errors and attributes; values differ with the leases and the time.

// sessionPair is the configuration that dhcpd had; KEY stands for its key.
const sessionPair = `failover peer "dhcp" {
  primary; address 10.77.0.2; port 647; peer address 10.77.0.3; peer port 847;
  max-response-delay 30; max-unacked-updates 10; load balance max seconds 3; mclt 20; split 128;
}
KEY
omapi-port 7911;
authoritative; default-lease-time 240; max-lease-time 600;
subnet 10.77.0.0 netmask 255.255.255.0 {
  option routers 10.77.0.1;
  pool { failover peer "dhcp"; deny dynamic bootp clients; range 10.77.0.100 10.77.0.139; }
}
host printer1 { hardware ethernet 02:77:00:00:01:01; fixed-address 10.77.0.50; }
`

// sessionKnown is the lease of a known client, in front of sessionSoloLeases.
const sessionKnown = `lease 10.77.0.153 {
  starts 5 2026/11/20 23:15:00; ends never; cltt 5 2026/11/20 23:15:00; binding state active;
  hardware ethernet 02:77:00:00:07:02; uid "\001\002w\000\000\007\002"; client-hostname "multi";
}
`

// sessionReserve are the leases of noauth-lease-reserve.
const sessionReserve = `lease 10.77.0.115 {
  starts 5 2026/11/20 23:15:00; ends never; cltt 5 2026/11/20 23:15:00; binding state active;
  hardware ethernet 02:77:00:00:00:11; uid "\001\002w\000\000\000\021"; client-hostname "voip-0011";
}
lease 10.77.0.126 { starts 5 2026/11/20 23:15:00; binding state free; }
`

// sessionSolo is that of noauth-lease-multiple and -by-mac-expired.
const sessionSolo = `omapi-port 7911;
subnet 10.77.0.0 netmask 255.255.255.0 { range 10.77.0.150 10.77.0.159; }
host known1 { hardware ethernet 02:77:00:00:07:02; }
`

// sessionLeases are the leases that the sessions look for.
const sessionLeases = `failover peer "dhcp" state {
  my state communications-interrupted at 5 2026/11/20 23:14:59;
  partner state normal at 5 2026/11/20 23:14:59;
}
lease 10.77.0.120 {
  starts 5 2026/11/20 23:15:00; ends never; cltt 5 2026/11/20 23:15:00; binding state active;
  hardware ethernet 02:77:00:00:00:11; uid "\001\002w\000\000\000\021";
  set vendor-class-identifier = "AastraIPPhone"; client-hostname "voip-0011";
}
lease 10.77.0.119 {
  starts 5 2026/11/20 23:15:00; ends never; cltt 5 2026/11/20 23:15:00; binding state active;
  hardware ethernet 02:77:00:00:00:10; uid "\001\002w\000\000\000\020";
  set vendor-class-identifier = "udhcp"; client-hostname "laptop-alice";
}
lease 10.77.0.125 { starts 5 2026/11/20 23:15:00; binding state free; }
`

const sessionSoloLeases = `lease 10.77.0.150 {
  starts 5 2026/11/20 23:15:00; ends 5 2026/11/20 23:15:08; cltt 5 2026/11/20 23:15:00; binding state free;
  hardware ethernet 02:77:00:00:07:02; uid "\001\002w\000\000\007\002";
}
lease 10.77.0.151 {
  starts 5 2026/11/20 23:15:00; ends never; cltt 5 2026/11/20 23:15:00; binding state active;
  hardware ethernet 02:77:00:00:07:01; uid "\000B"; client-hostname "multi";
}
lease 10.77.0.152 {
  starts 5 2026/11/20 23:15:00; ends never; cltt 5 2026/11/20 23:15:00; binding state active;
  hardware ethernet 02:77:00:00:07:01; uid "\000A";
}
`

// session is one of the files.
type session struct {
	name  string
	typed string
	want  []string
}

func readSession(t *testing.T, file string) session {
	t.Helper()
	text, err := os.ReadFile(file)
	check(t, err)
	_, rest, _ := strings.Cut(string(text), "== what was typed into omshell ==\n")
	typed, printed, ok := strings.Cut(rest, "\n== everything omshell printed")
	if !ok {
		t.Fatalf("%s is not a session", file)
	}
	_, printed, _ = strings.Cut(printed, "\n")
	return session{strings.TrimSuffix(filepath.Base(file), ".txt"), typed, skeleton(printed)}
}

var attribute = regexp.MustCompile(`^([a-zA-Z0-9-]+) = `)

// skeleton leaves the lines of what omshell prints, without prompts and
// without the values of attributes. Two variables of leases are left out: what
// dhcpd remembers of handles, and who uses an abandoned address.
func skeleton(printed string) []string {
	var list []string
	for line := range strings.Lines(printed) {
		line = strings.TrimSpace(strings.ReplaceAll(line, "> ", ""))
		if line = strings.TrimPrefix(line, ">"); line == "" || strings.HasPrefix(line, "remote-handle") || strings.HasPrefix(line, "abandoned-by") {
			continue
		}
		if m := attribute.FindStringSubmatch(line); m != nil {
			line = m[1]
		}
		list = append(list, line)
	}
	return list
}

// config gives configuration and leases for the session. Where it is about
// leases there is no partner: without contact to it no lease is changed.
func (s session) config() (conf, leases string) {
	conf, leases = sessionPair, sessionLeases
	switch {
	case s.name == "noauth-lease-by-mac-expired":
		return sessionSolo, sessionSoloLeases
	case s.name == "noauth-lease-multiple":
		return sessionSolo, sessionKnown + strings.Replace(sessionSoloLeases, "02:77:00:00:07:02", "02:77:00:00:07:03", 1)
	case s.name == "noauth-lease-reserve":
		leases = sessionReserve
	}
	if strings.Contains(s.name, "-lease-") {
		_, conf, _ = strings.Cut(conf, "\n}\n")
		conf = strings.Replace(conf, `failover peer "dhcp";`, "", 1)
		_, leases, _ = strings.Cut("}\n"+leases, "}\n")
	}
	algorithm, _, _ := strings.Cut(s.name, "-")
	key := ""
	for _, k := range omapiKeys {
		if k.algorithm == "hmac-"+algorithm {
			key = "key omapi_key { algorithm " + k.algorithm + "; secret \"" + k.secret + "\"; }\nomapi-key omapi_key;\n"
		}
	}
	if s.name == "md5-other-configured-key" {
		key += "key other_key { algorithm hmac-md5; secret \"" + omapiKeys[0].secret + "\"; }\n"
	}
	return strings.Replace(conf, "KEY\n", key, 1), leases
}

// sessionDifferences are where our answers differ, and why.
var sessionDifferences = []struct{ session, dhcpd, ours, why string }{
	{"md5-control-shutdown", "connection reset by peer", "permission denied",
		"there is no partner to hand over to; dhcpd ends without an answer"},
	{"md5-type-errors", "obj: interface\nobj: interface\nstate", "obj: interface\ncan't open object: not implemented\nobj: interface",
		"dhcpd makes an interface for a plain open that names nothing"},
	{"noauth-host-errors", "statements\nobj: host\nname\nhardware-address\nhardware-type\nstatements\nobj: <null>\nobj: host\nobj: host\nname\nobj: host\nname\nip-address",
		"statements\ncan't open object: parse error(s) occurred\nobj: host\nname\nhardware-address\nhardware-type\nstatements\nobj: <null>\nobj: host\nobj: host\nname\nobj: host\nname\nip-address",
		"dhcpd makes a host without the statements that it does not understand, and reports success"},
}

// expected is what omshell is to print.
func (s session) expected(t *testing.T) string {
	want := strings.Join(s.want, "\n")
	for _, d := range sessionDifferences {
		if d.session == s.name {
			if !strings.Contains(want, d.dhcpd) {
				t.Errorf("dhcpd does not print %q (%s)", d.dhcpd, d.why)
			}
			want = strings.Replace(want, d.dhcpd, d.ours, 1)
		}
	}
	return want
}

func TestOmshellSessions(t *testing.T) {
	if !alone(t) {
		return
	}
	loopbackUp(t)
	lo, err := netlink.LinkByName("lo")
	check(t, err)
	addAddr(t, lo, "10.77.0.2/32")
	files, err := filepath.Glob("testdata/omshell/*.txt")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d sessions, %v", len(files), err)
	}
	for _, file := range files {
		s := readSession(t, file)
		t.Run(s.name, func(t *testing.T) { s.play(t) })
	}
}

// play types a session in front of a server of its own.
func (s session) play(t *testing.T) {
	conf, leases := s.config()
	dir := t.TempDir()
	file := filepath.Join(dir, "dhcpd.leases")
	check(t, os.WriteFile(file, []byte(leases), 0o644))
	p := startServer(t, dir, func(o *Options) { o.Config, o.LeaseFile = config(t, conf), file })
	if got, want := strings.Join(skeleton(runOmshell(t, s.typed)), "\n"), s.expected(t); got != want {
		t.Errorf("omshell prints\n%s\n\nand in front of dhcpd\n%s", got, want)
	}
	p.end(t)
}
