package node

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tandem/failover/conf"
	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/omapi"
)

// maxObjects bounds the hosts and groups that are made at run time, the
// deletions that must be remembered included.
const maxObjects = 10000

// maxObjectText bounds the text of one object in octets: statements, and
// addresses in words.
const maxObjectText = omapi.MaxStatements + 4<<10

// objects are the hosts and groups that were made while the server ran. Each
// change is a version; of two versions on the two servers of a pair the newer
// one wins on both (lease.Object.Newer). A deletion is a version too, and stays
// until every partner that could bring the object back has it.
type objects struct {
	node    *Node
	overlay *conf.Overlay
	all     map[objectKey]*object
	links   map[string]*exchange // by relationship

	full     uint64 // refused because of maxObjects
	forgot   uint64 // deletions that made room
	idle     uint64 // versions that this configuration has no use for, since start
	received uint64 // versions taken over from a partner
	refused  uint64 // notes of a partner that made no sense
}

// objectKey says which one; groups sort before hosts.
type objectKey struct{ kind, name string }

func (k objectKey) compare(o objectKey) int {
	return cmp.Or(cmp.Compare(k.kind, o.kind), cmp.Compare(k.name, o.name))
}

// object is the newest version of one.
type object struct {
	lease.Object
	// told lists the relationships whose partner has this version.
	told []string
}

func newObjects(n *Node) objects {
	return objects{node: n, overlay: conf.NewOverlay(n.cfg), all: map[objectKey]*object{}, links: map[string]*exchange{}}
}

func keyOf(r *lease.Object) objectKey { return objectKey{r.Kind, r.Name} }

// keeps tells whether an object is of a kind that is served.
func (o *objects) keeps(kind string) bool { return kind == "host" || kind == "group" }

// restore takes one record of the log.
func (o *objects) restore(r *lease.Object) {
	switch {
	case !o.keeps(r.Kind):
	case r.Gone:
		delete(o.all, keyOf(r))
	default:
		o.all[keyOf(r)] = &object{Object: *r}
	}
}

// keys lists what there is, in order.
func (o *objects) keys() []objectKey {
	list := make([]objectKey, 0, len(o.all))
	for k := range o.all {
		list = append(list, k)
	}
	slices.SortFunc(list, objectKey.compare)
	return list
}

// lay gives cfg with all objects over it. What cfg does not allow any more is
// kept, and reported.
func (o *objects) lay(cfg *conf.Config) *conf.Config {
	o.overlay = conf.NewOverlay(cfg)
	for _, k := range o.keys() {
		o.put(&o.all[k].Object)
	}
	return o.overlay.Config()
}

// put lays one object over the configuration.
func (o *objects) put(r *lease.Object) {
	for _, d := range o.overlay.Put(conf.Declaration{Kind: r.Kind, Name: r.Name, Text: r.Text, Deleted: r.Deleted}) {
		if d.Severity == conf.Error {
			o.idle++
			o.node.line(dhcp.LevelWarning, "%s %s, made over OMAPI, is kept but not used: line %d: %s", r.Kind, r.Name, d.Pos.Line, d.Message)
			return
		}
	}
}

// save makes r the version in force. from is the relationship that it came
// by, empty for a change made here.
func (o *objects) save(r lease.Object, from string) {
	n := o.node
	k := keyOf(&r)
	if r.Gone {
		delete(o.all, k)
		o.overlay.Forget(r.Kind, r.Name)
	} else {
		x := &object{Object: r}
		if from != "" {
			x.told = []string{from}
		}
		o.all[k] = x
		o.put(&r)
		o.spread(k, from)
	}
	n.records = append(n.records, &r)
	n.promised = true
	n.overlaid = true
}

// layOver puts what was saved into service.
func (n *Node) layOver() {
	if n.overlaid {
		n.overlaid = false
		n.cfg = n.objects.overlay.Config()
		n.dhcp.SetHosts(n.cfg)
	}
}

// next makes a version that is newer than the one in force.
func (o *objects) next(now lease.Now, kind, name, text string, deleted bool) lease.Object {
	r := lease.Object{Kind: kind, Name: name, Text: text, Deleted: deleted, Epoch: o.node.epoch(), Changed: now.Time()}
	if old := o.all[keyOf(&r)]; old != nil {
		r.Epoch = max(r.Epoch, old.Epoch)
		r.Changed = max(r.Changed, old.Changed.Add(1))
	}
	return r
}

// epoch is the greatest of the pairs that this server is in.
func (n *Node) epoch() uint32 {
	var e uint32
	for _, r := range n.relations {
		e = max(e, r.end.Peer().Epoch)
	}
	return e
}

// room tells whether there may be one more, and makes room by forgetting the
// oldest deletion that can be forgotten.
func (o *objects) room(k objectKey) bool {
	if o.all[k] != nil || len(o.all) < maxObjects {
		return true
	}
	var oldest *object
	for _, key := range o.keys() {
		x := o.all[key]
		if x.Deleted && isDynamic(x.Text) && o.known(x) && (oldest == nil || oldest.Newer(&x.Object)) {
			oldest = x
		}
	}
	if oldest == nil {
		o.full++
		return false
	}
	o.forgot++
	gone := oldest.Object
	gone.Gone = true
	o.save(gone, "")
	return true
}

// known tells whether every partner that takes part has this version.
func (o *objects) known(x *object) bool {
	return !slices.ContainsFunc(o.node.relations, func(r *relation) bool {
		return r.end.Peer().Facts&lease.PeerOurs != 0 && !slices.Contains(x.told, r.peer.Name)
	})
}

var errFull = omapi.Result{Code: omapi.QuotaReached,
	Text: fmt.Sprintf("%d hosts and groups are the most that can be made at run time, deleted ones that the partner has not heard of included", maxObjects)}

// putHost makes a host, or replaces it.
func (n *Node) putHost(now lease.Now, c *omapi.PutHost) omapi.Result {
	h := &c.Host
	if c.New && n.cfg.Host(h.Name) != nil {
		return omapi.Result{Code: omapi.Exists}
	}
	if len(h.HW) == 1 {
		return omapi.Result{Code: omapi.InvalidArgument, Text: "the hardware address is empty"}
	}
	if base := n.objects.base(h.Name); base != nil && h.Group == groupName(base) {
		host := *h
		host.Group = "" // it stays where the file has put it
		h = &host
	}
	return n.putObject(now, "host", h.Name, hostText(h))
}

// putGroup makes a group, or replaces it.
func (n *Node) putGroup(now lease.Now, c *omapi.PutGroup) omapi.Result {
	if c.New && n.cfg.Group(c.Name) != nil {
		return omapi.Result{Code: omapi.Exists}
	}
	if n.file.Group(c.Name) != nil {
		return omapi.Result{Code: omapi.NoPermission, Text: "group " + c.Name + " is declared in dhcpd.conf: change it there"}
	}
	return n.putObject(now, "group", c.Name, groupText(&c.Group))
}

func (n *Node) putObject(now lease.Now, kind, name, text string) omapi.Result {
	if len(text) > maxObjectText {
		return omapi.Result{Code: omapi.InvalidArgument, Text: fmt.Sprintf("%d octets of text are too many; at most %d", len(text), maxObjectText)}
	}
	_, list := n.objects.overlay.Check(conf.Declaration{Kind: kind, Name: name, Text: text})
	for _, d := range list {
		if d.Severity == conf.Error {
			return omapi.Result{Code: omapi.ParseErrors, Text: strings.TrimSuffix(d.Message+"; "+d.Remedy, "; ")}
		}
	}
	if !n.objects.room(objectKey{kind, name}) {
		return errFull
	}
	n.objects.save(n.objects.next(now, kind, name, text, false), "")
	n.layOver()
	n.line(dhcp.LevelInfo, "OMAPI: %s %s set", kind, name)
	return omapi.Result{}
}

// dropObject takes a host or group away. What stands in dhcpd.conf stays
// hidden for ever; what was made at run time is remembered as deleted as long
// as a partner could bring it back.
func (n *Node) dropObject(now lease.Now, kind, name string) omapi.Result {
	if kind == "group" && n.file.Group(name) != nil {
		return omapi.Result{Code: omapi.NoPermission, Text: "group " + name + " is declared in dhcpd.conf: delete it there"}
	}
	text := dynamic
	if kind == "host" && n.objects.base(name) != nil {
		text = ""
	}
	if !n.objects.room(objectKey{kind, name}) {
		return errFull
	}
	r := n.objects.next(now, kind, name, text, true)
	r.Gone = len(n.relations) == 0 && text != ""
	n.objects.save(r, "")
	n.layOver()
	n.line(dhcp.LevelInfo, "OMAPI: %s %s removed", kind, name)
	return omapi.Result{}
}

// base finds a host of the file; nil if it has none of this name.
func (o *objects) base(name string) *conf.Host { return o.node.file.Host(name) }

// counters gives every figure with its name.
func (o *objects) counters(fn func(name string, value uint64)) {
	fn("objects", uint64(len(o.all)))
	fn("objects-full", o.full)
	fn("objects-deletions-forgotten", o.forgot)
	fn("objects-not-used", o.idle)
	fn("objects-received", o.received)
	fn("objects-notes-refused", o.refused)
}
