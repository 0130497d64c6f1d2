package node

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"tandem/failover/lease"
	"tandem/failover/omapi"
)

// managed is a server that managers may connect to.
const managed = plain + "omapi-port 7911;\n"

const keyed = managed + `key k { algorithm hmac-sha256; secret "7XXAEqK6LVQWeSD9+51wYdLqVve19kAqX+qBPlEMPP4="; }
omapi-key k;
`

// counting draws numbers that are never the same.
func counting() func() uint32 {
	n := uint32(0)
	return func() uint32 { n++; return n }
}

var (
	loopback = netip.MustParseAddr("127.0.0.1")
	stranger = netip.MustParseAddr("10.0.0.7")
)

// manage gives an input and what it leads to for managers.
func (n *Node) manage(now lease.Now, in Input) []OMAPIReply {
	n.Step(now, in)
	return n.Flush(now).OMAPI
}

func TestWhoMayManage(t *testing.T) {
	for _, c := range []struct {
		name, conf, closed string
		from               netip.Addr
		draw               func() uint32
	}{
		{"this machine without a key", managed, "", loopback, counting()},
		{"another one without a key", managed, "for this machine only", stranger, counting()},
		{"another one with a key", keyed, "", stranger, counting()},
		{"anybody without a port", plain, "not configured", loopback, counting()},
		{"anybody without chance", managed, "not configured", loopback, nil},
	} {
		n := started(t, Options{Config: load(t, c.conf), Draw: c.draw})
		got := n.manage(start, &OMAPIOpened{ID: 1, From: c.from})
		if len(got) != 1 || got[0].ID != 1 || !strings.Contains(got[0].Close, c.closed) || (got[0].Close == "") != (c.closed == "") || len(got[0].Bytes) == 0 && c.closed == "" {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// Connections that say nothing, or stop within a message, end by themselves.
func TestIdleManagersAreClosed(t *testing.T) {
	for _, c := range []struct {
		name, conf string
		sent       []byte
		after      time.Duration
	}{
		{"nothing sent", managed, nil, omapi.MessageTime},
		{"the start sent, a key is needed", keyed, []byte{0, 0, 0, 100, 0, 0, 0, 24}, omapi.UnprovenTime},
		{"the start sent, no key is needed", managed, []byte{0, 0, 0, 100, 0, 0, 0, 24}, omapi.IdleTime},
		{"half a message", managed, []byte{0, 0, 0, 100, 0, 0, 0, 24, 0, 0}, omapi.MessageTime},
	} {
		n := started(t, Options{Config: load(t, c.conf), Draw: counting()})
		n.manage(start, &OMAPIOpened{ID: 1, From: loopback})
		if c.sent != nil {
			n.manage(start, &OMAPIBytes{ID: 1, Data: c.sent})
		}
		if at := n.Deadline(); at == 0 || at > start.Add(c.after).Mono {
			t.Errorf("%s: the deadline is %v after the start", c.name, time.Duration(at-start.Mono))
		}
		if got := n.Flush(start.Add(c.after - 1)).OMAPI; len(got) != 0 {
			t.Errorf("%s: before the time: %+v", c.name, got)
		}
		if got := n.Flush(start.Add(c.after)).OMAPI; len(got) != 1 || got[0].Close == "" {
			t.Errorf("%s: after %v: %+v", c.name, c.after, got)
		}
		if len(n.omapi.sessions) != 0 || n.omapi.server.Sessions() != 0 {
			t.Errorf("%s: %d sessions are left", c.name, n.omapi.server.Sessions())
		}
	}
}

// Whoever makes room is told to go, and what comes for connections that are
// gone is nothing.
func TestManagersThatAreGone(t *testing.T) {
	n := started(t, Options{Config: load(t, keyed), Draw: counting()})
	for id := range uint64(omapi.MaxUnproven) {
		n.manage(start, &OMAPIOpened{ID: id + 1, From: stranger})
	}
	got := n.manage(start, &OMAPIOpened{ID: 100, From: stranger})
	if len(got) != 2 || got[0].ID != 1 || got[0].Close == "" || got[1].ID != 100 || got[1].Close != "" {
		t.Fatalf("%+v", got)
	}
	if got := n.manage(start, &OMAPIBytes{ID: 1, Data: []byte{1}}); len(got) != 0 {
		t.Errorf("octets of one that is gone: %+v", got)
	}
	for id := range uint64(101) {
		n.manage(start, &OMAPIClosed{ID: id})
	}
	if len(n.omapi.sessions) != 0 || n.omapi.server.Sessions() != 0 {
		t.Errorf("%d sessions are left", n.omapi.server.Sessions())
	}
}

// A key that goes with a reload goes for those who are connected too.
func TestManagersAfterAReload(t *testing.T) {
	n := started(t, Options{Config: load(t, keyed), Draw: counting()})
	if port, local := n.OMAPIPort(); port != 7911 || local {
		t.Errorf("port %d, for this machine only: %v", port, local)
	}
	n.manage(start, &OMAPIOpened{ID: 1, From: stranger})
	n.manage(start, &OMAPIBytes{ID: 1, Data: []byte{0, 0, 0, 100, 0, 0, 0, 24}})
	n.Step(start, &Reconfigure{Config: load(t, managed)})
	if port, local := n.OMAPIPort(); port != 7911 || !local {
		t.Errorf("after the reload: port %d, for this machine only: %v", port, local)
	}
	empty := make([]byte, 28)
	empty[11], empty[19] = 2, 1 // REFRESH
	if got := n.manage(start, &OMAPIBytes{ID: 1, Data: empty}); len(got) != 1 || !strings.Contains(got[0].Close, "this machine only") {
		t.Errorf("%+v", got)
	}
}
