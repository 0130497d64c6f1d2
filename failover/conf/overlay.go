package conf

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"tandem/failover/conf/token"
)

// Declaration is a host or a group that is declared while the server runs.
type Declaration struct {
	Kind string // "host" or "group"
	Name string
	// Text is what stands between the braces. It cannot include files and
	// cannot define options.
	Text string
	// Deleted takes the host or group away, also one of the configuration.
	Deleted bool
}

// Overlay is a configuration with declarations laid over it. A host takes the
// place of one of the same name and goes on with its statements; other than in
// a file, it may name a group that does not exist (any more), which then gives
// it nothing. Groups of the configuration cannot be overlaid.
type Overlay struct {
	base   *Config
	hosts  map[string]*overlaid
	groups map[string]*Scope
	hidden map[string]bool // hosts of base that are taken away
	whole  *Config         // nil if it has to be made anew
}

// overlaid is one host of an Overlay.
type overlaid struct {
	*Host
	group string
}

// NewOverlay lays nothing over base yet.
func NewOverlay(base *Config) *Overlay {
	return &Overlay{base: base, hosts: map[string]*overlaid{}, groups: map[string]*Scope{}, hidden: map[string]bool{}}
}

// Put declares d, or declares it anew. Positions in the diagnostics count from
// the first line of d.Text. With an Error among them, nothing has changed.
func (o *Overlay) Put(d Declaration) []Diagnostic {
	if d.Deleted {
		o.remove(d)
		return nil
	}
	if d.Kind == "group" {
		return o.putGroup(d)
	}
	h, list := o.compile(d)
	if h == nil {
		return list
	}
	o.whole = nil
	o.hosts[d.Name] = h
	delete(o.hidden, d.Name)
	return list
}

// Check says what Put would say, and gives the host that it would make; nil
// for a group.
func (o *Overlay) Check(d Declaration) (*Host, []Diagnostic) {
	if d.Kind == "group" {
		_, list := o.compileGroup(d)
		return nil, list
	}
	h, list := o.compile(d)
	if h == nil {
		return nil, list
	}
	return h.Host, list
}

// Forget undoes every Put about this host or group.
func (o *Overlay) Forget(kind, name string) {
	o.remove(Declaration{Kind: kind, Name: name})
	delete(o.hidden, name)
}

func (o *Overlay) remove(d Declaration) {
	o.whole = nil
	if d.Kind == "group" {
		delete(o.groups, d.Name)
		return
	}
	delete(o.hosts, d.Name)
	if slices.ContainsFunc(o.base.Hosts, func(h *Host) bool { return h.Name == d.Name }) {
		o.hidden[d.Name] = true
	}
}

// Config is the configuration with everything that was put over it: the hosts
// of the file in their order, then the others by name. It does not change; the
// next change makes another one.
func (o *Overlay) Config() *Config {
	if o.whole != nil {
		return o.whole
	}
	if len(o.hosts) == 0 && len(o.groups) == 0 && len(o.hidden) == 0 {
		o.whole = o.base
		return o.whole
	}
	c := *o.base
	c.Hosts = make([]*Host, 0, len(o.base.Hosts)+len(o.hosts))
	for _, h := range o.base.Hosts {
		if _, replaced := o.hosts[h.Name]; !replaced && !o.hidden[h.Name] {
			c.Hosts = append(c.Hosts, h)
		}
	}
	c.Groups = slices.Clip(o.base.Groups)
	for _, name := range slices.Sorted(maps.Keys(o.groups)) {
		c.Groups = append(c.Groups, o.groups[name])
	}
	for _, name := range slices.Sorted(maps.Keys(o.hosts)) {
		c.Hosts = append(c.Hosts, o.joined(o.hosts[name]))
	}
	c.indexHosts()
	o.whole = &c
	return o.whole
}

// joined puts a host into its group as it is now.
func (o *Overlay) joined(h *overlaid) *Host {
	host, scope := *h.Host, *h.Scope
	host.Scope, host.Group = &scope, o.group(h.group)
	switch old := o.baseHost(h.Name); {
	case host.Group != nil:
		scope.Parent = host.Group
	case h.group == "" && old != nil:
		scope.Parent = old.Scope
	}
	scope.Static = allStatic(scope.statements) && (scope.Parent == nil || scope.Parent.Static)
	return &host
}

// group finds a named group; nil if there is none.
func (o *Overlay) group(name string) *Scope {
	if g := o.groups[name]; g != nil || name == "" {
		return g
	}
	return o.base.Group(name)
}

// Group finds a named group; nil if there is none.
func (c *Config) Group(name string) *Scope {
	for i := len(c.Groups) - 1; i >= 0; i-- {
		if c.Groups[i].Name == name {
			return c.Groups[i]
		}
	}
	return nil
}

// Host finds a host by its name; nil if there is none.
func (c *Config) Host(name string) *Host { return c.index.byName[name] }

func (o *Overlay) baseHost(name string) *Host { return o.base.Host(name) }

func (o *Overlay) putGroup(d Declaration) []Diagnostic {
	g, list := o.compileGroup(d)
	if g != nil {
		o.whole = nil
		o.groups[d.Name] = g
	}
	return list
}

func (o *Overlay) compileGroup(d Declaration) (*Scope, []Diagnostic) {
	c, body := o.parse(d)
	g, ok := lone[*groupNode](c, d, body)
	if ok {
		c.refuseNested(g.body)
	}
	if c.reports.errors > 0 {
		return nil, c.complaints()
	}
	in := (&blockContext{scope: c.cfg.Global}).inner(inGroup, d.Name, g.place)
	c.body(g.body, in)
	if c.reports.errors > 0 {
		return nil, c.complaints()
	}
	in.scope.Static = allStatic(in.scope.statements) && c.cfg.Global.Static
	return in.scope, c.complaints()
}

// compile makes the host of a declaration; nil if it has errors.
func (o *Overlay) compile(d Declaration) (*overlaid, []Diagnostic) {
	c, body := o.parse(d)
	n, ok := lone[*hostNode](c, d, body)
	if ok {
		c.refuseNested(n.body)
	}
	if c.reports.errors > 0 {
		return nil, c.complaints()
	}
	h := &overlaid{}
	// The group is looked up when the host is used: it may come and go.
	n.body = slices.DeleteFunc(n.body, func(part node) bool {
		m, ok := part.(*memberNode)
		if ok {
			h.group = m.group
		}
		return ok
	})
	c.host(n, &blockContext{scope: c.cfg.Global})
	if c.reports.errors > 0 || len(c.cfg.Hosts) != 1 {
		return nil, c.complaints()
	}
	h.Host = c.cfg.Hosts[0]
	return h, c.complaints()
}

// errInclude is why a declaration cannot include a file.
var errInclude = errors.New("a host or group that is made at run time cannot include files")

// parse reads a declaration by the options and classes of the configuration.
func (o *Overlay) parse(d Declaration) (*compiler, []node) {
	p := &parser{options: o.base.options, sealed: true, read: func(string) ([]byte, error) { return nil, errInclude }}
	body := p.readFile(d.Kind+" "+d.Name, d.Kind+" "+d.Name+" {\n"+d.Text+"\n}\n", inGlobal)
	cfg := *o.base
	cfg.Hosts = nil
	c := newCompiler(&cfg, p.reports)
	for _, k := range cfg.Classes {
		c.classes[k.Name] = k
	}
	return c, body
}

// lone is the only node of body, of kind N and with the name of d. Text that
// closes the block early makes others.
func lone[N node](c *compiler, d Declaration, body []node) (n N, ok bool) {
	if c.reports.errors > 0 {
		return n, false
	}
	if len(body) == 1 {
		n, ok = body[0].(N)
	}
	if ok && declared(body[0]) == d.Name {
		return n, true
	}
	c.reports.fail(place{}, "", "this is not the text of one %s called %s", d.Kind, d.Name)
	return n, false
}

// declared is the name of a host or group.
func declared(n node) string {
	switch n := n.(type) {
	case *hostNode:
		return n.name
	case *groupNode:
		return n.name
	}
	return ""
}

// refuseNested keeps declarations out of what is made at run time.
func (c *compiler) refuseNested(body []node) {
	for _, n := range body {
		switch n.(type) {
		case *hostNode, *groupNode, *sharedNode, *subnetNode, *poolNode, *classNode, *subclassNode, *peerNode, *keyNode, *zoneNode:
			c.reports.fail(n.where(), "", "what is made at run time holds statements only")
		}
	}
}

// complaints gives the diagnostics, counted from the text's first line.
func (c *compiler) complaints() []Diagnostic {
	list := c.reports.sorted()
	for i := range list {
		list[i].Pos.Line--
	}
	return list
}

// Statements cuts text into its statements, each as it is written. A block
// that does not end belongs to the last one.
func Statements(text string) []string {
	lex := token.New("", text)
	var list []string
	begin, depth := -1, 0
	for {
		t := lex.Next()
		if t.Kind == token.EOF {
			break
		}
		if begin < 0 {
			begin = t.Pos.Offset
		}
		switch {
		case t.Is("{"):
			depth++
		case t.Is("}"):
			depth--
		}
		if depth <= 0 && (t.Is(";") || t.Is("}")) {
			list = append(list, text[begin:t.End.Offset])
			begin, depth = -1, 0
		}
	}
	if begin >= 0 {
		list = append(list, strings.TrimSpace(text[begin:]))
	}
	return list
}
