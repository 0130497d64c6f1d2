package dhcp

import (
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tandem/failover/lease"
)

// differences lists the requests that are answered otherwise than by dhcpd
// 4.4.3-P1 on purpose, and why.
var differences = map[string]struct {
	logOnly bool
	why     string
}{
	"02:00:00:00:00:0b type=0": {false, "a BOOTP client without a request list gets the options in the " +
		"order of their codes; dhcpd fills the 64 octets in the order of a hash table"},
	"02:00:00:00:00:21 type=3 ip=10.99.0.101 55=1,1": {false, "an address that is offered is kept for its client; " +
		"dhcpd gives it to whoever asks first"},
	"02:00:00:00:00:28 type=4 ip=10.99.0.121 55=1,1": {true, "only the holder of an address is believed when it declines it"},
	"02:00:00:00:00:29 type=3 ip=10.99.0.119 sid=10.99.0.77 55=1,1": {false, "a client that chose another server is " +
		"left to it; dhcpd answers"},
	"02:00:00:00:00:18 type=3 60=TEE ip=10.99.0.120 61=x0102 55=1,1": {true, "an offer is no lease, so it is no duplicate"},
	"02:00:00:00:00:28 type=1 55=1,1,1,3,3 ip=10.99.0.117":           {true, "the name in an unanswered discover is not remembered"},
}

// TestReference replays a conversation with dhcpd 4.4.3-P1, recorded with its
// log from behind a relay, and wants the same replies, option by option, and
// the same log lines.
func TestReference(t *testing.T) {
	text, err := os.ReadFile("testdata/dhcpd-4.4.3.conf")
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := os.ReadFile("testdata/dhcpd-4.4.3.txt")
	if err != nil {
		t.Fatal(err)
	}
	g := newRig(t, string(text))
	g.iface = &Interface{Index: 2, Name: "e0", Addrs: []lease.IP{ip("10.99.0.1")}}
	seen := 0
	for _, block := range strings.Split(strings.TrimPrefix(string(recorded), "> "), "\n> ") {
		lines := strings.Split(strings.TrimSpace(block), "\n")
		if pause, ok := strings.CutPrefix(lines[0], "wait "); ok {
			seconds, _ := strconv.Atoi(pause)
			g.wait(time.Duration(seconds) * time.Second)
			continue
		}
		request, reply, log := lines[0], strings.TrimPrefix(lines[1], "< "), lines[2:]
		res := g.replay(request)
		got := "-"
		if len(res.replies) > 0 {
			got = dump(res.replies[0].Payload)
		}
		d, differs := differences[request]
		seen += len(d.why[:min(1, len(d.why))])
		if differs && !d.logOnly {
			if sameReply(got, reply) {
				t.Errorf("%s\n is answered as by dhcpd; expected a difference", request)
			}
			continue
		}
		if !sameReply(got, reply) {
			t.Errorf("%s\n got  %s\n want %s", request, got, reply)
		}
		for i, l := range log {
			log[i] = strings.TrimPrefix(l, "# ")
		}
		if slices.Equal(res.lines, log) == differs {
			t.Errorf("%s\n logs %q\n want %q", request, res.lines, log)
		}
		g.wait(50 * time.Millisecond)
	}
	if seen != len(differences) {
		t.Errorf("%d of %d differences came up", seen, len(differences))
	}
}

// replay builds the request that a line describes: MAC, then KEY=VALUE, where
// a number is an option with x and hexadecimal, a list of octets, or text.
func (g *rig) replay(line string) *result {
	fields := strings.Fields(line)
	n, _ := strconv.ParseUint(fields[0][len(fields[0])-2:], 16, 8)
	m := g.from(byte(n), 0).relay("10.99.0.2")
	for _, f := range fields[1:] {
		k, v, _ := strings.Cut(f, "=")
		switch k {
		case "type":
			if v != "0" {
				typ, _ := strconv.Atoi(v)
				m.opt(optMessageType, byte(typ))
			}
		case "ip":
			m.wants(v)
		case "sid":
			m.server(v)
		case "ci":
			m.ciaddr(v)
		case "gi":
			m.relay(v)
		default:
			code, _ := strconv.Atoi(k)
			m.opt(byte(code), octets(v)...)
		}
	}
	m.p.Src = ip("10.99.0.2")
	return m.send()
}

func octets(v string) []byte {
	if strings.HasPrefix(v, "x") {
		b, _ := hex.DecodeString(v[1:])
		return b
	}
	if !strings.Contains(v, ",") {
		return []byte(v)
	}
	var b []byte
	for _, s := range strings.Split(v, ",") {
		n, _ := strconv.Atoi(s)
		b = append(b, byte(n))
	}
	return b
}

// dump writes a reply as the recording has it.
func dump(b []byte) string {
	var s strings.Builder
	addr := func(at int) string { return lease.From4([4]byte(b[at : at+4])).String() }
	fmt.Fprintf(&s, "len=%d flags=%x ci=%s yi=%s si=%s gi=%s", len(b), b[10:12], addr(12), addr(16), addr(20), addr(24))
	over := byte(0)
	list := func(o []byte) string {
		var s strings.Builder
		for len(o) > 0 && o[0] != optEnd {
			if o[0] == optPad {
				o = o[1:]
				continue
			}
			n := 2 + int(o[1])
			if o[0] == optOverload {
				over = o[2]
			}
			fmt.Fprintf(&s, " %d:%x", o[0], o[2:n])
			o = o[n:]
		}
		return s.String()
	}
	options, fields := list(b[headerSize:]), ""
	field := func(name string, bit byte, v []byte) {
		if over&bit != 0 {
			options += " |" + name + list(v)
		} else if text := strings.TrimRight(string(v), "\x00"); text != "" {
			fields = " " + name + "=" + text + fields
		}
	}
	field("sname", 2, b[atSname:atFile])
	field("file", 1, b[atFile:atOptions])
	return s.String() + fields + options
}

// sameReply compares two dumps; the lease time may differ by the seconds that
// the recording took.
func sameReply(got, want string) bool {
	a, b := strings.Fields(got), strings.Fields(want)
	return slices.EqualFunc(a, b, func(x, y string) bool {
		if x == y {
			return true
		}
		if !strings.HasPrefix(x, "51:") || !strings.HasPrefix(y, "51:") {
			return false
		}
		n, _ := strconv.ParseInt(x[3:], 16, 64)
		m, _ := strconv.ParseInt(y[3:], 16, 64)
		return n-m <= 10 && m-n <= 10
	})
}
