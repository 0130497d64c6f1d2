package conf

import (
	"encoding/base64"
	"strings"

	"tandem/failover/conf/token"
)

// keyStatement reads a key.
func (p *parser) keyStatement() (node, bool) {
	t := p.take()
	n := &keyNode{at: p.at(t)}
	name := p.peek(0)
	if name.Kind == token.String {
		p.take()
		n.name = name.Text
	} else if n.name = p.dotted(); n.name == "" {
		p.fail(name, "", "expected the name of the key, not %s", name.Describe())
	}
	if !p.expect("{", "{ after the name of the key") && !p.skipToBlockEnd() {
		return nil, true
	}
	p.untilBrace(p.prev, func([]node) []node {
		before := p.peek(0).Pos.Offset
		if !p.keyPart(n) {
			p.skip()
		}
		if t := p.peek(0); t.Pos.Offset == before && t.Kind != token.EOF && !t.Is("}") {
			p.take()
		}
		return nil
	})
	p.accept(";")
	switch {
	case n.algorithm == "":
		p.fail(t, "add algorithm hmac-sha256; (or the algorithm that the other side uses)", "key %s has no algorithm", n.name)
	case n.secret == nil:
		p.fail(t, "add secret \"BASE64\";", "key %s has no secret", n.name)
	}
	return n, true
}

// keyPart reads `algorithm NAME;` or `secret BASE64;`.
func (p *parser) keyPart(n *keyNode) bool {
	t := p.peek(0)
	switch {
	case t.Is("algorithm"):
		p.take()
		if n.algorithm != "" {
			p.fail(t, "", "a second algorithm for key %s", n.name)
		}
		name := p.peek(0)
		if n.algorithm = p.dotted(); n.algorithm == "" {
			p.fail(name, quoteless(name), "expected the name of an algorithm, not %s", name.Describe())
			n.algorithm = "?"
			return false
		}
		n.algorithm = strings.ToLower(n.algorithm)
	case t.Is("secret"):
		p.take()
		if n.secret != nil {
			p.fail(t, "", "a second secret for key %s", n.name)
		}
		n.secret = []byte{}
		if !p.secret(n) {
			return false
		}
	default:
		p.fail(t, "", "expected algorithm or secret, not %s", t.Describe())
		p.take()
		return t.Is(";")
	}
	return p.semicolon()
}

// quoteless proposes to drop the quotes.
func quoteless(t token.Token) string {
	if t.Kind == token.String {
		return "write " + t.Text + ", without quotes"
	}
	return ""
}

// secret reads base64, which may be quoted, and may be cut by white space.
func (p *parser) secret(n *keyNode) bool {
	first := p.peek(0)
	var text strings.Builder
	for i := 0; ; i++ {
		t := p.peek(0)
		if t.Kind == token.EOF || i > 0 && !isBase64(t.Text) || t.Is(";") || t.Is("}") {
			break
		}
		p.take()
		text.WriteString(t.Text)
	}
	s, padding := text.String(), 0
	for strings.HasSuffix(s, "=") {
		s, padding = s[:len(s)-1], padding+1
	}
	raw, fault := decodeBase64(s, padding)
	switch {
	case s == "":
		p.fail(first, "", "expected the secret in base64, not %s", first.Describe())
		return first.Kind == token.String
	case fault == "" && len(raw) == 0:
		fault = "it holds not one whole octet"
		fallthrough
	case fault != "":
		p.fail(first, "make one with: openssl rand -base64 32", "the secret is not base64: %s", fault)
	}
	n.secret = append(n.secret, raw...)
	return true
}

// decodeBase64 decodes s, which had so many = behind it. Bits left over are
// no fault if they are zero, or if the padding makes the last quantum whole.
func decodeBase64(s string, padding int) (raw []byte, fault string) {
	if strings.Contains(s, "=") {
		return nil, "it goes on after the ="
	}
	whole := len(s) - len(s)%4
	raw, err := base64.RawStdEncoding.DecodeString(s[:whole])
	if err != nil || !isBase64(s) {
		return nil, "it has characters other than letters, digits, + and /"
	}
	var last [4]byte
	rest := s[whole:]
	n, _ := base64.StdEncoding.Decode(last[:], []byte(rest+strings.Repeat("A", 4-len(rest))))
	keep := max(len(rest)-1, 0)
	for _, b := range last[keep:n] {
		if rest != "" && b != 0 && (len(s)+padding)%4 != 0 {
			return nil, "its last octet is not whole"
		}
	}
	return append(raw, last[:keep]...), ""
}

// isBase64 tells whether s has only characters of base64.
func isBase64(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !isLetterOrDigit(c) && c != '+' && c != '/' && c != '=' {
			return false
		}
	}
	return true
}

func isLetterOrDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// zoneStatement reads a zone.
func (p *parser) zoneStatement() (node, bool) {
	t := p.take()
	n := &zoneNode{at: p.at(t)}
	name := p.peek(0)
	if n.name = p.dotted(); n.name == "" {
		p.fail(name, quoteless(name), "expected the name of the zone, not %s", name.Describe())
		n.name = p.take().Text
	}
	if !strings.HasSuffix(n.name, ".") {
		n.name += "."
	}
	if !p.expect("{", "{ after the name of the zone") && !p.skipToBlockEnd() {
		return nil, true
	}
	p.untilBrace(p.prev, func([]node) []node {
		before := p.peek(0).Pos.Offset
		if !p.zonePart(n) {
			p.skip()
		}
		if t := p.peek(0); t.Pos.Offset == before && t.Kind != token.EOF && !t.Is("}") {
			p.take()
		}
		return nil
	})
	return n, true
}

// zonePart reads one statement of a zone.
func (p *parser) zonePart(n *zoneNode) bool {
	t := p.peek(0)
	var list *[]address
	switch {
	case t.Is("primary"):
		list = &n.primary
	case t.Is("secondary"):
		list = &n.secondary
	case t.Is("primary6"):
		list = &n.primary6
	case t.Is("secondary6"):
		list = &n.secondary6
	case t.Is("key"):
		return p.zoneKey(n)
	default:
		p.fail(t, "", "expected primary, secondary or key, not %s", t.Describe())
		p.take()
		return t.Is(";")
	}
	p.take()
	if *list != nil {
		p.fail(t, "", "a second %s in zone %s", strings.ToLower(t.Text), n.name)
	}
	var ok bool
	if list == &n.primary6 || list == &n.secondary6 {
		*list, ok = p.addresses6()
	} else {
		*list, ok = p.addresses()
	}
	return ok && p.semicolon()
}

// zoneKey reads `key NAME;`.
func (p *parser) zoneKey(n *zoneNode) bool {
	word := p.take()
	if n.key != "" {
		p.fail(word, "", "a second key in zone %s", n.name)
	}
	t := p.peek(0)
	n.keyAt = p.place(t)
	if t.Kind == token.String {
		p.take()
		n.key = t.Text
	} else if n.key = p.dotted(); n.key == "" {
		p.fail(t, "", "expected the name of a key, not %s", t.Describe())
		return false
	}
	return p.semicolon()
}

// addresses6 reads IPv6 addresses with commas between.
func (p *parser) addresses6() ([]address, bool) {
	var out []address
	for {
		a := address{at: p.place(p.peek(0))}
		var ok bool
		if a.ip6, ok = p.ip6(); !ok {
			return out, false
		}
		out = append(out, a)
		if !p.accept(",") {
			return out, true
		}
	}
}
