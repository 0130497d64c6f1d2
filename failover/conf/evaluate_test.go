package conf

import (
	"fmt"
	"strings"
	"testing"

	"tandem/failover/lease"
)

func TestParameterDefaults(t *testing.T) {
	s := load(t, "").Evaluate(nil)
	for p, want := range map[Param]uint32{
		DefaultLeaseTime: 43200, MaxLeaseTime: 86400, MinLeaseTime: 300, AbandonLeaseTime: 86400, DHCPCacheThreshold: 25,
		PingTimeout: 1, PingClttSecs: 60, MinSecs: 0, AdaptiveLeaseTimeThreshold: 0, DDNSTTL: 3600, LocalPort: 67,
	} {
		if got := s.Uint(p); got != want || s.Has(p) {
			t.Errorf("%s is %d, want %d", p, got, want)
		}
	}
	for p, want := range map[Param]FlagValue{
		Booting: Allow, BOOTP: Allow, UnknownClients: Allow, Declines: Allow, Duplicates: Allow, ClientUpdates: Allow, DynamicBOOTP: Allow,
		LeaseQuery: Deny, PingCheck: Allow, StashAgentOptions: Allow, OneLeasePerClient: Deny, AlwaysBroadcast: Deny, EchoClientID: Deny,
	} {
		if got := s.Flag(p); got != want || s.Bool(p) != (want == Allow) {
			t.Errorf("%s is %s, want %s", p, got, want)
		}
	}
	if _, ok := s.Addr(NextServer); ok || s.Text(Filename) != "" {
		t.Error("an address or text that nothing sets")
	}
}

func TestParameters(t *testing.T) {
	s := load(t, `default-lease-time infinite; max-lease-time 0x10; min-secs 7; omapi-port 7911; next-server 10.0.0.1; filename "f";
deny unknown-clients; ignore client-updates; allow leasequery; ping-check off; boot-unknown-clients on; min-lease-time = 01:02;`).Evaluate(nil)
	if s.Uint(DefaultLeaseTime) != 43200 || s.Has(DefaultLeaseTime) {
		t.Error("Evaluate without scopes executes something")
	}
	c := load(t, `default-lease-time infinite; max-lease-time 0x10; min-secs 7; omapi-port 7911; next-server 10.0.0.1; filename "f";
deny unknown-clients; ignore client-updates; allow leasequery; ping-check off; min-lease-time = 01:02; option server.server-name "n";`)
	s = c.Evaluate(nil, c.Global)
	if s.Seconds(DefaultLeaseTime) != lease.Infinite || s.Uint(MaxLeaseTime) != 16 || s.Uint(MinSecs) != 7 || s.Uint(OMAPIPort) != 7911 {
		t.Error("numbers")
	}
	if a, ok := s.Addr(NextServer); !ok || a != ip("10.0.0.1") || s.Text(Filename) != "f" || s.Text(ServerName) != "n" {
		t.Error("address or text")
	}
	if s.Flag(UnknownClients) != Deny || s.Bool(BootUnknownClients) || s.Flag(ClientUpdates) != Ignore || s.Bool(ClientUpdates) || !s.Bool(LeaseQuery) || s.Bool(PingCheck) {
		t.Error("flags")
	}
	if s.Seconds(MinLeaseTime) != 300 {
		t.Error("a value of a wrong length is not ignored")
	}
}

func TestScopesOnceInOrder(t *testing.T) {
	c := load(t, `option domain-name "g"; append domain-name ".";
shared-network n { append domain-name "n"; subnet 10.1.0.0 netmask 255.255.255.0 { append domain-name "s"; } pool { append domain-name "p"; range 10.1.0.5; } }
group { append domain-name "r"; host h { hardware ethernet 0:1:2:3:4:5; append domain-name "h"; } }`)
	s, p, h := c.Subnets[0].Scope, c.Pools[0].Scope, c.Hosts[0].Scope
	for _, x := range []struct {
		scopes []*Scope
		want   string
	}{
		{[]*Scope{s, p, h}, "g.nsprh"}, {[]*Scope{p, s}, "g.nps"}, {[]*Scope{h, s, h, p, s}, "g.rhnsp"}, {[]*Scope{nil, c.Global, nil}, "g."}, {nil, ""},
	} {
		if v, _ := c.Evaluate(nil, x.scopes...).DHCP(15); string(v) != x.want {
			t.Errorf("got %q, want %q", v, x.want)
		}
	}
}

func TestStatic(t *testing.T) {
	for src, want := range map[string]bool{
		`option domain-name "x"; max-lease-time 5;`:                              true,
		`option domain-name = concat ("x", lcase ("Y"));`:                        true,
		`option domain-name = config-option host-name;`:                          true,
		`if "a" = "b" { option domain-name "x"; }`:                               true,
		`option domain-name = option host-name;`:                                 false,
		`if known { option domain-name "x"; }`:                                   false,
		`if static { }`:                                                          false,
		`if exists host-name { }`:                                                false,
		`option domain-name = binary-to-ascii (10, 8, ".", leased-address);`:     false,
		`option domain-name = binary-to-ascii (16, 8, ":", hardware);`:           false,
		`option domain-name = encode-int (lease-time, 32);`:                      false,
		`option domain-name = packet (0, 1);`:                                    false,
		`set x-y = "a";`:                                                         false,
		`log (info, "x");`:                                                       false,
		`switch ("a") { case "a": option domain-name "x"; break; }`:              true,
		`switch ("a") { case "a": option domain-name = host-decl-name; break; }`: false,
		`parse-vendor-option;`:                                                   false,
	} {
		c := load(t, src+` subnet 10.1.0.0 netmask 255.255.255.0 { range 10.1.0.5; }`)
		if c.Global.Static != want || c.Subnets[0].Scope.Static != want || c.Pools[0].Scope.Static != want {
			t.Errorf("%s: static is %v", src, c.Global.Static)
		}
		if want && c.Evaluate(nil, c.Global) == nil {
			t.Error("no settings")
		}
	}
	c := load(t, `subnet 10.1.0.0 netmask 255.255.255.0 { if known { } pool { range 10.1.0.5; } }`)
	if !c.Global.Static || c.Subnets[0].Scope.Static || c.Pools[0].Scope.Static {
		t.Error("an inner scope makes the outer one dynamic, or does not reach further in")
	}
}

// TestNoRequest evaluates every expression without a request: nothing may
// fail, and what asks about a request is undefined.
func TestNoRequest(t *testing.T) {
	for _, e := range []string{"option host-name", "hardware", "leased-address", "filename", "server-name", "host-decl-name", "packet (0, 4)",
		"encode-int (lease-time, 32)", "option agent.circuit-id", "variable-x"} {
		c := load(t, "option domain-name = "+e+"; if known or static or exists host-name { option root-path \"x\"; }")
		s := c.Evaluate(nil, c.Global)
		if v, ok := s.DHCP(15); ok {
			t.Errorf("%s is %q", e, v)
		}
		if _, ok := s.DHCP(17); ok {
			t.Errorf("a condition holds without a request")
		}
	}
}

type variables struct {
	request
	values map[string]string
}

func (v *variables) Variable(name string) (string, bool) { s, ok := v.values[name]; return s, ok }

func TestVariables(t *testing.T) {
	c := load(t, `option domain-name = concat (old-one, "-", pick (gone-one, "none"));
set new-one = concat (old-one, "+"); set flag-one = exists host-name; set count-one = extract-int (01:02, 16); unset gone-one;
define fun (arg) { set in-fun = arg; return arg; } set from-fun = fun ("v");`)
	env := &variables{values: map[string]string{"old-one": "old", "gone-one": "here"}}
	s := c.Evaluate(env, c.Global)
	if v, _ := s.DHCP(15); string(v) != "old-none" {
		t.Errorf("%q", v)
	}
	var got []string
	for _, v := range s.Vars() {
		got = append(got, v.Name+"="+v.Value)
	}
	if want := "count-one=%258 flag-one=false from-fun=v gone-one= new-one=old+"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", strings.Join(got, " "), want)
	}
}

func TestLogs(t *testing.T) {
	c := load(t, `log (info, concat ("a", "b")); log ("c"); log (error, option host-name);`)
	if got := fmt.Sprint(c.Evaluate(nil, c.Global).Logs()); got != "[{info ab} {debug c}]" {
		t.Error(got)
	}
}

// TestRunaway runs functions and options that would never end.
func TestRunaway(t *testing.T) {
	for _, src := range []string{
		`define recur (arg) { return recur (concat (arg, arg)); } option domain-name = recur ("x");`,
		`define one-fun (arg) { if one-fun (arg) = "x" { return "y"; } return two-fun (arg); } define two-fun (arg) { eval one-fun (arg); eval one-fun (arg); return two-fun (arg); } option domain-name = one-fun ("x");`,
		`option domain-name = config-option domain-name;`,
		`option domain-name = config-option root-path; option root-path = config-option domain-name;`,
		`option domain-name = concat (config-option root-path, config-option root-path); option root-path = concat (config-option host-name, config-option host-name); option host-name = concat (config-option domain-name, "x");`,
	} {
		c := load(t, src)
		if v, ok := c.Evaluate(&request{}, c.Global).DHCP(15); ok {
			t.Errorf("%s gives %q", src, v)
		}
	}
}

// TestDoubling makes 60 options of which each one asks twice for the next one.
func TestDoubling(t *testing.T) {
	var src strings.Builder
	for i := range 60 {
		fmt.Fprintf(&src, "option x%dy code %d = text; ", i, 100+i)
	}
	for i := range 59 {
		fmt.Fprintf(&src, "option x%dy = concat (config-option x%dy, config-option x%dy);\n", i, i+1, i+1)
	}
	src.WriteString("option x59y \"x\";")
	c := load(t, src.String())
	s := c.Evaluate(nil, c.Global)
	if v, ok := s.DHCP(150); !ok || len(v) != 512 {
		t.Errorf("%d octets", len(v))
	}
	if v, ok := s.DHCP(100); ok {
		t.Errorf("2^59 octets: %d", len(v))
	}
	c = load(t, src.String()+"if config-option x0y = \"y\" { option domain-name \"z\"; } else { option domain-name \"else\"; }")
	if v, _ := c.Evaluate(nil, c.Global).DHCP(15); string(v) == "z" {
		t.Error("the condition holds")
	}
}

func TestAppendIsBounded(t *testing.T) {
	var src strings.Builder
	for range 3000 {
		src.WriteString("append domain-name-servers 10.0.0.1; prepend domain-search \"a.example\"; append host-name = concat (\"x\", \"y\");\n")
	}
	c := load(t, src.String())
	s := c.Evaluate(nil, c.Global)
	if v, ok := s.DHCP(6); !ok || len(v) != 4*(maxAppended+1) {
		t.Errorf("%d octets", len(v))
	}
	if v, ok := s.DHCP(12); !ok || len(v) != 2*(maxAppended+1) {
		t.Errorf("%d octets", len(v))
	}
}

func TestClasses(t *testing.T) {
	c := load(t, `class "first" { match if exists host-name; }
class "spawning" { spawn with option host-name; lease limit 4; option root-path "spawned"; }
class "subs" { match option host-name; option root-path "super"; lease limit 2; }
subclass "subs" "Client-1" { option domain-name "sub"; }
subclass "subs" "Client-2";
class "none" { }`)
	r := newRequest(c)
	got := c.ClassesOf(r)
	if len(got) != 3 || got[0].Super != c.Classes[2] || got[1].Super != c.Classes[1] || got[2] != c.Classes[0] {
		t.Fatalf("%v", got)
	}
	if k := got[0]; k.Value != "Client-1" || k.LeaseLimit != 2 || k.Scope.Kind != "subclass" || k.Scope.Parent != c.Classes[2].Scope {
		t.Errorf("%+v", k)
	}
	if k := got[1]; !k.Spawning || k.Value != "Client-1" || k.LeaseLimit != 4 || k.Scope != c.Classes[1].Scope {
		t.Errorf("%+v", k)
	}
	r.options[OptionKey{"dhcp", 12}] = "Client-2"
	if k := c.ClassesOf(r)[0]; k.Scope != c.Classes[2].Scope || k.Value != "Client-2" {
		t.Errorf("a subclass without a block: %+v", k)
	}
	delete(r.options, OptionKey{"dhcp", 12})
	if got := c.ClassesOf(r); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func TestEachInOrder(t *testing.T) {
	c := load(t, `option host-name "h"; option routers 10.0.0.1; option unknown-254 01; option root-path ""; option space sp; option sp.b code 2 = text; option sp.a code 1 = text; option sp.b "B"; option sp.a "A";`)
	s := c.Evaluate(nil, c.Global)
	each := func(space string) (out string) {
		s.Each(space, func(code uint32, v []byte) { out += fmt.Sprintf("%d=%x ", code, v) })
		return out
	}
	if got := each("dhcp"); got != "3=0a000001 12=68 254=01 " {
		t.Error(got)
	}
	if got := each("sp"); got != "1=41 2=42 " {
		t.Error(got)
	}
	if got := each("nothing"); got != "" {
		t.Error(got)
	}
	if v, ok := s.Option(OptionKey{"sp", 1}); !ok || string(v) != "A" {
		t.Error("Option")
	}
	if _, ok := s.DHCP(17); ok {
		t.Error("an empty option counts as set")
	}
}
