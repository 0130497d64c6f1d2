package conf

import (
	"encoding/hex"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"testing"

	"tandem/failover/lease"
)

// request is the client whose DHCPDISCOVER dhcpd answered in replies.tsv.
type request struct {
	cfg     *Config
	hosts   []*Host
	options map[OptionKey]string
}

const requestHW = "\x01\x02\x00\x00\x00\x00\x01"

func newRequest(c *Config) *request {
	dhcp := func(code uint32) OptionKey { return OptionKey{"dhcp", code} }
	fqdn := func(code uint32) OptionKey { return OptionKey{"fqdn", code} }
	r := &request{cfg: c, options: map[OptionKey]string{
		dhcp(53): "\x01", dhcp(12): "Client-1", dhcp(60): "PXEClient:Arch:00007:UNDI:003016", dhcp(77): "iPXE",
		dhcp(93): "\x00\x07", dhcp(61): "\x00client-id", dhcp(57): "\x05\x78", dhcp(43): "\x01\x02ab\x02\x01\x07\xff",
		dhcp(81): "\x00\x00\x00host.example.com",
		fqdn(1):  "\x00", fqdn(2): "\x00", fqdn(3): "\x00", fqdn(4): "\x00", fqdn(5): "\x00",
		fqdn(6): "host", fqdn(7): "example.com", fqdn(8): "host.example.com",
	}}
	seen := map[*Host]bool{}
	for _, list := range [][]*Host{c.HostsByHW(requestHW), c.HostsByUID("\x00client-id"), c.HostsByIdentifier(r)} {
		for _, h := range list {
			if !seen[h] {
				r.hosts, seen[h] = append(r.hosts, h), true
			}
		}
	}
	return r
}

func (r *request) Option(k OptionKey) ([]byte, bool) {
	v, ok := r.options[k]
	return []byte(v), ok
}
func (r *request) Hardware() []byte { return []byte(requestHW) }
func (r *request) Packet(offset, length int) []byte {
	p := make([]byte, 240)
	copy(p, "\x01\x01\x06\x00\x00\x00\x10\x30\x00\x05\x80\x00")
	copy(p[28:], requestHW[1:])
	copy(p[44:], "sname-field")
	copy(p[108:], "boot-file-field")
	if offset >= len(p) {
		return nil
	}
	return p[offset:min(offset+length, len(p))]
}
func (r *request) address() lease.IP {
	for _, h := range r.hosts {
		if len(h.Fixed) > 0 {
			return h.Fixed[0]
		}
	}
	return lease.MustIP("10.9.0.100")
}
func (r *request) LeasedAddress() (lease.IP, bool)  { return r.address(), true }
func (r *request) LeaseTime() (lease.Seconds, bool) { return 120, true }
func (r *request) Known() bool                      { return len(r.hosts) > 0 }
func (r *request) Static() bool                     { return r.address() != lease.MustIP("10.9.0.100") }
func (r *request) HostName() string {
	if len(r.hosts) > 0 {
		return r.hosts[0].Name
	}
	return ""
}
func (r *request) Member(k *Class) bool { return false }

// settings executes the scopes in the order that the server does.
func (r *request) settings() *Settings {
	s := r.cfg.SubnetOf(r.address())
	scopes := []*Scope{r.cfg.Global, s.Network.Scope, s.Scope}
	if p := r.cfg.PoolOf(r.address()); p != nil {
		scopes = append(scopes, p.Scope)
	}
	for _, k := range r.cfg.ClassesOf(r) {
		scopes = append(scopes, k.Scope)
	}
	for _, h := range r.hosts {
		scopes = append(scopes, h.Scope)
	}
	return r.cfg.Evaluate(r, scopes...)
}

// requested are the codes in the client's parameter request list.
func requested(code uint32) bool {
	switch code {
	case 1, 3, 6, 12, 15, 28, 42, 43, 60, 66, 67, 81, 119, 121, 125, 150, 175:
		return true
	}
	return 200 <= code && code < 231
}

// offer writes what a server would offer, as replies.tsv has it. Option 1 is
// the subnet's mask unless it is set.
func offer(s *Settings) string {
	options := map[uint32]string{1: "ffffff00"}
	s.Each("dhcp", func(code uint32, value []byte) {
		if requested(code) {
			options[code] = hex.EncodeToString(value)
		}
	})
	var out []string
	for code, v := range options {
		out = append(out, fmt.Sprintf("%03d=%s", code, v))
	}
	sort.Strings(out)
	for i, o := range out {
		code, rest, _ := strings.Cut(o, "=")
		n, _ := strconv.Atoi(code)
		out[i] = fmt.Sprintf("%d=%s", n, rest)
	}
	if ip, ok := s.Addr(NextServer); ok {
		b := ip.As4()
		out = append(out, "siaddr="+hex.EncodeToString(b[:]))
	}
	if t := s.Text(ServerName); t != "" {
		out = append(out, "sname="+hex.EncodeToString([]byte(t)))
	}
	if t := s.Text(Filename); t != "" {
		out = append(out, "file="+hex.EncodeToString([]byte(t)))
	}
	return strings.Join(out, " ")
}

// TestReplies compares what configurations make of a request with what dhcpd
// offered. A row with four columns is one where we differ: the third is what
// we make of it, the fourth says why.
func TestReplies(t *testing.T) {
	prelude := "ping-check false; ddns-update-style none; min-lease-time 60;\n"
	for _, row := range rows(t, "testdata/replies.tsv") {
		src := prelude + expand(row[1])
		if !strings.Contains(strings.ReplaceAll(row[1], "subnet-mask", ""), "subnet ") {
			src += "subnet 10.9.0.0 netmask 255.255.255.0 { range 10.9.0.100; }\n"
		}
		c, list := Load("t.conf", readerOf("t.conf", src, ""))
		if c == nil {
			t.Errorf("%s: %v", row[1], list)
			continue
		}
		var want []string
		for _, o := range strings.Fields(row[0]) {
			if !strings.HasPrefix(o, "51=") {
				want = append(want, o)
			}
		}
		expect := strings.Join(want, " ")
		if len(row) == 4 {
			if row[2] == expect || row[3] == "" {
				t.Errorf("%s: is no difference", row[1])
			}
			expect = row[2]
		}
		if got := offer(newRequest(c).settings()); got != expect {
			t.Errorf("%s\n got %s\nwant %s", row[1], got, expect)
		}
	}
}
