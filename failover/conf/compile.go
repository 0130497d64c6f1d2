package conf

import (
	"strings"
)

// Load reads, checks and compiles a configuration. The Config is nil if any
// diagnostic is an Error; diagnostics are in the order of the text.
func Load(name string, read ReadFile) (*Config, []Diagnostic) {
	p := parse(name, read)
	c := newCompiler(&Config{options: p.options}, p.reports)
	c.cfg.Global = &Scope{Kind: "global", Pos: Pos{File: name, Line: 1, Col: 1}}
	c.body(p.file.body, &blockContext{scope: c.cfg.Global})
	c.finish()
	d := c.reports.sorted()
	if c.reports.errors > 0 {
		return nil, d
	}
	return c.cfg, d
}

// newCompiler makes a compiler that has seen nothing yet.
func newCompiler(cfg *Config, r reports) *compiler {
	return &compiler{
		cfg:     cfg,
		reports: r,
		classes: make(map[string]*Class),
		groups:  make(map[string]*Scope),
		hosts:   make(map[string]*Host),
		peers:   make(map[string]*Peer),

		subnetPlaces: make(map[*Subnet]place), pools: make(map[poolIdentity]*Pool), keys: make(map[string]int),
		identifiers: make(map[OptionKey]bool), optionsSet: make(map[*space]map[uint32]bool),
		poolRefs: make(map[*Peer]int), inherited: make(map[*Peer]bool),
		peerPlaces: make(map[*Peer]place), hostPlaces: make(map[*Host]place), classPlaces: make(map[*Class]place),
	}
}

// compiler makes a Config of a syntax tree, and checks what takes knowledge
// of more than one statement.
type compiler struct {
	cfg     *Config
	reports reports
	classes map[string]*Class
	groups  map[string]*Scope
	hosts   map[string]*Host
	// hostInside is set when a host declared in a network was warned about.
	hostInside   bool
	peers        map[string]*Peer
	subnets      subnetTable
	subnetPlaces map[*Subnet]place
	gapped       int // subnets whose mask has gaps
	pools        map[poolIdentity]*Pool
	keys         map[string]int // places in Config.Keys, by lower case name
	identifiers  map[OptionKey]bool
	optionsSet   map[*space]map[uint32]bool
	// ranges are all ranges, for the check for overlaps.
	ranges       []placedRange
	addresses    uint64         // in all ranges
	poolRefs     map[*Peer]int  // how often pools name a peer
	inherited    map[*Peer]bool // a pool has it, named or not
	lostRef      bool           // a pool names a peer that does not exist
	omapiPort    place
	omapiKey     place
	omapiKeyName string
	peerPlaces   map[*Peer]place
	hostPlaces   map[*Host]place
	classPlaces  map[*Class]place
}

// blockContext is where a statement stands, as the compiler sees it.
type blockContext struct {
	kind    blockKind
	scope   *Scope
	network *SharedNetwork // in its own block, and in its subnets and pools
	subnet  *Subnet        // in its own block
	pool    *poolBuilder
	host    *hostBuilder
	class   *Class
	once    *classOnce
	// conditional is set in the blocks of if, switch, on and define.
	conditional bool
}

// within makes the context of a block of statements in x.
func (x *blockContext) within() *blockContext {
	in := *x
	in.conditional = true
	return &in
}

// atTop tells whether a statement stands at the top level and is carried out
// whenever the server starts.
func (x *blockContext) atTop() bool { return x.kind == inGlobal && !x.conditional }

// inner makes the context of a block with a scope of its own.
func (x *blockContext) inner(kind blockKind, name string, at place) *blockContext {
	return &blockContext{kind: kind, scope: newScope(kind, name, x.scope, at)}
}

// scopeKinds are the names of scopes by the kind of their block.
var scopeKinds = [...]string{"global", "shared-network", "subnet", "pool", "group", "host", "class", "subclass"}

// newScope makes an empty scope inside of parent.
func newScope(kind blockKind, name string, parent *Scope, at place) *Scope {
	return &Scope{Kind: scopeKinds[kind], Name: name, Parent: parent, Pos: at.Pos(), authoritative: parent.authoritative}
}

// body compiles the statements of a block in order.
func (c *compiler) body(body []node, x *blockContext) {
	for _, n := range body {
		c.node(n, x)
	}
}

// node compiles one statement or declaration.
func (c *compiler) node(n node, x *blockContext) {
	switch n := n.(type) {
	case *includeNode:
		c.body(n.body, x)
	case *sharedNode:
		c.shared(n, x)
	case *subnetNode:
		c.subnet(n, x)
	case *poolNode:
		c.pool(n, x)
	case *rangeNode:
		c.rangeIn(n, x)
	case *groupNode:
		in := x.inner(inGroup, n.name, n.place)
		c.body(n.body, in)
		if n.name != "" {
			c.groups[n.name] = in.scope
			c.cfg.Groups = append(c.cfg.Groups, in.scope)
		}
	case *hostNode:
		c.host(n, x)
	case *classNode:
		c.class(n, x)
	case *subclassNode:
		c.subclass(n, x)
	case *peerNode:
		c.peer(n, x)
	case *keyNode:
		c.key(n)
	case *zoneNode:
		c.zone(n)
	case *authoritativeNode:
		c.authoritative(n, x)
	case *permitNode:
		c.permit(n, x)
	case *peerRefNode:
		c.peerRef(n, x)
	case *hardwareNode, *fixedNode, *uidNode, *identifierNode, *memberNode:
		c.hostPart(n, x)
	case *matchNode, *limitNode:
		c.classPart(n, x)
	case *spaceNode, *defineOptionNode:
		// The parser entered them.
	case *wordNode:
		c.words(n, x)
	default:
		c.atStart(n, x)
		if s := c.statement(n, x); s != nil {
			x.scope.statements = append(x.scope.statements, s)
		}
	}
}

// atStart refuses what ends dhcpd when it carries out the statements of the
// top level at its start.
func (c *compiler) atStart(n node, x *blockContext) {
	if l, ok := n.(*logNode); ok && x.atTop() && l.level == "fatal" {
		c.reports.fail(n.where(), "write log (error, ...)", "log (fatal, ...) at the top level ends the server when it starts")
	}
}

// words compiles the statements of fixed words.
func (c *compiler) words(n *wordNode, x *blockContext) {
	switch n.words[0] {
	case "interface":
		c.networkInterface(n, x)
	case "db-time-format", "lease-id-format":
		c.reports.note(n.place, "%s has no effect: leases are kept in a format of their own", n.words[0])
	case "deleted":
		if x.host != nil {
			x.host.Deleted = true
		}
	case "break", "parse-vendor-option":
		if s := c.statement(n, x); s != nil {
			x.scope.statements = append(x.scope.statements, s)
		}
	}
}

// authoritative notes the property in the scope; networks take it over when
// they are declared, as in dhcpd.
func (c *compiler) authoritative(n *authoritativeNode, x *blockContext) {
	x.scope.authoritative = !n.not
	switch x.kind {
	case inGlobal:
		if len(c.cfg.Networks) > 0 {
			c.reports.warn(n.place, "move it up, before the first network",
				"authoritative covers only the networks behind it; %d stand in front of it", len(c.cfg.Networks))
		}
	case inShared:
		if len(x.network.Subnets) > 0 {
			c.reports.warn(n.place, "move it up, before the first subnet",
				"authoritative covers only the subnets behind it; %d stand in front of it", len(x.network.Subnets))
		}
	case inPool, inClass, inSubclass:
		c.reports.warn(n.place, "move it into the network", "authoritative has no effect %s", x.kind)
	}
}

// key enters a key; a later one of the same name takes the place of an earlier one.
func (c *compiler) key(n *keyNode) {
	k := &Key{Name: n.name, Algorithm: strings.TrimSuffix(strings.TrimSuffix(n.algorithm, "."), ".sig-alg.reg.int"), Secret: n.secret, Pos: n.place.Pos()}
	if !contains(keyAlgorithms, k.Algorithm) && n.algorithm != "" && n.algorithm != "?" {
		c.reports.warn(n.place, "write one of "+strings.Join(keyAlgorithms, ", "), "key %s: there is no algorithm %s; nothing signed with this key will be accepted", n.name, n.algorithm)
	}
	if i, ok := c.keys[strings.ToLower(n.name)]; ok {
		c.cfg.Keys[i] = k
		return
	}
	c.keys[strings.ToLower(n.name)] = len(c.cfg.Keys)
	c.cfg.Keys = append(c.cfg.Keys, k)
}

// keyAlgorithms are the algorithms that keys can have.
var keyAlgorithms = []string{"hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"}

// Key finds a key by name, in any case; nil if there is none.
func (c *Config) Key(name string) *Key {
	for _, k := range c.Keys {
		if strings.EqualFold(k.Name, name) {
			return k
		}
	}
	return nil
}

// zone enters a zone.
func (c *compiler) zone(n *zoneNode) {
	z := &Zone{Name: n.name, Pos: n.place.Pos()}
	if len(n.primary) > 0 {
		if z.Primary = n.primary[0].name; z.Primary == "" {
			z.Primary = n.primary[0].ip.String()
		}
	}
	if n.key != "" {
		if i, ok := c.keys[strings.ToLower(n.key)]; ok {
			z.Key = c.cfg.Keys[i]
		} else {
			c.reports.fail(n.keyAt, "declare the key before the zone", "there is no key %s", n.key)
		}
	}
	c.cfg.Zones = append(c.cfg.Zones, z)
	c.reports.note(n.place, "zone %s is kept for dynamic DNS; no updates are sent", n.name)
}
