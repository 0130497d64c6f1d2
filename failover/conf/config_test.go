package conf

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"tandem/failover/lease"
)

// load compiles src and demands that it has no error.
func load(t testing.TB, src string) *Config {
	t.Helper()
	c, list := Load("t.conf", readerOf("t.conf", src, "testdata/include"))
	if c == nil {
		t.Fatalf("%s\n%v", src, list)
	}
	return c
}

func ip(s string) lease.IP { return lease.MustIP(s) }

func TestImplicitNetwork(t *testing.T) {
	c := load(t, `subnet 10.1.0.0 netmask 255.255.255.0 { interface eth1; authoritative; range 10.1.0.5; range 10.1.0.9; range dynamic-bootp 10.1.0.7; }`)
	n, s := c.Networks[0], c.Subnets[0]
	if !n.Implicit || n.Name != "10.1.0.0/24" || n.Scope != s.Scope || s.Network != n || !n.Authoritative || !s.Authoritative || n.Interface != "eth1" {
		t.Errorf("network %+v, subnet %+v", n, s)
	}
	if len(c.Pools) != 2 || c.Pools[0].Deny[0].Kind != PermitDynamicBOOTP || c.Pools[1].Allow[0].Kind != PermitAll {
		t.Fatalf("pools %+v", c.Pools)
	}
	if r := c.Pools[0].Ranges; len(r) != 2 || r[0].Low != ip("10.1.0.5") || r[1].Low != ip("10.1.0.9") || r[0].Subnet != s {
		t.Errorf("ranges %+v", r)
	}
	if !c.Pools[1].Ranges[0].DynamicBOOTP || c.Pools[1].Scope.Parent != n.Scope {
		t.Errorf("pool %+v", c.Pools[1])
	}
}

func TestAuthoritativeCoversWhatFollows(t *testing.T) {
	c := load(t, `subnet 10.1.0.0 netmask 255.255.255.0 { }
authoritative;
subnet 10.2.0.0 netmask 255.255.255.0 { }
subnet 10.3.0.0 netmask 255.255.255.0 { not authoritative; }
shared-network s { not authoritative; subnet 10.4.0.0 netmask 255.255.255.0 { } authoritative; subnet 10.5.0.0 netmask 255.255.255.0 { } }
group { not authoritative; subnet 10.6.0.0 netmask 255.255.255.0 { } }`)
	var got []string
	for _, s := range c.Subnets {
		got = append(got, fmt.Sprintf("%s=%v/%v", s.Net, s.Authoritative, s.Network.Authoritative))
	}
	want := "10.1.0.0=false/false 10.2.0.0=true/true 10.3.0.0=false/false 10.4.0.0=false/true 10.5.0.0=true/true 10.6.0.0=false/false"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

func TestPoolsMerge(t *testing.T) {
	c := load(t, `class "c" { match if known; }
shared-network s {
  subnet 10.1.0.0 netmask 255.255.255.0 {
    pool { allow members of "c"; deny unknown clients; range 10.1.0.5; }
    pool { deny unknown-clients; allow members of "c"; range 10.1.0.1 10.1.0.4; }
    pool { deny unknown-clients; allow members of "c"; range 10.1.0.6; option domain-name "x"; }
    pool { allow after epoch 5; range 10.1.0.7; }
    pool { allow after epoch 6; range 10.1.0.8; }
  }
}
subnet 10.2.0.0 netmask 255.255.255.0 { pool { allow members of "c"; deny unknown clients; range 10.2.0.5; } }`)
	if len(c.Pools) != 5 {
		t.Fatalf("%d pools", len(c.Pools))
	}
	for i, p := range c.Pools {
		if p.ID != i {
			t.Errorf("pool %d has the id %d", i, p.ID)
		}
	}
	if r := c.Pools[0].Ranges; len(r) != 2 || r[0].Low != ip("10.1.0.1") {
		t.Errorf("ranges %v", r)
	}
}

func TestHosts(t *testing.T) {
	c := load(t, `group "g" { option domain-name "g"; }
host a { hardware ethernet 0:1:2:3:4:5; fixed-address 10.1.0.5, 10.2.0.5; }
host b { hardware ethernet 0:1:2:3:4:5; uid "id"; group "g"; }
host c { option dhcp-client-identifier 1:2; host-identifier option agent.circuit-id "port"; }
host d { hardware token-ring 1:2:3; }
host gone { hardware ethernet 0:1:2:3:4:6; }
host gone { deleted; }
host gone { hardware ethernet 0:1:2:3:4:7; }`)
	if l := c.HostsByHW("\x01\x00\x01\x02\x03\x04\x05"); len(l) != 2 || l[0].Name != "a" || l[1].Name != "b" {
		t.Errorf("by hardware: %v", l)
	}
	if l := c.HostsByUID("id"); len(l) != 1 || l[0].Scope.Parent.Kind != "group" || l[0].Scope.Parent.Name != "g" {
		t.Errorf("by uid: %v", l)
	}
	if l := c.HostsByUID("\x01\x02"); len(l) != 1 || l[0].Name != "c" {
		t.Errorf("by client identifier: %v", l)
	}
	if l := c.HostsByHW("\x06\x01\x02\x03"); len(l) != 1 || l[0].Name != "d" {
		t.Errorf("token ring: %v", l)
	}
	if l := c.HostsByHW("\x01\x00\x01\x02\x03\x04\x06"); len(l) != 0 {
		t.Errorf("deleted: %v", l)
	}
	if l := c.HostsByHW("\x01\x00\x01\x02\x03\x04\x07"); len(l) != 1 {
		t.Errorf("declared again: %v", l)
	}
	r := &request{options: map[OptionKey]string{{"agent", 1}: "port"}}
	if l := c.HostsByIdentifier(r); len(l) != 1 || l[0].Name != "c" {
		t.Errorf("by identifier: %v", l)
	}
	r.options[OptionKey{"agent", 1}] = "other"
	if l := c.HostsByIdentifier(r); len(l) != 0 {
		t.Errorf("by another identifier: %v", l)
	}
}

func TestHostInsideANetworkWarnsOnce(t *testing.T) {
	_, list := Load("t", readerOf("t", "subnet 10.1.0.0 netmask 255.255.255.0 { host a { uid \"a\"; } host b { uid \"b\"; } group { host c { uid \"c\"; } } }", ""))
	if len(list) != 1 || list[0].Severity != Warning || list[0].Pos.Col != 41 {
		t.Errorf("%v", list)
	}
}

func TestPeer(t *testing.T) {
	c := load(t, `failover peer "p" { primary; address 10.1.0.2; peer address 10.1.0.3; peer port 519; mclt 600; split 9; load balance max seconds 3; }
failover peer "s" { secondary; address a.example; port 520; peer address 10.1.0.3; max-response-delay 60; max-unacked-updates 10; load balance max seconds 3; auto-partner-down 30; peer max-response-delay 9; }
shared-network n { failover peer "s"; subnet 10.1.0.0 netmask 255.255.255.0 {
  pool { range 10.1.0.5; deny unknown-clients; } pool { failover peer "p"; range 10.1.0.6; } pool { no failover peer; range 10.1.0.7; } range 10.1.0.8; } }`)
	p, s := c.Peer("p"), c.Peer("s")
	if p == nil || s == nil || c.Peer("P") != nil {
		t.Fatal(p, s)
	}
	if p.Secondary || p.Port != 647 || p.PeerPort != 519 || p.MCLT != 600 || p.HBA != [32]byte{0xff, 1} || p.MaxResponseDelay != 20 ||
		p.MaxUnackedUpdates != 100 || p.MaxLeaseMisbalance != 15 || p.MaxLeaseOwnership != 10 || p.MinBalance != 60 || p.MaxBalance != 3600 {
		t.Errorf("%+v", p)
	}
	if !s.Secondary || s.Address != "a.example" || s.Port != 520 || s.PeerPort != 647 || s.MaxResponseDelay != 60 || s.AutoPartnerDown != 30 || s.MaxUnackedUpdates != 10 {
		t.Errorf("%+v", s)
	}
	for i, want := range []*Peer{s, p, nil, nil} {
		if c.Pools[i].Peer != want {
			t.Errorf("pool %d has the peer %v", i, c.Pools[i].Peer)
		}
	}
}

func TestKeys(t *testing.T) {
	c := load(t, `key "Quoted.Key" { algorithm HMAC-SHA256.SIG-ALG.REG.INT; secret "c2VjcmV0"; }
key b { secret c2Vj cmV0; algorithm hmac-md5; };
key B { secret eA==; algorithm hmac-sha1; };
zone example { primary 127.0.0.1; key b; }`)
	if k := c.Key("quoted.key"); k == nil || k.Algorithm != "hmac-sha256" || string(k.Secret) != "secret" {
		t.Errorf("%+v", k)
	}
	if k := c.Key("b"); k == nil || k.Algorithm != "hmac-sha1" || string(k.Secret) != "x" || len(c.Keys) != 2 {
		t.Errorf("%+v", k)
	}
	if z := c.Zones[0]; z.Name != "example." || z.Primary != "127.0.0.1" || z.Key != c.Key("b") {
		t.Errorf("%+v", z)
	}
}

func TestOptionNames(t *testing.T) {
	c := load(t, `option foo code 224 = text; option bar code 224 = text; option space sp; option sp.x code 5 = text;`)
	for name, k := range map[string]OptionKey{
		"routers": {"dhcp", 3}, "bar": {"dhcp", 224}, "agent.circuit-id": {"agent", 1}, "sp.x": {"sp", 5}, "server.filename": {"server", 15},
	} {
		if got, ok := c.OptionByName(strings.ToUpper(name)); !ok || got != k {
			t.Errorf("%s is %v", name, got)
		}
		if got := c.OptionName(k); got != name {
			t.Errorf("%v is %s", k, got)
		}
	}
	if k, ok := c.OptionByName("foo"); !ok || k.Code != 224 {
		t.Error("the old name of a code is gone")
	}
	if got := c.OptionName(OptionKey{"dhcp", 250}); got != "unknown-250" {
		t.Error(got)
	}
	if got := c.OptionName(OptionKey{"sp", 7}); got != "sp.unknown-7" {
		t.Error(got)
	}
	for _, name := range []string{"nothing", "no.thing", ""} {
		if k, ok := c.OptionByName(name); ok {
			t.Errorf("%q is %v", name, k)
		}
	}
}

// TestSubnetOf compares the index with a look at every subnet.
func TestSubnetOf(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var src strings.Builder
		for range 1 + rng.IntN(30) {
			length := 20 + rng.IntN(13)
			mask := lease.IP(uint64(0xffffffff) << (32 - length))
			net := lease.IP(0x0a000000|rng.Uint32N(0x4000)) & mask
			if rng.IntN(8) == 0 {
				mask &^= 0xff00
				net &= mask
			}
			fmt.Fprintf(&src, "subnet %s netmask %s { }\n", net, mask)
		}
		c := load(t, src.String())
		for range 500 {
			a := lease.IP(0x0a000000 - 0x100 + rng.Uint32N(0x4200))
			var want *Subnet
			for _, s := range c.Subnets {
				if s.Contains(a) && (want == nil || narrower(s, want)) {
					want = s
				}
			}
			got := c.SubnetOf(a)
			if (got == nil) != (want == nil) || got != nil && (!got.Contains(a) || narrower(got, want) || narrower(want, got)) {
				t.Fatalf("%sSubnetOf(%s) = %v, want %v", src.String(), a, got, want)
			}
		}
	}
}

func TestSubnetOfEnds(t *testing.T) {
	c := load(t, "subnet 0.0.0.0 netmask 0.0.0.0 { } subnet 255.255.255.0 netmask 255.255.255.0 { } subnet 0.0.0.0 netmask 255.0.0.0 { }")
	for a, want := range map[string]int{"0.0.0.0": 2, "0.255.255.255": 2, "1.0.0.0": 0, "255.255.255.255": 1, "255.255.254.255": 0} {
		if got := c.SubnetOf(ip(a)); got != c.Subnets[want] {
			t.Errorf("%s is in %v", a, got)
		}
	}
}

func TestPoolOf(t *testing.T) {
	c := load(t, `subnet 10.1.0.0 netmask 255.255.255.0 { pool { range 10.1.0.10 10.1.0.20; range 10.1.0.40; deny unknown-clients; } pool { range 10.1.0.30; } }`)
	for a, want := range map[string]int{"10.1.0.9": -1, "10.1.0.10": 0, "10.1.0.20": 0, "10.1.0.21": -1, "10.1.0.30": 1, "10.1.0.40": 0, "10.1.0.41": -1} {
		got := -1
		if p := c.PoolOf(ip(a)); p != nil {
			got = p.ID
		}
		if got != want {
			t.Errorf("%s is in pool %d, want %d", a, got, want)
		}
	}
}

func TestDates(t *testing.T) {
	for text, want := range map[string]lease.Time{
		"4 2030/01/03 00:00:00": 1893628800, "1 2024/03/01 00:00:00": 1709251200, "1 2024/02/29 12:00:01": 1709208001,
		"4 2030/01/03 00:00:00 3600": 1893632400, "4 2030/01/03 00:00:00 -3600": 1893625200, "never": lease.Never,
		"4 2038/01/03 00:00:00": lease.Never, "epoch 5": 5, "4 1970/01/01 00:00:00": 0, "4 1969/12/31 00:00:00": 0,
	} {
		c := load(t, "subnet 10.1.0.0 netmask 255.255.255.0 { pool { range 10.1.0.5; deny after "+text+"; } }")
		if p := c.Pools[0].Deny[0]; p.Kind != PermitAfter || p.After != want {
			t.Errorf("%s is %d, want %d", text, p.After, want)
		}
	}
}

func TestIncludeStandsInItsScope(t *testing.T) {
	c := load(t, `subnet 10.1.0.0 netmask 255.255.255.0 { include "opt.inc"; include "range.inc"; }`)
	if v, ok := c.Evaluate(nil, c.Subnets[0].Scope).DHCP(15); !ok || string(v) != "inc" || c.PoolOf(ip("10.1.0.5")) == nil {
		t.Errorf("%q", v)
	}
}
