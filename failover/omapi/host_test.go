package omapi

import (
	"slices"
	"strings"
	"testing"

	"tandem/failover/lease"
)

var (
	newMAC     = text("hardware-address", "\x02\x77\x00\x00\x03\x01")
	printerMAC = text("hardware-address", "\x02\x77\x00\x00\x01\x01")
	ethernet   = integer("hardware-type", 1)
)

func TestCreateHost(t *testing.T) {
	for name, s := range map[string]struct {
		set  []value
		code Code
		want Host
	}{
		"full": {[]value{text("name", "h1"), newMAC, ethernet, text("dhcp-client-identifier", "id"), text("ip-address", "\x0a\x00\x00\x01\x0a\x00\x00\x02"),
			text("group", "g"), text("statements", "max-lease-time 60;"), integer("known", 1)}, OK,
			Host{Name: "h1", HW: "\x01\x02\x77\x00\x00\x03\x01", UID: "id", Fixed: []lease.IP{0x0a000001, 0x0a000002}, Group: "g", Statements: "max-lease-time 60;"}},
		"type is Ethernet":      {[]value{text("name", "h1"), newMAC}, OK, Host{Name: "h1", HW: "\x01\x02\x77\x00\x00\x03\x01"}},
		"type first":            {[]value{text("name", "h1"), integer("hardware-type", 6), newMAC}, OK, Host{Name: "h1", HW: "\x06\x02\x77\x00\x00\x03\x01"}},
		"identifier only":       {[]value{text("name", "h1"), text("dhcp-client-identifier", "id")}, OK, Host{Name: "h1", UID: "id"}},
		"nobody":                {[]value{text("name", "h1")}, InvalidArgument, Host{}},
		"nothing at all":        {nil, InvalidArgument, Host{}},
		"type only":             {[]value{text("name", "h1"), ethernet}, InvalidArgument, Host{}},
		"unknown attribute":     {[]value{text("name", "h1"), newMAC, text("x", "y")}, UnknownAttribute, Host{}},
		"unknown group":         {[]value{text("name", "h1"), newMAC, text("group", "nobody")}, NotFound, Host{}},
		"name that is taken":    {[]value{text("name", "printer1"), newMAC}, Exists, Host{}},
		"MAC that is taken":     {[]value{text("name", "h1"), printerMAC}, KeyConflict, Host{}},
		"both":                  {[]value{text("name", "printer1"), printerMAC}, Exists, Host{}},
		"name with a brace":     {[]value{text("name", "h1 { } host"), newMAC}, InvalidArgument, Host{}},
		"name with a quote":     {[]value{text("name", `h"1`), newMAC}, InvalidArgument, Host{}},
		"MAC too long":          {[]value{text("name", "h1"), text("hardware-address", strings.Repeat("x", 17))}, InvalidArgument, Host{}},
		"identifier too long":   {[]value{text("name", "h1"), newMAC, text("dhcp-client-identifier", strings.Repeat("x", 256))}, InvalidArgument, Host{}},
		"half an address":       {[]value{text("name", "h1"), newMAC, text("ip-address", "\x0a\x00")}, InvalidArgument, Host{}},
		"type of one octet":     {[]value{text("name", "h1"), newMAC, text("hardware-type", "\x01")}, InvalidArgument, Host{}},
		"too many addresses":    {[]value{text("name", "h1"), newMAC, text("ip-address", strings.Repeat("addr", MaxFixed+1))}, InvalidArgument, Host{}},
		"too many statements":   {[]value{text("name", "h1"), newMAC, text("statements", strings.Repeat("x", MaxStatements+1))}, InvalidArgument, Host{}},
		"statements are absurd": {[]value{text("name", "h1"), newMAC, text("statements", "filename 12;")}, ParseErrors, Host{}},
	} {
		w := sampleWorld()
		w.groups = []Group{{Name: "g"}}
		c := dialKeyed(t, newServer(t, keyed("hmac-md5"), w))
		m := c.create("host", s.set...)
		if m.op != opUpdate {
			if r := c.status(m); r.Code != s.code {
				t.Errorf("%s: %v, want %v", name, r, s.code)
			}
			if len(w.hosts) != 1 {
				t.Errorf("%s: hosts %+v", name, w.hosts)
			}
			continue
		}
		put := w.changes[0].(*PutHost)
		if s.code != OK || !put.New || !sameHost(put.Host, s.want) || readText(m.object, "name") != s.want.Name {
			t.Errorf("%s: made %+v, want %+v", name, put, s.want)
		}
	}
}

func sameHost(a, b Host) bool {
	return a.Name == b.Name && a.HW == b.HW && a.UID == b.UID && a.Group == b.Group && a.Statements == b.Statements && slices.Equal(a.Fixed, b.Fixed)
}

func TestNamelessHosts(t *testing.T) {
	c := dialKeyed(t, keyedServer(t))
	a := c.create("host", newMAC)
	b := c.create("host", text("hardware-address", "\x02\x77\x00\x00\x03\x02"))
	if x, y := readText(a.object, "name"), readText(b.object, "name"); x == y || !strings.HasPrefix(x, "nh6b00d667") || len(c.world.hosts) != 3 {
		t.Errorf("names %q and %q, %d hosts", x, y, len(c.world.hosts))
	}
	g, h := c.create("group"), c.create("group")
	if x, y := readText(g.object, "name"), readText(h.object, "name"); x == y || !strings.HasPrefix(x, "ng") {
		t.Errorf("names %q and %q", x, y)
	}
}

func TestFindHost(t *testing.T) {
	w := sampleWorld()
	w.hosts = append(w.hosts, Host{Name: "phone", HW: sampleLease().HW}, Host{Name: "phone-2", HW: sampleLease().HW, UID: "u"})
	c := dial(t, newServer(t, Config{}, w))
	phoneMAC := text("hardware-address", sampleLease().HW[1:])
	for name, f := range map[string]struct {
		by   []value
		code Code
		want string
	}{
		"by name":                {[]value{text("name", "printer1")}, OK, "printer1"},
		"by MAC":                 {[]value{printerMAC}, OK, "printer1"},
		"by MAC and type":        {[]value{printerMAC, ethernet}, OK, "printer1"},
		"by the lease's address": {[]value{integer("ip-address", sampleIP)}, OK, "phone"},
		"by a fixed address":     {[]value{text("ip-address", "\x0a\x4d\x00\x32")}, NotFound, ""},
		"by a free lease":        {[]value{text("ip-address", "\x0a\x4d\x00\x7d")}, NotFound, ""},
		"the second of a MAC":    {[]value{phoneMAC, text("name", "phone-2")}, OK, "phone-2"},
		"by identifier":          {[]value{text("dhcp-client-identifier", "u")}, OK, "phone-2"},
		"identifier conflicts":   {[]value{printerMAC, text("dhcp-client-identifier", "u")}, KeyConflict, ""},
		"address conflicts":      {[]value{printerMAC, integer("ip-address", sampleIP)}, KeyConflict, ""},
		"name conflicts":         {[]value{printerMAC, text("name", "phone")}, KeyConflict, ""},
		"unknown":                {[]value{text("name", "nobody")}, NotFound, ""},
		"another type":           {[]value{printerMAC, integer("hardware-type", 6)}, NotFound, ""},
		"type too long":          {[]value{printerMAC, text("hardware-type", "\x00\x00\x00\x00\x01")}, InvalidArgument, ""},
		"nothing to search by":   {[]value{text("known", "x")}, InvalidArgument, ""},
		"nothing at all":         {nil, InvalidArgument, ""},
	} {
		m := c.ask(message{op: opOpen, values: values{text("type", "host")}, object: f.by})
		if m.op == opUpdate {
			if got := readText(m.object, "name"); f.code != OK || got != f.want {
				t.Errorf("%s: found %s", name, got)
			}
		} else if r := c.status(m); r.Code != f.code {
			t.Errorf("%s: %v, want %v", name, r, f.code)
		}
	}
	if len(w.changes) > 0 {
		t.Errorf("a search made %v", kinds(w.changes))
	}
}

func TestUpdateHost(t *testing.T) {
	for name, s := range map[string]struct {
		set  []value
		code Code
		want func(h *Host) // nil: no change
	}{
		"address":           {[]value{text("ip-address", "\x0a\x4d\x00\x33")}, OK, func(h *Host) { h.Fixed = []lease.IP{0x0a4d0033} }},
		"no address":        {[]value{text("ip-address", "")}, OK, func(h *Host) { h.Fixed = nil }},
		"same address":      {[]value{text("ip-address", "\x0a\x4d\x00\x32")}, OK, nil},
		"first identifier":  {[]value{text("dhcp-client-identifier", "u")}, OK, func(h *Host) { h.UID = "u" }},
		"into a group":      {[]value{text("group", "g")}, OK, func(h *Host) { h.Group = "g" }},
		"statements":        {[]value{text("statements", "x")}, OK, func(h *Host) { h.Statements = "x" }},
		"same everything":   {[]value{text("name", "printer1"), printerMAC, ethernet}, OK, nil},
		"another name":      {[]value{text("name", "renamed")}, Exists, nil},
		"another MAC":       {[]value{newMAC}, Exists, nil},
		"no MAC":            {[]value{text("hardware-address", "")}, Exists, nil},
		"another type":      {[]value{integer("hardware-type", 6)}, Exists, nil},
		"type of one octet": {[]value{text("hardware-type", "\x06")}, InvalidArgument, nil},
		"all or nothing":    {[]value{text("ip-address", ""), text("name", "renamed")}, Exists, nil},
	} {
		w := sampleWorld()
		w.groups = []Group{{Name: "g"}}
		c := dialKeyed(t, newServer(t, keyed("hmac-md5"), w))
		want := w.hosts[0]
		m := c.open("host", text("name", "printer1"))
		if r := c.update(m.handle, s.set...); r.Code != s.code {
			t.Errorf("%s: %v, want %v", name, r, s.code)
		}
		if s.want == nil {
			if len(w.changes) > 0 {
				t.Errorf("%s: changed %+v", name, w.changes[0])
			}
			continue
		}
		s.want(&want)
		if put := w.changes[0].(*PutHost); put.New || !sameHost(put.Host, want) {
			t.Errorf("%s: %+v, want %+v", name, put, want)
		}
	}
}

// An open with "update" finds and changes at once.
func TestOpenUpdatesHost(t *testing.T) {
	c := dialKeyed(t, keyedServer(t))
	m := c.ask(message{op: opOpen, values: values{integer("update", 1), text("type", "host")},
		object: values{text("name", "printer1"), text("dhcp-client-identifier", "u")}})
	if r := c.status(m); r.Code != NotFound { // the identifier is a key too
		t.Error(r)
	}
	m = c.ask(message{op: opOpen, values: values{integer("update", 1), text("type", "host")},
		object: values{text("name", "printer1"), text("statements", "x")}})
	if m.op != opUpdate || c.world.hosts[0].Statements != "x" {
		t.Errorf("%+v, %+v", m, c.world.hosts)
	}
}

func TestRemoveHost(t *testing.T) {
	for _, slow := range []bool{false, true} {
		c := dialKeyed(t, keyedServer(t))
		c.world.slow = slow
		h := c.open("host", text("name", "printer1")).handle
		out := c.feed(c.frame(message{op: opDelete, handle: h}))
		if slow {
			_, out = c.world.settle(c.server, c.now)
		}
		if r := c.status(c.only(out)); r.Code != OK || len(c.world.hosts) > 0 {
			t.Errorf("%v, %v", r, c.world.hosts)
		}
		for _, op := range []opcode{opRefresh, opUpdate, opDelete} {
			if r := c.status(c.ask(message{op: op, handle: h})); r != (Result{NotFound, textNoHandle}) {
				t.Error(r)
			}
		}
	}
}

// A host that another one removed meanwhile.
func TestHostThatIsGone(t *testing.T) {
	c := dialKeyed(t, keyedServer(t))
	h := c.open("host", text("name", "printer1")).handle
	c.world.hosts = nil
	if r := c.update(h, text("ip-address", "")); r.Code != NotFound {
		t.Error(r)
	}
	if r := c.status(c.refresh(h)); r.Code != NotFound {
		t.Error(r)
	}
}

func TestGroup(t *testing.T) {
	c := dialKeyed(t, keyedServer(t))
	m := c.create("group", text("name", "g1"), text("statements", "max-lease-time 60;"))
	if _, shown := m.object.get("statements"); shown || readText(m.object, "name") != "g1" {
		t.Errorf("%+v", m.object)
	}
	if r := c.status(c.create("group", text("name", "g1"))); r.Code != Exists {
		t.Error(r)
	}
	for _, s := range []struct {
		value
		code Code
	}{
		{text("statements", "max-lease-time 60;"), OK}, {text("statements", "max-lease-time 70;"), OK}, {text("name", "g2"), Exists},
		{text("members", "x"), UnknownAttribute}, {text("statements", strings.Repeat("x", MaxStatements+1)), InvalidArgument},
	} {
		if r := c.update(m.handle, s.value); r.Code != s.code {
			t.Errorf("%v: %v", s.value, r)
		}
	}
	want := []Group{{"g1", "max-lease-time 70;"}}
	if !slices.Equal(c.world.groups, want) || len(c.world.changes) != 2 {
		t.Errorf("%v, changes %v", c.world.groups, kinds(c.world.changes))
	}
	if c.open("group", text("name", "g1")).handle != m.handle {
		t.Error("the group has got another handle")
	}
	if r := c.status(c.ask(message{op: opDelete, handle: m.handle})); r.Code != OK || len(c.world.groups) > 0 {
		t.Errorf("%v, %v", r, c.world.groups)
	}
	m = c.ask(message{op: opOpen, values: values{text("type", "group")}, object: values{text("name", "g1")}})
	if r := c.status(m); r != (Result{NotFound, textNoMatch}) {
		t.Error(r)
	}
}
