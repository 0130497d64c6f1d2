package conf

import (
	"strings"

	"tandem/failover/conf/token"
)

// loneRemedy proposes what a word that stands alone was meant for.
func (p *parser) loneRemedy(word string) string {
	if remedy := p.wordRemedy(word); remedy != "" {
		return remedy
	}
	return "delete it"
}

// startsStatement tells whether t is a word that begins a statement.
func startsStatement(t token.Token) bool {
	if t.Kind != token.Name {
		return false
	}
	word := strings.ToLower(t.Text)
	return starters[word] || contains(peerWords, word)
}

// statementWords are the words that begin a statement or declaration, but for
// server parameters.
var statementWords = []string{
	"add", "allow", "append", "authoritative", "break", "class", "db-time-format", "default", "define", "deny", "eval",
	"execute", "failover", "fixed-address", "group", "hardware", "host", "host-identifier", "if", "ignore", "include",
	"interface", "key", "lease-id-format", "log", "match", "not", "on", "option", "parse-vendor-option", "pool", "prepend",
	"range", "return", "send", "server-identifier", "set", "shared-network", "spawn", "subclass", "subnet", "supersede",
	"switch", "uid", "unset", "zone",
}

// starters are the words that begin a statement, parameters included.
var starters = func() map[string]bool {
	m := make(map[string]bool)
	for _, w := range statementWords {
		m[w] = true
	}
	for _, d := range parseTable(serverTable) {
		m[d.name] = true
	}
	return m
}()

// unknown reports that no statement begins here.
func (p *parser) unknown(kind blockKind) {
	t := p.peek(0)
	word := strings.ToLower(t.Text)
	switch {
	case !t.Word():
		p.fail(t, "", "expected a statement, not %s", t.Describe())
	case starters[word]:
		p.fail(t, "", "%s cannot stand %s", t.Describe(), kind)
	default:
		p.fail(t, p.wordRemedy(word), "%s is no statement", t.Describe())
	}
}

// misunderstood are words that people write, and what they should write.
var misunderstood = map[string]string{
	"dns-server": "option domain-name-servers", "dns-servers": "option domain-name-servers", "nameserver": "option domain-name-servers",
	"router": "option routers", "gateway": "option routers", "lease-time": "default-lease-time", "tftp-server": "next-server",
	"bootfile": "filename", "elseif": "elsif", "else": "else behind the } of an if", "elsif": "elsif behind the } of an if",
	"shared_network": "shared-network", "hw": "hardware ethernet", "mac": "hardware ethernet", "ip": "fixed-address",
}

// wordRemedy proposes what to write instead of an unknown word.
func (p *parser) wordRemedy(word string) string {
	if w := misunderstood[word]; w != "" {
		return "write " + w
	}
	if w := nearest(word, starterWords); w != "" {
		return "write " + w
	}
	if d := p.options.space("dhcp").find(word); d != nil {
		return "write option " + d.name
	}
	if w := nearest(word, dhcpNames); w != "" {
		return "write option " + w
	}
	return ""
}

// starterWords are starters as a list, dhcpNames the names of DHCP options
// known without a definition.
var starterWords, dhcpNames = func() (words, names []string) {
	words = append(words, statementWords...)
	for _, d := range parseTable(serverTable) {
		words = append(words, d.name)
	}
	for _, d := range parseTable(dhcpTable) {
		names = append(names, d.name)
	}
	return words, names
}()

// notExecutable reports something that cannot be carried out for a client.
func (p *parser) notExecutable() {
	t := p.peek(0)
	word := strings.ToLower(t.Text)
	switch {
	case t.Is(";"):
		p.fail(t, "delete it", "a semicolon without a statement")
	case t.Word() && (starters[word] || word == "subnet6"):
		p.fail(t, "move it outside", "%s cannot be conditional: it cannot stand in an if, switch or on block", t.Describe())
	case t.Word():
		p.fail(t, p.wordRemedy(word), "%s is no statement", t.Describe())
	default:
		p.fail(t, "", "expected a statement, not %s", t.Describe())
	}
}
