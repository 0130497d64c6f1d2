package conf

import "tandem/failover/lease"

// File is the syntax tree of a configuration: what Parse reads and Print
// writes.
type File struct {
	Name string
	body []node
}

// node is one statement or declaration. The kinds of nodes are the types
// below; each knows where it began.
type node interface {
	where() place
	print(p *printer)
}

// at is embedded by every node.
type at struct{ place place }

func (a at) where() place { return a.place }

// includeNode is `include "NAME";` with what the file held.
type includeNode struct {
	at
	name string
	body []node
}

// sharedNode is a shared-network.
type sharedNode struct {
	at
	faulty bool // something in it could not be read
	name   string
	body   []node
}

// subnetNode is a subnet.
type subnetNode struct {
	at
	net, mask lease.IP
	body      []node
}

// poolNode is a pool; faulty is set if something in it could not be read.
type poolNode struct {
	at
	faulty bool
	body   []node
}

// rangeNode is a range, its ends in either order.
type rangeNode struct {
	at
	dynamicBOOTP bool
	low, high    lease.IP
}

// permitNode is an allow or deny statement of a pool.
type permitNode struct {
	at
	allow bool
	kind  PermitKind
	class string     // of PermitMembers
	after lease.Time // of PermitAfter
}

// groupNode is a group; name may be empty.
type groupNode struct {
	at
	name string
	body []node
}

// hostNode is a host.
type hostNode struct {
	at
	faulty bool // something in it could not be read
	name   string
	body   []node
}

// hardwareNode is `hardware TYPE ADDRESS;`.
type hardwareNode struct {
	at
	htype byte
	addr  []byte
}

// fixedNode is a fixed-address statement.
type fixedNode struct {
	at
	addrs []address
}

// uidNode is `uid VALUE;`.
type uidNode struct {
	at
	value datum
}

// identifierNode is `host-identifier option NAME VALUE;`.
type identifierNode struct {
	at
	option *optionDef
	values []datum
}

// memberNode is `group NAME;` in a host.
type memberNode struct {
	at
	group string
}

// wordNode is a statement of fixed words: `dynamic;`, `deleted;`,
// `db-time-format local;`, `interface eth0;` ...
type wordNode struct {
	at
	words []string
}

// classNode is a class.
type classNode struct {
	at
	name string
	body []node
}

// subclassNode is a subclass; bare is set when it has no block.
type subclassNode struct {
	at
	class string
	value datum
	bare  bool
	body  []node
}

// matchNode is `match if`, `match` or `spawn with` in a class.
type matchNode struct {
	at
	verb string // "match if", "match", "spawn with"
	expr *expr
}

// limitNode is `lease limit N;`.
type limitNode struct {
	at
	limit int
}

// peerNode is a failover peer declaration.
type peerNode struct {
	at
	faulty bool // something in it could not be read
	name   string
	items  []peerItem
}

// peerItem is one statement in a failover peer declaration.
type peerItem struct {
	at      place
	partner bool // preceded by `peer`
	word    string
	number  uint32
	addr    address
	hba     []byte
}

// peerRefNode is `failover peer "NAME";`, or `no failover peer` if none is set.
type peerRefNode struct {
	at
	name string
	none bool
}

// keyNode is a key.
type keyNode struct {
	at
	name      string
	algorithm string
	secret    []byte
}

// zoneNode is a zone.
type zoneNode struct {
	at
	name                                     string
	primary, secondary, primary6, secondary6 []address
	key                                      string
	keyAt                                    place
}

// authoritativeNode is `authoritative;` or `not authoritative;`.
type authoritativeNode struct {
	at
	not bool
}

// spaceNode is `option space NAME ...;`.
type spaceNode struct {
	at
	name                             string
	codeWidth, lengthWidth, hashSize int // as given; 0: not given
}

// defineOptionNode is `option NAME code N = TYPE;`.
type defineOptionNode struct {
	at
	option *optionDef
	typ    valueType
	code   uint32
}

// optionNode sets an option or a server parameter.
type optionNode struct {
	at
	verb   string // "option", "supersede", "default", "append", "prepend", "send"; "" for a parameter
	option *optionDef
	values []datum // what is written after the name
	expr   *expr   // instead of values, after "="
}

// flagNode is `allow WORD;`, `deny WORD;` or `ignore WORD;`.
type flagNode struct {
	at
	verb string
	flag string
	code Param
}

// ifNode is an if statement; each arm but the last of `else` has a condition.
type ifNode struct {
	at
	arms []arm
}

type arm struct {
	cond *expr // nil for else
	body []node
}

// switchNode is a switch statement; its body holds caseNodes among the others.
type switchNode struct {
	at
	expr *expr
	body []node
}

// caseNode is `case EXPR:`, or `default:` if expr is nil.
type caseNode struct {
	at
	expr *expr
}

// onNode is an on statement; bare is set when it has no block.
type onNode struct {
	at
	events []string
	bare   bool
	body   []node
}

// setNode is `set NAME = EXPR;`, `define NAME = EXPR;` or, with a body, the
// definition of a function.
type setNode struct {
	at
	verb     string
	name     string
	expr     *expr
	function *function
}

// function is a function defined by the configuration.
type function struct {
	args []string
	body []node
}

// unsetNode is `unset NAME;`.
type unsetNode struct {
	at
	name string
}

// evalNode is `eval EXPR;`, `return EXPR;`, or with no verb a function call.
type evalNode struct {
	at
	verb string
	expr *expr
}

// logNode is `log (LEVEL, EXPR);`; level may be empty.
type logNode struct {
	at
	level string
	expr  *expr
}

// executeNode is `execute ("COMMAND", EXPR ...);`.
type executeNode struct {
	at
	command string
	args    []*expr
}

// addNode is `add "CLASS";`.
type addNode struct {
	at
	class string
}

// address is an IPv4 address, or the name of a host.
type address struct {
	at   place
	ip   lease.IP
	ip6  []byte // IPv6, in zones
	name string // not empty: to be looked up
}

// datum is one written value of an option.
type datum struct {
	kind  fieldKind
	data  []byte   // encoded; nil for a name to be looked up
	text  bool     // of kindData: written as a string
	name  string   // of kindAddress: host name; of kindWord, kindSpace, kindKey, kindText: the word
	list  []string // of kindDomains and kindCompressed
	comma bool     // a comma stands in front
}
