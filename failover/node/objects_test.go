package node

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/omapi"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// want demands the outcome of a change.
func (n *Node) change(now lease.Now, c omapi.Change) omapi.Result {
	return (&authority{n}).change(now, c)
}

func must(t *testing.T, r omapi.Result) {
	t.Helper()
	if r.Code != omapi.OK {
		t.Fatalf("%v: %s", r.Code, r.Text)
	}
}

// desk is a host that is made at run time.
func desk(name string, hw byte, fixed string) omapi.Host {
	return omapi.Host{Name: name, HW: "\x01\x02\x00\x00\x00\x00" + string([]byte{hw}), Fixed: []lease.IP{lease.MustIP(fixed)}}
}

// hosts describes what a node has.
func (n *Node) hosts() string {
	var b strings.Builder
	n.layOver()
	for _, h := range n.cfg.Hosts {
		fmt.Fprintf(&b, "%s %v;", h.Name, h.Fixed)
	}
	return b.String()
}

// cut ends the connection of a pair.
func (w *wires) cut(now lease.Now) {
	w.up = false
	for _, n := range w.nodes {
		n.Step(now, &PeerClosed{Conn: 1, Why: "cut"})
		n.Flush(now)
	}
}

// rejoin runs a pair until it is in NORMAL again.
func (w *wires) rejoin(now lease.Now) lease.Now {
	w.t.Helper()
	for range 200 {
		now = now.Add(500 * time.Millisecond)
		w.run(now)
		if w.normal() {
			return now
		}
	}
	w.t.Fatal("not NORMAL again")
	return now
}

// same demands that both have the hosts.
func (w *wires) same(want string) {
	w.t.Helper()
	for i, n := range w.nodes {
		if got := n.hosts(); got != want {
			w.t.Errorf("node %d has %q, want %q", i, got, want)
		}
	}
}

func TestHostsAreServedAtOnce(t *testing.T) {
	n := started(t, Options{Config: load(t, plain)})
	must(t, n.change(start, &omapi.PutGroup{New: true, Group: omapi.Group{Name: "g", Statements: `filename "of-the-group";`}}))
	h := desk("d", 1, "10.0.20.1")
	h.Group, h.Statements = "g", `option host-name "desk-one";`
	must(t, n.change(start, &omapi.PutHost{New: true, Host: h}))
	out := n.Flush(start)
	if len(out.Records) != 2 || !out.MustSync {
		t.Fatalf("%d records, sync %v", len(out.Records), out.MustSync)
	}
	n.Step(start, packet(t, 1, dhcpv4.MessageTypeDiscover, ""))
	offer, err := dhcpv4.FromBytes(n.Flush(start).Replies[0].Payload)
	if err != nil || offer.YourIPAddr.String() != "10.0.20.1" || offer.BootFileName != "of-the-group" || offer.HostName() != "desk-one" {
		t.Errorf("%v %v", err, offer)
	}
	found := (&authority{n}).Hosts(omapi.Search{HW: h.HW})
	if len(found) != 1 || found[0].Group != "g" || found[0].Statements != h.Statements || !slices.Equal(found[0].Fixed, h.Fixed) {
		t.Errorf("shown as %+v", found)
	}
	// Taken away while no partner could bring it back: nothing is remembered.
	must(t, n.change(start, &omapi.DropHost{Name: "d"}))
	must(t, n.change(start, &omapi.DropGroup{Name: "g"}))
	for _, r := range n.Flush(start).Records {
		if o := r.(*lease.Object); !o.Gone {
			t.Errorf("kept %+v", o)
		}
	}
	n.Step(start, packet(t, 1, dhcpv4.MessageTypeDiscover, ""))
	if offer, err := dhcpv4.FromBytes(n.Flush(start).Replies[0].Payload); err != nil || offer.YourIPAddr.String() == "10.0.20.1" {
		t.Errorf("after the removal: %v %v", err, offer)
	}
}

func TestHostsOfTheConfiguration(t *testing.T) {
	text := plain + `host h { hardware ethernet 02:00:00:00:00:01; fixed-address 10.0.20.1; filename "f"; }
group "g" { filename "x"; }
`
	n := started(t, Options{Config: load(t, text)})
	h := (&authority{n}).Hosts(omapi.Search{Name: "h"})[0]
	h.Fixed = []lease.IP{lease.MustIP("10.0.20.2")}
	must(t, n.change(start, &omapi.PutHost{Host: h}))
	records := slices.Clone(n.Flush(start).Records)
	n.Step(start, packet(t, 1, dhcpv4.MessageTypeDiscover, ""))
	if offer, err := dhcpv4.FromBytes(n.Flush(start).Replies[0].Payload); err != nil || offer.YourIPAddr.String() != "10.0.20.2" || offer.BootFileName != "f" {
		t.Errorf("%v %v", err, offer)
	}
	must(t, n.change(start, &omapi.DropHost{Name: "h"}))
	records = append(records, n.Flush(start).Records...)
	again := started(t, Options{Config: load(t, text)}, records...)
	if got := again.hosts(); got != "" {
		t.Errorf("after a restart: %q", got)
	}
	again.Step(start, &Reconfigure{Config: load(t, text)})
	if got := again.hosts(); got != "" {
		t.Errorf("after a reload: %q", got)
	}
	for _, c := range []omapi.Change{&omapi.PutGroup{Group: omapi.Group{Name: "g"}}, &omapi.DropGroup{Name: "g"}} {
		if r := n.change(start, c); r.Code != omapi.NoPermission {
			t.Errorf("%T: %+v", c, r)
		}
	}
}

func TestChangesAreRefusedWithAReason(t *testing.T) {
	n := started(t, Options{Config: load(t, plain)})
	must(t, n.change(start, &omapi.PutHost{New: true, Host: desk("d", 1, "10.0.20.1")}))
	bad := desk("e", 2, "10.0.20.2")
	bad.Statements = "filename 12;"
	evil := desk("e", 2, "10.0.20.2")
	evil.Statements = "} host evil { hardware ethernet 02:00:00:00:00:07;"
	for _, c := range []struct {
		change omapi.Change
		code   omapi.Code
		text   string
	}{
		{&omapi.PutHost{New: true, Host: desk("d", 1, "10.0.20.1")}, omapi.Exists, ""},
		{&omapi.PutHost{New: true, Host: bad}, omapi.ParseErrors, "filename takes text"},
		{&omapi.PutHost{New: true, Host: evil}, omapi.ParseErrors, "not the text of one host"},
		{&omapi.PutHost{New: true, Host: omapi.Host{Name: "e", HW: "\x01"}}, omapi.InvalidArgument, "empty"},
		{&omapi.Shutdown{}, omapi.NoPermission, "no failover peer"},
		{&omapi.SetPeerState{Peer: "p", State: lease.PartnerDown}, omapi.InvalidArgument, ""},
		{&omapi.SetLease{IP: lease.MustIP("10.0.1.1"), State: lease.Released}, omapi.NoPermission, "nobody has it"},
		{&omapi.SetLease{IP: lease.MustIP("192.0.2.1"), State: lease.Released}, omapi.NoPermission, "no pool"},
	} {
		if r := n.change(start, c.change); r.Code != c.code || !strings.Contains(r.Text, c.text) {
			t.Errorf("%T: %v %q, want %v %q", c.change, r.Code, r.Text, c.code, c.text)
		}
	}
	if got := n.hosts(); got != "d [10.0.20.1];" {
		t.Errorf("hosts %q", got)
	}
	dark := started(t, Options{Config: load(t, plain), Watched: true})
	if r := dark.change(start, &omapi.PutHost{New: true, Host: desk("d", 1, "10.0.20.1")}); r.Code != omapi.NoPermission || !strings.HasPrefix(r.Text, "R1: ") {
		t.Errorf("without a trusted clock: %+v", r)
	}
}

func TestTheNumberOfObjectsIsBounded(t *testing.T) {
	var records []lease.Record
	for i := range maxObjects {
		records = append(records, &lease.Object{Kind: "group", Name: fmt.Sprintf("g%d", i), Text: dynamic, Changed: 1})
	}
	records[7].(*lease.Object).Deleted = true
	n := started(t, Options{Config: load(t, plain)}, records...)
	must(t, n.change(start, &omapi.PutGroup{New: true, Group: omapi.Group{Name: "one-more"}}))
	if r := n.change(start, &omapi.PutGroup{New: true, Group: omapi.Group{Name: "too-many"}}); r.Code != omapi.QuotaReached {
		t.Errorf("%+v", r)
	}
	if n.objects.full != 1 || n.objects.forgot != 1 || len(n.objects.all) != maxObjects {
		t.Errorf("full %d, forgotten %d, %d objects", n.objects.full, n.objects.forgot, len(n.objects.all))
	}
}

func TestHostsAreReplicated(t *testing.T) {
	w, now := newPair(t)
	a, b := w.nodes[0], w.nodes[1]
	must(t, a.change(now, &omapi.PutHost{New: true, Host: desk("one", 1, "10.0.20.1")}))
	w.run(now)
	must(t, b.change(now, &omapi.PutHost{New: true, Host: desk("two", 2, "10.0.20.2")}))
	w.run(now)
	w.same("one [10.0.20.1];two [10.0.20.2];")
	long := desk("long", 3, "10.0.20.3")
	long.Statements = strings.Repeat(`option host-name "a long name that takes some room";`+"\n", omapi.MaxStatements/53)
	must(t, b.change(now, &omapi.PutHost{New: true, Host: long}))
	must(t, b.change(now, &omapi.DropHost{Name: "one"}))
	w.run(now)
	w.same("long [10.0.20.3];two [10.0.20.2];")
	if x, y := a.objects.all[objectKey{"host", "long"}], b.objects.all[objectKey{"host", "long"}]; x == nil || x.Text != y.Text || len(x.Text) < 8000 {
		t.Errorf("the long host is %v", x)
	}
	for i, n := range w.nodes {
		if v := n.objects.all[objectKey{"host", "one"}]; v == nil || !v.Deleted || !n.objects.known(v) {
			t.Errorf("node %d remembers of the removed host %+v", i, v)
		}
	}
}

// What was changed on both sides of a cut ends up the same on both; the later
// change wins, but one made in PARTNER-DOWN wins over one of before.
func TestHostsAfterACut(t *testing.T) {
	w, now := newPair(t)
	a, b := w.nodes[0], w.nodes[1]
	for _, name := range []string{"both", "gone", "kept", "down"} {
		must(t, a.change(now, &omapi.PutHost{New: true, Host: desk(name, name[0], "10.0.20.1")}))
	}
	w.run(now)
	w.cut(now)
	now = now.Add(10 * time.Second)
	must(t, a.change(now, &omapi.PutHost{Host: desk("both", 'b', "10.0.20.2")}))
	must(t, b.change(now, &omapi.PutHost{Host: desk("kept", 'k', "10.0.20.4")}))
	now = now.Add(10 * time.Second)
	must(t, b.change(now, &omapi.PutHost{Host: desk("both", 'b', "10.0.20.3")}))
	must(t, b.change(now, &omapi.DropHost{Name: "gone"}))
	must(t, a.change(now, &omapi.PutHost{New: true, Host: desk("new", 'n', "10.0.20.5")}))
	a.Flush(now)
	b.Flush(now)
	now = w.rejoin(now)
	w.run(now)
	w.same("both [10.0.20.3];down [10.0.20.1];kept [10.0.20.4];new [10.0.20.5];")

	w.cut(now)
	now = now.Add(20 * time.Second)
	must(t, a.change(now, &omapi.SetPeerState{Peer: "p", State: lease.PartnerDown}))
	must(t, a.change(now, &omapi.PutHost{Host: desk("down", 'd', "10.0.20.6")}))
	now = now.Add(time.Second)
	must(t, b.change(now, &omapi.PutHost{Host: desk("down", 'd', "10.0.20.7")}))
	a.Flush(now)
	b.Flush(now)
	now = w.rejoin(now)
	w.run(now)
	w.same("both [10.0.20.3];down [10.0.20.6];kept [10.0.20.4];new [10.0.20.5];")
}

// A box that starts again with its store is sent nothing; a new one is sent
// everything.
func TestHostsAfterARestart(t *testing.T) {
	w, now := newPair(t)
	for i := range 30 {
		must(t, w.nodes[0].change(now, &omapi.PutHost{New: true, Host: desk(fmt.Sprintf("h%02d", i), byte(i), "10.0.20.1")}))
	}
	w.run(now)
	want := w.nodes[0].hosts()
	w.same(want)
	var kept []lease.Record
	for _, k := range w.nodes[1].objects.keys() {
		o := w.nodes[1].objects.all[k].Object
		kept = append(kept, &o)
	}
	for _, c := range []struct {
		name     string
		records  []lease.Record
		received uint64
	}{{"with its store", kept, 0}, {"with an empty store", nil, 30}} {
		w.cut(now)
		saved := w.nodes[1].saved["p"]
		n := New(Options{Config: w.nodes[1].file, Seed: 2, Boot: lease.Boot{ID: "again", StoreOrigin: "whole"}})
		for _, r := range append(c.records, &saved, &lease.Boot{ID: "before", LastAlive: now.Time()}) {
			n.Restore(r)
		}
		n.Start(now)
		n.Step(now, &Links{Interfaces: []dhcp.Interface{*eth0}})
		w.nodes[1] = n
		now = w.rejoin(now)
		w.run(now)
		w.same(want)
		if n.objects.received != c.received {
			t.Errorf("a box %s was sent %d hosts, want %d", c.name, n.objects.received, c.received)
		}
		for _, k := range w.nodes[0].objects.keys() {
			if v := w.nodes[0].objects.all[k]; !w.nodes[0].objects.known(v) {
				t.Errorf("%v counts as not known to the partner", k)
			}
		}
	}
}

func TestNotesThatMakeNoSense(t *testing.T) {
	w, now := newPair(t)
	a := w.nodes[0]
	x := a.objects.exchange(a.relations[0])
	whole := appendVersion(nil, &lease.Object{Kind: "host", Name: "h", Text: dynamic})
	strange := appendVersion(nil, &lease.Object{Kind: "class", Name: "h"})
	unnamed := appendVersion(nil, &lease.Object{Kind: "host"})
	for _, note := range [][]byte{
		nil, {9}, {noteSum}, {noteSum, 1, 2}, {noteAck, 1}, {notePiece, 0, 0, 0, 1},
		append([]byte{notePiece, 0, 0, 0, 1, 1}, whole[:len(whole)-1]...),
		append([]byte{notePiece, 0, 0, 0, 1, 1}, whole[:6]...),
		append([]byte{notePiece, 0, 0, 0, 1, 1}, strange...),
		append([]byte{notePiece, 0, 0, 0, 1, 1}, unnamed...),
		append([]byte{notePiece, 0, 0, 0, 1, 0}, make([]byte, maxVersion+1)...),
	} {
		if err := a.objects.take(now, a.relations[0], x, note); err == nil {
			t.Errorf("%x was taken", note[:min(len(note), 40)])
		}
	}
	if len(a.objects.all) != 0 || len(x.parts) != 0 {
		t.Errorf("%d objects, %d octets kept", len(a.objects.all), len(x.parts))
	}
}

func FuzzVersion(f *testing.F) {
	f.Add(appendVersion(nil, &lease.Object{Kind: "host", Name: "h", Text: "x;", Epoch: 3, Changed: 7, Deleted: true}))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := parseVersion(b)
		if err != nil {
			return
		}
		again, err := parseVersion(appendVersion(nil, &v))
		if err != nil || again != v {
			t.Fatalf("%v: %+v and %+v", err, v, again)
		}
	})
}
