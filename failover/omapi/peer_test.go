package omapi

import (
	"fmt"
	"strings"
	"testing"

	"tandem/failover/lease"
)

func openPeer(t *testing.T) (*client, uint32) {
	t.Helper()
	c := dialKeyed(t, keyedServer(t))
	return c, c.open("failover-state", text("name", "dhcp")).handle
}

// Of all numbers only partner-down, and the state that holds anyway, are taken.
func TestLocalState(t *testing.T) {
	for _, n := range []uint32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 100, 253, 254, 255, 256, 258, 260, 300, 1 << 16, 4 << 24, 1<<32 - 1} {
		c, h := openPeer(t) // communications-interrupted
		r := c.update(h, integer("local-state", n))
		wantOK := n == 3 || n == 4
		if (r.Code == OK) != wantOK || !wantOK && (r.Code != InvalidArgument || !strings.Contains(r.Text, fmt.Sprint(n))) {
			t.Errorf("local-state %d: %v", n, r)
		}
		if changed := len(c.world.changes) == 1; changed != (n == 4) {
			t.Errorf("local-state %d: changes %v", n, kinds(c.world.changes))
		}
	}
	for _, data := range []string{"", "\x04", "\x00\x04", "\x00\x00\x00\x00\x04", "partner-down"} {
		c, h := openPeer(t)
		if r := c.update(h, text("local-state", data)); r.Code != InvalidArgument || len(c.world.changes) > 0 {
			t.Errorf("local-state %q: %v", data, r)
		}
	}
}

// The first fault decides, and nothing is changed.
func TestPeerUpdateIsWhole(t *testing.T) {
	c, h := openPeer(t)
	if r := c.update(h, integer("local-state", 4), integer("nonsense", 1)); r != (Result{NotFound, textUpdate}) || len(c.world.changes) > 0 {
		t.Errorf("%v, changes %v", r, kinds(c.world.changes))
	}
	if r := c.update(h, integer("mclt", 1), integer("skew", 1), integer("local-state", 4)); r.Code != OK || len(c.world.changes) != 1 {
		t.Errorf("%v, changes %v", r, kinds(c.world.changes))
	}
}

// The reason of a refusal shows until something else came of the object.
func TestRefusedShows(t *testing.T) {
	c, h := openPeer(t)
	c.world.peers[0].Local = lease.Normal
	r := c.update(h, integer("local-state", 4))
	if got := readText(c.refresh(h).object, "refused"); r.Code != NoPermission || got != r.Text || got == "" {
		t.Errorf("%v, refused = %q", r, got)
	}
	if _, ok := c.open("control").object.get("refused"); ok {
		t.Error("another object shows the reason")
	}
	c.world.peers[0].Local = lease.CommunicationsInterrupt
	if r := c.update(h, integer("local-state", 4)); r.Code != OK {
		t.Error(r)
	}
	if _, ok := c.refresh(h).object.get("refused"); ok {
		t.Error("refused is left over")
	}
}

// What decides over the pair is never changed by an open: that could be
// recorded and done again.
func TestOpenChangesNoState(t *testing.T) {
	for _, c := range []struct {
		typeName string
		by       []value
	}{
		{"failover-state", []value{text("name", "dhcp"), integer("local-state", 4)}},
		{"control", []value{integer("state", 2)}},
		{"lease", []value{text("ip-address", "\x0a\x4d\x00\x78"), integer("state", 1)}},
	} {
		for _, how := range []string{"create", "update"} {
			cl := dialKeyed(t, keyedServer(t))
			m := cl.ask(message{op: opOpen, values: values{integer(how, 1), text("type", c.typeName)}, object: c.by})
			if r := cl.status(m); r.Code != NoPermission || len(cl.world.changes) > 0 {
				t.Errorf("%s %s: %v, changes %v", how, c.typeName, r, kinds(cl.world.changes))
			}
		}
	}
}

func TestPeerThatIsGone(t *testing.T) {
	c, h := openPeer(t)
	c.world.peers = nil
	for range 2 { // the handle is forgotten with the first
		if r := c.status(c.refresh(h)); r.Code != NotFound {
			t.Error(r)
		}
	}
	if r := c.update(h, integer("local-state", 4)); r.Code != NotFound {
		t.Error(r)
	}
}

func TestPeerWithoutBuckets(t *testing.T) {
	w := sampleWorld()
	w.peers[0].HBA, w.peers[0].Secondary = nil, true
	m := dial(t, newServer(t, Config{}, w)).open("failover-state", text("name", "dhcp"))
	if _, ok := m.object.get("load-balance-hba"); ok || read32(m.object, "hierarchy") != 1 {
		t.Errorf("%+v", m.object)
	}
}

func TestControl(t *testing.T) {
	c := dialKeyed(t, keyedServer(t))
	h := c.open("control").handle
	for _, set := range []struct {
		value
		code    Code
		changes int
	}{
		{integer("state", 0), OK, 0},
		{integer("state", 1), InvalidArgument, 0},
		{integer("state", 3), InvalidArgument, 0},
		{text("state", ""), InvalidArgument, 0},
		{text("status", "down"), NotFound, 0},
		{integer("state", 2), OK, 1},
	} {
		if r := c.update(h, set.value); r.Code != set.code || len(c.world.changes) != set.changes {
			t.Errorf("%v: %v, changes %v", set.value, r, kinds(c.world.changes))
		}
	}
	if r := c.status(c.ask(message{op: opDelete, handle: h})); r != (Result{NotImplemented, textRemove}) {
		t.Error(r)
	}
}
