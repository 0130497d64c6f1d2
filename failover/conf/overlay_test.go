package conf

import (
	"slices"
	"strings"
	"testing"

	"tandem/failover/lease"
)

const overlayBase = `option site-text code 200 = text;
subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.100 10.0.0.110; }
group "desk" { filename "desk"; host a { hardware ethernet 02:00:00:00:00:01; fixed-address 10.0.0.5; } }
host b { hardware ethernet 02:00:00:00:00:02; filename "b"; }
`

func names(c *Config) (list []string) {
	for _, h := range c.Hosts {
		list = append(list, h.Name)
	}
	return list
}

// filename is what the statements for a host say.
func filename(c *Config, name string) string {
	h := c.Host(name)
	if h == nil {
		return "no such host"
	}
	return c.Evaluate(nil, h.Scope).Text(Filename)
}

func mustPut(t *testing.T, o *Overlay, d Declaration) {
	t.Helper()
	for _, m := range o.Put(d) {
		if m.Severity == Error {
			t.Errorf("%s %s: %v", d.Kind, d.Name, m)
		}
	}
}

func TestOverlay(t *testing.T) {
	base := load(t, overlayBase)
	o := NewOverlay(base)
	if o.Config() != base {
		t.Error("an empty overlay makes another configuration")
	}
	mustPut(t, o, Declaration{Kind: "host", Name: "z", Text: "dynamic;\nhardware ethernet 02:00:00:00:00:09;\nfixed-address 10.0.0.9;\ngroup \"g1\";\noption site-text \"x\";"})
	mustPut(t, o, Declaration{Kind: "host", Name: "c", Text: "uid \"\\001ab\";"})
	c := o.Config()
	if got := names(c); !slices.Equal(got, []string{"a", "b", "c", "z"}) {
		t.Fatalf("hosts %v", got)
	}
	if h := c.HostsByHW("\x01\x02\x00\x00\x00\x00\x09"); len(h) != 1 || !slices.Equal(h[0].Fixed, []lease.IP{lease.MustIP("10.0.0.9")}) {
		t.Errorf("by hardware: %+v", h)
	}
	if len(c.HostsByUID("\x01ab")) != 1 || filename(c, "z") != "" {
		t.Errorf("c by identifier: %v; z has filename %q", c.HostsByUID("\x01ab"), filename(c, "z"))
	}
	// A group that comes later, changes, and goes away.
	for _, text := range []string{"one", "two"} {
		mustPut(t, o, Declaration{Kind: "group", Name: "g1", Text: "dynamic;\nfilename \"" + text + "\";"})
		if got := filename(o.Config(), "z"); got != text {
			t.Errorf("z has filename %q, want %q", got, text)
		}
	}
	o.Put(Declaration{Kind: "group", Name: "g1", Deleted: true})
	if got := filename(o.Config(), "z"); got != "" {
		t.Errorf("z has filename %q of a group that is gone", got)
	}
	if names(base)[0] != "a" || len(base.Hosts) != 2 || base.Host("z") != nil {
		t.Error("the configuration itself was changed")
	}
}

func TestOverlayOfTheConfigurationsHosts(t *testing.T) {
	o := NewOverlay(load(t, overlayBase))
	mustPut(t, o, Declaration{Kind: "host", Name: "a", Text: "hardware ethernet 02:00:00:00:00:01;\nfixed-address 10.0.0.6;"})
	mustPut(t, o, Declaration{Kind: "host", Name: "b", Deleted: true})
	c := o.Config()
	if h := c.Host("a"); h == nil || h.Fixed[0] != lease.MustIP("10.0.0.6") || filename(c, "a") != "desk" {
		t.Errorf("a is %+v with filename %q", h, filename(c, "a"))
	}
	if c.Host("b") != nil || len(c.HostsByHW("\x01\x02\x00\x00\x00\x00\x02")) != 0 {
		t.Error("b is still there")
	}
	mustPut(t, o, Declaration{Kind: "host", Name: "a", Text: "hardware ethernet 02:00:00:00:00:01;\ngroup \"desk\";\nfilename \"own\";"})
	if got := filename(o.Config(), "a"); got != "own" {
		t.Errorf("a has filename %q", got)
	}
	o.Forget("host", "a")
	o.Forget("host", "b")
	if got := names(o.Config()); !slices.Equal(got, []string{"a", "b"}) || o.Config().Host("a").Fixed[0] != lease.MustIP("10.0.0.5") {
		t.Errorf("after Forget: %v", got)
	}
}

func TestOverlayRefuses(t *testing.T) {
	base := load(t, overlayBase)
	for _, c := range []struct{ kind, name, text, want string }{
		{"host", "h", "filename 12;", "filename takes text"},
		{"host", "h", "} host evil { hardware ethernet 02:00:00:00:00:07;", "not the text of one host"},
		{"host", "h", "} subnet 10.9.0.0 netmask 255.255.255.0 {", "not the text of one host"},
		{"host", "h", `include "/etc/passwd";`, "cannot include files"},
		{"host", "h", "option new code 201 = text;", "configuration file"},
		{"host", "h", "option space foo;", "configuration file"},
		{"host", "h", "subnet 10.9.0.0 netmask 255.255.255.0 { }", "cannot stand in a host"},
		{"host", "h", "filename \"open", "h"},
		{"host", "", "filename \"x\";", "name"},
		{"host", "a b", "filename \"x\";", "expected {"},
		{"host", "h", `class "c" { match hardware; }`, ""},
		{"host", "h", `subclass "c" 1:02:00:00:00:00:01 { filename "x"; }`, ""},
		{"host", "h", `if known { class "c" { match hardware; } }`, ""},
		{"host", "h", `key k { algorithm hmac-md5; secret abcd; }`, ""},
		{"host", "h", `failover peer "p" { primary; }`, ""},
		{"group", "g", `class "c" { match hardware; }`, ""},
		{"group", "g", `zone example. { primary 127.0.0.1; }`, ""},
		{"group", "g", "host x { }", "statements only"},
		{"group", "g", "subnet 10.9.0.0 netmask 255.255.255.0 { }", "statements only"},
		{"group", "g", "default-lease-time x;", "default-lease-time"},
	} {
		o := NewOverlay(base)
		list := o.Put(Declaration{Kind: c.kind, Name: c.name, Text: c.text})
		text := ""
		for _, d := range list {
			if d.Severity == Error {
				text += d.String() + "\n"
			}
		}
		if text == "" || !strings.Contains(text, c.want) {
			t.Errorf("%s %q: %q gives %q, want %q", c.kind, c.name, c.text, text, c.want)
		}
		if got := o.Config(); got != base {
			t.Errorf("%s %q: %q has an effect: %v", c.kind, c.name, c.text, names(got))
		}
	}
	if _, known := base.OptionByName("new"); known || len(base.Subnets) != 1 {
		t.Error("the configuration itself was changed")
	}
}

func TestStatements(t *testing.T) {
	got := Statements("dynamic;  hardware ethernet 02:00:00:00:00:01;\nif known { filename \"a;b\"; } else { x; }\noption y \"}\";\n tail")
	want := []string{"dynamic;", "hardware ethernet 02:00:00:00:00:01;", `if known { filename "a;b"; }`, "else { x; }", `option y "}";`, "tail"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestOMAPI(t *testing.T) {
	c := load(t, "omapi-port 7911; omapi-key K; key k { algorithm hmac-sha256; secret abcdabcd; }")
	if c.OMAPI.Port != 7911 || c.OMAPI.Key == nil || c.OMAPI.Key.Algorithm != "hmac-sha256" || len(c.OMAPI.Key.Secret) != 6 {
		t.Errorf("got %+v", c.OMAPI)
	}
	if c := load(t, "omapi-port 7911;"); c.OMAPI != (OMAPI{Port: 7911}) {
		t.Errorf("without a key: %+v", c.OMAPI)
	}
	if c := load(t, "if known { omapi-port 7911; } subnet 10.0.0.0 netmask 255.0.0.0 { omapi-port 7912; }"); c.OMAPI != (OMAPI{}) {
		t.Errorf("where it does not count: %+v", c.OMAPI)
	}
	if c := load(t, "omapi-port 7911; omapi-key k; key k { algorithm hmac-foo; secret abcd; }"); c.OMAPI.Port != 0 {
		t.Errorf("with a key of no use: %+v", c.OMAPI)
	}
}
