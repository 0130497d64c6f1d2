package conf

import (
	"strings"

	"tandem/failover/conf/token"
)

// optionType reads the type in the definition of an option.
func (p *parser) optionType() (valueType, bool) {
	var typ valueType
	arrayed := false
	if p.accept("array") {
		if !p.expect("of", "of after array") {
			return typ, false
		}
		arrayed = true
	}
	if p.accept("{") {
		typ.array, typ.record = arrayed, true
		return p.recordType(typ)
	}
	t := p.peek(0)
	f, ok := p.fieldType(arrayed)
	if !ok {
		return typ, false
	}
	if arrayed && f.kind == kindSub {
		p.fail(t, "", "an encapsulated space cannot repeat")
		return typ, false
	}
	f.array = arrayed && !f.array
	typ.fields = []field{f}
	return typ, true
}

// recordType reads the fields of a record behind its {.
func (p *parser) recordType(typ valueType) (valueType, bool) {
	arrays := typ.array
	for {
		arrayed := false
		t := p.peek(0)
		if t.Is("array") {
			p.take()
			if arrays {
				p.fail(t, "", "an array cannot hold arrays")
				return typ, false
			}
			if !p.expect("of", "of after array") {
				return typ, false
			}
			arrayed = true
		}
		f, ok := p.fieldType(arrayed || typ.array)
		if !ok {
			return typ, false
		}
		f.array = arrayed
		if typ.fields = append(typ.fields, f); len(typ.fields) > maxRecord {
			p.fail(t, "", "more than %d fields in a record", maxRecord)
			return typ, false
		}
		switch sep := p.peek(0); {
		case sep.Is("}"):
			p.take()
			if typ.array && f.kind == kindSub {
				p.fail(t, "", "an encapsulated space cannot repeat")
				return typ, false
			}
			return typ, true
		case !sep.Is(","):
			p.fail(sep, "", "expected , or } in the record, not %s", sep.Describe())
			return typ, false
		}
		p.take()
		if openEnded(f.kind) {
			p.fail(t, "", "this type takes everything to the end of the option: it must be the last of the record")
			return typ, false
		}
	}
}

// openEnded tells whether a value of kind k has no length of its own.
func openEnded(k fieldKind) bool {
	switch k {
	case kindText, kindData, kindDomain, kindDomains, kindCompressed, kindEmpty, kindSub:
		return true
	}
	return false
}

// typeWords are the words that begin a type.
var typeWords = []string{"boolean", "integer", "signed", "unsigned", "ip-address", "ip6-address", "text", "string", "domain-name", "domain-list", "encapsulate", "zerolen", "array"}

// fieldType reads the type of one field.
func (p *parser) fieldType(arrayed bool) (field, bool) {
	t := p.take()
	var f field
	switch word := strings.ToLower(t.Text); {
	case t.Kind == token.String:
	case word == "boolean":
		f.kind = kindBoolean
	case word == "integer":
		return p.integerType(true)
	case word == "signed", word == "unsigned":
		if !p.expect("integer", "integer after "+word) {
			return f, false
		}
		return p.integerType(word == "signed")
	case word == "ip-address":
		f.kind = kindAddress
	case word == "ip6-address":
		f.kind = kindAddress6
	case word == "text":
		f.kind = kindText
	case word == "string":
		f.kind = kindData
	case word == "domain-name":
		f.kind = kindDomain
	case word == "domain-list":
		if f.kind = kindDomains; p.accept("compressed") {
			f.kind = kindCompressed
		}
	case word == "zerolen":
		f.kind = kindEmpty
	case word == "encapsulate":
		name := p.peek(0)
		s := p.options.space(name.Text)
		if !name.Word() || s == nil {
			p.fail(name, p.spaceRemedy(name.Text), "expected the name of an option space, not %s", name.Describe())
			return f, false
		}
		p.take()
		return field{kind: kindSub, space: s.name}, true
	}
	if f.kind == 0 {
		remedy := ""
		if w := nearest(t.Text, typeWords); w != "" && t.Word() {
			remedy = "write " + w
		}
		p.fail(t, remedy, "%s is no type of an option", t.Describe())
		return f, false
	}
	if arrayed && openEnded(f.kind) {
		p.fail(t, "", "there are no arrays of %s", strings.ToLower(t.Text))
		return f, false
	}
	return f, true
}

// integerType reads the width of an integer.
func (p *parser) integerType(signed bool) (field, bool) {
	kinds := map[int64][2]fieldKind{8: {kindUint8, kindInt8}, 16: {kindUint16, kindInt16}, 32: {kindUint32, kindInt32}}
	n, ok := p.width()
	if !ok {
		return field{}, false
	}
	k := kinds[n]
	if signed {
		return field{kind: k[1]}, true
	}
	return field{kind: k[0]}, true
}
