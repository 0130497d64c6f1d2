package omapi

import (
	"slices"
	"strings"
	"testing"

	"tandem/failover/lease"
)

const sampleIP = 0x0a4d0078

func openLease(t *testing.T) (*client, uint32) {
	t.Helper()
	c := dialKeyed(t, keyedServer(t))
	return c, c.open("lease", integer("ip-address", sampleIP)).handle
}

func TestFindLease(t *testing.T) {
	mac, uid := text("hardware-address", "\x02\x77\x00\x00\x00\x11"), text("dhcp-client-identifier", "\x01\x02\x77\x00\x00\x00\x11")
	second := sampleLease()
	second.IP, second.UID = lease.MustIP("10.77.0.130"), "other"
	token := sampleLease()
	token.IP, token.HW, token.UID = lease.MustIP("10.77.0.131"), "\x06\x02\x77\x00\x00\x00\x11", ""
	w := sampleWorld()
	w.leases = append(w.leases, second, token)
	c := dial(t, newServer(t, Config{}, w))
	for name, f := range map[string]struct {
		by   []value
		code Code
		ip   string
	}{
		"by address":           {[]value{integer("ip-address", sampleIP)}, OK, "10.77.0.120"},
		"by identifier":        {[]value{uid}, OK, "10.77.0.120"},
		"by MAC of two":        {[]value{mac}, Multiple, ""},
		"MAC and identifier":   {[]value{mac, uid}, OK, "10.77.0.120"},
		"MAC and address":      {[]value{mac, integer("ip-address", uint32(second.IP))}, OK, "10.77.0.130"},
		"conflict":             {[]value{uid, integer("ip-address", uint32(second.IP))}, KeyConflict, ""},
		"unknown MAC":          {[]value{text("hardware-address", "\x02\x02\x02\x02\x02\x02")}, NotFound, ""},
		"another type":         {[]value{mac, integer("hardware-type", 6)}, OK, "10.77.0.131"},
		"conflict of type":     {[]value{mac, integer("hardware-type", 7), integer("ip-address", sampleIP)}, KeyConflict, ""},
		"type too short":       {[]value{mac, text("hardware-type", "\x01")}, InvalidArgument, ""},
		"type too large":       {[]value{mac, integer("hardware-type", 257)}, InvalidArgument, ""},
		"type with address":    {[]value{mac, integer("hardware-type", 257), integer("ip-address", sampleIP)}, InvalidArgument, ""},
		"address too short":    {[]value{text("ip-address", "\x0a")}, InvalidArgument, ""},
		"address 0":            {[]value{integer("ip-address", 0)}, NotFound, ""},
		"address of no range":  {[]value{integer("ip-address", 0x0a4d0063)}, NotFound, ""},
		"nothing to search by": {[]value{text("client-hostname", "voip-0011")}, NotImplemented, ""},
		"empty MAC":            {[]value{text("hardware-address", "")}, NotImplemented, ""},
	} {
		m := c.ask(message{op: opOpen, values: values{text("type", "lease")}, object: f.by})
		if m.op == opUpdate {
			if ip := lease.IP(read32(m.object, "ip-address")).String(); f.code != OK || ip != f.ip {
				t.Errorf("%s: found %s", name, ip)
			}
		} else if r := c.status(m); r.Code != f.code {
			t.Errorf("%s: %v, want %v", name, r, f.code)
		}
	}
}

func TestFindByHandle(t *testing.T) {
	c, h := openLease(t)
	if m := c.open("lease", integer("handle", h)); m.handle != h {
		t.Errorf("handle %d, want %d", m.handle, h)
	}
	for _, by := range []struct {
		value
		code Code
	}{{integer("handle", h+1), NotFound}, {integer("handle", c.authID), InvalidArgument}, {text("handle", "\x01"), InvalidArgument}} {
		m := c.ask(message{op: opOpen, values: values{text("type", "lease")}, object: values{by.value}})
		if r := c.status(m); r.Code != by.code {
			t.Errorf("%v: %v", by.value, r)
		}
	}
}

func TestSetLease(t *testing.T) {
	for name, s := range map[string]struct {
		set  []value
		code Code
		want *SetLease // nil: no change
	}{
		"release":             {[]value{integer("state", 4)}, OK, &SetLease{State: lease.Released}},
		"as it is":            {[]value{integer("state", 2), integer("flags", 0)}, OK, nil},
		"backup":              {[]value{integer("state", 7)}, InvalidArgument, nil},
		"state 0":             {[]value{integer("state", 0)}, InvalidArgument, nil},
		"state 8":             {[]value{integer("state", 8)}, InvalidArgument, nil},
		"state 258":           {[]value{integer("state", 258)}, InvalidArgument, nil},
		"state of one octet":  {[]value{text("state", "\x04")}, InvalidArgument, nil},
		"end":                 {[]value{integer("ends", 0x6b00d700)}, OK, &SetLease{Ends: 0x6b00d700}},
		"same end":            {[]value{integer("ends", 0x6b00d5e0)}, OK, nil},
		"no end":              {[]value{integer("ends", 0)}, InvalidArgument, nil},
		"unset end":           {[]value{text("ends", "")}, InvalidArgument, nil},
		"reserve":             {[]value{integer("flags", 4)}, OK, &SetLease{Flags: lease.FlagReserved, Mask: lease.FlagReserved}},
		"reserve, one octet":  {[]value{text("flags", "\x46")}, OK, &SetLease{Flags: lease.FlagReserved, Mask: lease.FlagReserved}},
		"flags of two octets": {[]value{text("flags", "\x00\x04")}, InvalidArgument, nil},
		"address":             {[]value{integer("ip-address", sampleIP)}, NoPermission, nil},
		"partner's time":      {[]value{integer("tsfp", 1)}, NoPermission, nil},
		"subnet":              {[]value{integer("subnet", 1)}, InvalidArgument, nil},
		"the client's own":    {[]value{text("client-hostname", "x"), text("hardware-address", "x"), text("remote-handle", "x")}, OK, nil},
		"variables": {[]value{text("my-note", "checked"), text("gone", "")}, OK,
			&SetLease{Vars: []lease.Var{{Name: "my-note", Value: "checked"}, {Name: "gone"}}}},
		"longest variable":          {[]value{text("v", strings.Repeat("x", MaxVariable))}, OK, &SetLease{Vars: []lease.Var{{Name: "v", Value: strings.Repeat("x", MaxVariable)}}}},
		"variable too long":         {[]value{text("v", strings.Repeat("x", MaxVariable+1))}, InvalidArgument, nil},
		"no name":                   {[]value{text("a b", "x")}, InvalidArgument, nil},
		"name like a number":        {[]value{text("1", "x")}, InvalidArgument, nil},
		"name that ends the record": {[]value{text("x = \"\"; } lease", "x")}, InvalidArgument, nil},
		"all or nothing":            {[]value{integer("state", 4), integer("starts", 1)}, NoPermission, nil},
	} {
		c, h := openLease(t)
		if r := c.update(h, s.set...); r.Code != s.code {
			t.Errorf("%s: %v, want %v", name, r, s.code)
		}
		if s.want == nil {
			if len(c.world.changes) > 0 {
				t.Errorf("%s: changed %+v", name, c.world.changes[0])
			}
			continue
		}
		s.want.IP = sampleIP
		if len(c.world.changes) != 1 {
			t.Errorf("%s: changes %v", name, kinds(c.world.changes))
		} else if got := c.world.changes[0].(*SetLease); got.IP != s.want.IP || got.State != s.want.State || got.Ends != s.want.Ends ||
			got.Flags != s.want.Flags || got.Mask != s.want.Mask || !slices.Equal(got.Vars, s.want.Vars) {
			t.Errorf("%s: %+v, want %+v", name, got, s.want)
		}
	}
}

func TestLeaseFlags(t *testing.T) {
	w := sampleWorld()
	w.leases[0].Flags = lease.FlagBOOTP | lease.FlagReserved | lease.FlagPending | lease.FlagDeclined
	w.leases[0].Extra = &lease.Extra{Billing: "gold", Vars: []lease.Var{{Name: "not a name", Value: "x"}}}
	c := dial(t, newServer(t, Config{}, w))
	m := c.open("lease", integer("ip-address", sampleIP))
	if readText(m.object, "flags") != "\x06" || read32(m.object, "billing-class") == 0 {
		t.Errorf("%+v", m.object)
	}
	if _, ok := m.object.get("not a name"); ok {
		t.Error("a variable with an impossible name is sent")
	}
	// Taking the reservation away leaves the BOOTP client its lease.
	c.update(m.handle, integer("flags", 0))
	if got := readText(c.refresh(m.handle).object, "flags"); got != "\x02" {
		t.Errorf("flags %q", got)
	}
}

func TestLeaseOutOfRange(t *testing.T) {
	c, h := openLease(t)
	c.world.leases = nil
	if r := c.update(h, integer("state", 4)); r.Code != NotFound {
		t.Error(r)
	}
	if r := c.status(c.refresh(h)); r.Code != NotFound {
		t.Error(r)
	}
}

// Subnet and pool have handles, and nothing that can be done with them.
func TestSubnetHandle(t *testing.T) {
	c := dial(t, newServer(t, Config{}, sampleWorld()))
	subnet := read32(c.open("lease", integer("ip-address", sampleIP)).object, "subnet")
	if m := c.refresh(subnet); m.op != opUpdate || len(m.object) > 0 {
		t.Errorf("%+v", m)
	}
	if r := c.update(subnet, integer("x", 1)); r.Code != NotImplemented {
		t.Error(r)
	}
}
