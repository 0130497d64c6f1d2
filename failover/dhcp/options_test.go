package dhcp

import (
	"bytes"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/failover/lease"
)

// codes lists the options of a reply in their order.
func codes(payload []byte) []byte {
	var list []byte
	for o := payload[headerSize:]; len(o) > 0 && o[0] != optEnd; o = o[2+int(o[1]):] {
		list = append(list, o[0])
	}
	return list
}

func TestOptionOrder(t *testing.T) {
	conf := office + `option ntp-servers 10.0.0.3; option host-name "h"; option rfc3442 code 121 = string; option rfc3442 00;
		option default-url "u"; option v6-only-preferred 1800; option domain-search "a.example"; option tftp-server-address 10.0.0.9;`
	for name, test := range map[string]struct{ prl, want []byte }{
		"as asked":            {[]byte{15, 121, 1, 3, 42}, []byte{53, 54, 51, 15, 121, 1, 3, 42}},
		"mask before routers": {[]byte{3, 6, 1}, []byte{53, 54, 51, 1, 6, 3}},
		"mask unasked":        {[]byte{15}, []byte{53, 54, 51, 15, 1}},
		"own ones ignored":    {[]byte{51, 53, 82, 255, 0, 52, 61, 1}, []byte{53, 54, 51, 1}},
		"twice":               {[]byte{6, 6, 1, 1}, []byte{53, 54, 51, 6, 1}},
		"newer ones":          {[]byte{108, 114, 119, 150, 99, 1}, []byte{53, 54, 51, 108, 114, 119, 150, 1}},
		"no list":             {nil, []byte{53, 54, 51, 1, 3, 6, 12, 15, 42, 108, 114, 119, 121, 150}},
	} {
		g := newRig(t, conf)
		m := g.from(1, msgDiscover)
		if test.prl != nil {
			m.opt(optRequestList, test.prl...)
		}
		res := m.send()
		res.reply(msgOffer)
		if got := codes(res.replies[0].Payload); !bytes.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestConfiguredRequestList(t *testing.T) {
	g := newRig(t, office+"option dhcp-parameter-request-list 6, 1;")
	res := g.from(1, msgDiscover).opt(optRequestList, 1, 3, 15).send()
	if got := codes(res.replies[0].Payload); !bytes.Equal(got, []byte{53, 54, 51, 6, 1}) {
		t.Errorf("%v", got)
	}
}

func TestAgentOptionLast(t *testing.T) {
	g := newRig(t, office)
	res := g.from(1, msgDiscover).relay("10.0.0.7").opt(optRequestList, 82, 1, 3).text(optAgent, "\x01\x03abc").send()
	if got := codes(res.replies[0].Payload); !bytes.Equal(got, []byte{53, 54, 51, 1, 3, 82}) {
		t.Errorf("%v", got)
	}
	// A long one goes back whole, at the cost of others.
	long := bytes.Repeat([]byte{1, 3, 'a', 'b', 'c'}, 60)
	res = g.from(2, msgDiscover).relay("10.0.0.7").opt(optRequestList, 15, 1, 3).opt(optAgent, long...).send()
	if m := res.reply(msgOffer); !bytes.Equal(m.Options[optAgent], long) {
		t.Errorf("%d of %d octets", len(m.Options[optAgent]), len(long))
	}
}

// TestOverload wants file and sname used when the options do not fit, the rest
// dropped and counted, and nothing overloaded that is in use.
func TestOverload(t *testing.T) {
	text := func(n int) string { return strings.Repeat("x", n) }
	conf := office + `option root-path "` + text(150) + `"; option extensions-path "` + text(120) + `"; option nis-domain "` + text(50) +
		`"; option merit-dump "` + text(100) + `";`
	ask := func(g *rig) *result {
		return g.from(1, msgDiscover).opt(optRequestList, 17, 18, 40, 14).send()
	}
	g := newRig(t, conf)
	res := ask(g)
	raw := res.replies[0].Payload
	m, err := Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	for code, n := range map[byte]int{17: 150, 18: 120, 40: 50} {
		if len(m.Options[code]) != n {
			t.Errorf("option %d has %d octets", code, len(m.Options[code]))
		}
	}
	if len(raw) > 548 || len(m.Options[14]) != 0 && g.r.count[cOptionsDropped] != 0 {
		t.Errorf("%d octets, %d dropped", len(raw), g.r.count[cOptionsDropped])
	}
	g = newRig(t, conf+`filename "f"; server-name "s";`)
	res = ask(g)
	if m := res.reply(msgOffer); m.BootFileName != "f" || m.ServerHostName != "s" || m.Options.Has(dhcpv4.OptionOptionOverload) || g.r.count[cOptionsDropped] == 0 {
		t.Errorf("reply %v, %d dropped", m, g.r.count[cOptionsDropped])
	}
	big := g.from(1, msgDiscover).opt(optRequestList, 17, 18, 40, 14).opt(optMaxSize, 5, 220).send()
	if m := big.reply(msgOffer); len(m.Options[14]) != 100 {
		t.Error("the client's maximum size is not used")
	}
	small := g.from(1, msgDiscover).opt(optRequestList, 17, 18, 40, 14).opt(optMaxSize, 1, 0).send()
	if n := len(small.replies[0].Payload); n > 548 || n < 500 {
		t.Errorf("a maximum below the minimum gives %d octets", n)
	}
}

func TestLongOption(t *testing.T) {
	b := appendOption(nil, 17, bytes.Repeat([]byte{'a'}, 300))
	if len(b) != 304 || b[1] != 255 || b[257] != 17 || b[258] != 45 || unitSize(append(b, 17, 1, 'x')) != 304+0 {
		t.Errorf("%d octets, unit of %d", len(b), unitSize(append(b, 17, 1, 'x')))
	}
}

func TestHostNames(t *testing.T) {
	g := newRig(t, `use-host-decl-names on; host named { hardware ethernet 02:00:00:00:00:01; }
		host both { hardware ethernet 02:00:00:00:00:02; option host-name "given"; }`+office)
	for n, want := range map[byte]string{1: "named", 2: "given", 3: ""} {
		if got := g.from(n, msgDiscover).opt(optRequestList, 12).send().reply(msgOffer).HostName(); got != want {
			t.Errorf("client %d: %q", n, got)
		}
	}
}

func TestLeaseAddressAsRouter(t *testing.T) {
	g := newRig(t, "use-lease-addr-for-default-route on;"+office)
	for n := byte(1); n < 4; n++ {
		offer := g.from(n, msgDiscover).opt(optRequestList, 3).send().reply(msgOffer)
		if got := offer.Router()[0]; !got.Equal(offer.YourIPAddr) {
			t.Errorf("router %v for %v", got, offer.YourIPAddr)
		}
	}
}

// TestFQDN wants the client told that nobody updates the DNS for it
// (RFC 4702 section 4), or what the statements say.
func TestFQDN(t *testing.T) {
	ask := []byte{fqdnS | fqdnE, 0, 0, 2, 'p', 'c', 0}
	for conf, want := range map[string]string{
		"":                                      "",
		"allow client-updates;":                 "\x0e\xff\xff\x02pc\x00",
		"allow client-updates; fqdn-reply off;": "",
	} {
		g := newRig(t, conf+office)
		if got := g.from(1, msgDiscover).opt(optFQDN, ask...).send().reply(msgOffer).Options[optFQDN]; string(got) != want {
			t.Errorf("%q: %x", conf, got)
		}
	}
}

func TestFQDNText(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "\x00\x00": "", "\x00\x00\x00pc.example.": "pc.example", "\x04\x00\x00\x02pc\x07example\x00": "pc.example",
		"\x04\x00\x00\x40x": "", "\x04\x00\x00\x05ab": "", "\x04\x00\x00\x02pc": "pc",
	} {
		if got := string(fqdnText([]byte(in))); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestEnv wants expressions to see the packet.
func TestEnv(t *testing.T) {
	g := newRig(t, `option space v; option v.one code 1 = text;`+office+`
		if option fqdn.hostname = "pc" and option fqdn.domainname = "example" { option root-path "fqdn"; }
		elsif option agent.remote-id = "r" { option root-path "agent"; }
		elsif packet(28, 6) = 02:00:00:00:00:03 { option root-path "chaddr"; }
		elsif known { option root-path = concat("known ", host-decl-name); }
		elsif hardware = 1:2:0:0:0:0:5 and binary-to-ascii(10, 8, ".", leased-address) = "10.0.0.105" { option root-path "leased"; }
		elsif exists dhcp-client-identifier { option root-path "uid"; }
		host k { hardware ethernet 02:00:00:00:00:04; }`)
	// In order: client 5 must find its address free.
	for n, m := range []*msg{
		1: g.from(1, msgDiscover).text(optFQDN, "\x00\x00\x00pc.example"),
		2: g.from(2, msgDiscover).relay("10.0.0.7").text(optAgent, "\x02\x01r"),
		3: g.from(3, msgDiscover),
		4: g.from(4, msgDiscover),
		5: g.from(5, msgDiscover).wants("10.0.0.105"),
		6: g.from(6, msgDiscover).uid("x"),
		7: g.from(7, msgDiscover),
	} {
		if m == nil {
			continue
		}
		want := []string{"", "fqdn", "agent", "chaddr", "known k", "leased", "uid", ""}[n]
		if got := m.opt(optRequestList, 17).send().reply(msgOffer).RootPath(); got != want {
			t.Errorf("client %d: %q, want %q", n, got, want)
		}
	}
}

// TestProfilesShared wants one profile for all clients of a kind, and another
// for each kind; statements that look at the request are evaluated each time.
func TestProfilesShared(t *testing.T) {
	g := newRig(t, `class "a" { match if option vendor-class-identifier = "A"; option domain-name "a"; }`+office)
	for n := byte(1); n < 9; n++ {
		m := g.from(n, msgDiscover).opt(optRequestList, 15)
		want := "example.org"
		if n%2 == 0 {
			m.text(optVendorClass, "A")
			want = "a"
		}
		if got := m.send().reply(msgOffer).DomainName(); got != want {
			t.Errorf("client %d: %q", n, got)
		}
	}
	if n := len(g.r.profiles); n != 3 {
		t.Errorf("%d profiles", n)
	}
}

func TestNULTerminated(t *testing.T) {
	g := newRig(t, office)
	plain := g.from(1, msgDiscover).opt(optRequestList, 15).text(optHostName, "w").send().reply(msgOffer)
	with := g.from(1, msgDiscover).opt(optRequestList, 15).text(optHostName, "w\x00").send().reply(msgOffer)
	if string(plain.Options[15]) != "example.org" || string(with.Options[15]) != "example.org\x00" {
		t.Errorf("%q, %q", plain.Options[15], with.Options[15])
	}
}

func TestOut(t *testing.T) {
	var o Out
	var kept [][]byte
	for i := range 200 {
		b := append(o.room(maxOctets), bytes.Repeat([]byte{byte(i)}, 700)...)
		kept = append(kept, o.keep(b))
	}
	for i, b := range kept {
		if len(b) != 700 || b[0] != byte(i) || b[699] != byte(i) {
			t.Fatalf("payload %d was overwritten", i)
		}
	}
	grown := o.keep(append(o.room(10), make([]byte, 100)...))
	next := o.keep(append(o.room(10), 1))
	if grown[0] != 0 || next[0] != 1 {
		t.Error("a payload that outgrew its room is not by itself")
	}
	if o.keep(o.room(5)) == nil || len(o.keep(nil)) != 0 {
		t.Error("empty payloads")
	}
	o.Lowest = LevelWarning
	o.line(LevelInfo, "", []byte("x"))
	o.line(LevelError, "", []byte("y"))
	if len(o.Lines) != 1 {
		t.Errorf("%d lines", len(o.Lines))
	}
	o.Changed = append(o.Changed, &lease.Lease{})
	o.Reset()
	if len(o.Changed)+len(o.Lines)+len(o.Replies)+len(o.Probes) != 0 {
		t.Error("not empty after Reset")
	}
}
