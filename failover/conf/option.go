package conf

import (
	"slices"
	"strings"
)

// An option is known by its space, name and code, and has a type that says
// how its value is written and encoded. Option spaces and options are
// declared by the tables in optiontable.go and by the configuration.

// fieldKind is the type of one field of an option's value.
type fieldKind byte

// The kinds of fields.
const (
	kindAddress    fieldKind = 'I' // IPv4 address, or a host name
	kindAddress6   fieldKind = '6' // IPv6 address
	kindUint32     fieldKind = 'L'
	kindInt32      fieldKind = 'l'
	kindUint16     fieldKind = 'S'
	kindInt16      fieldKind = 's'
	kindUint8      fieldKind = 'B'
	kindInt8       fieldKind = 'b'
	kindText       fieldKind = 't' // string or word
	kindBoolean    fieldKind = 'f' // one octet; ignore is 2
	kindData       fieldKind = 'X' // string or hexadecimal octets
	kindDomains    fieldKind = 'D' // list of domain names (RFC 1035)
	kindCompressed fieldKind = 'C' // the same with compression
	kindDomain     fieldKind = 'd' // one domain name (RFC 1035)
	kindEmpty      fieldKind = 'Z' // no value at all
	kindSeconds    fieldKind = 'T' // unsigned 32 bits, or infinite
	kindSpace      fieldKind = 'U' // name of an option space
	kindWord       fieldKind = 'N' // one word out of a list
	kindKey        fieldKind = 'k' // name of a key
	kindSub        fieldKind = 'E' // the options of another space, or raw data
)

// field is one field of a record.
type field struct {
	kind     fieldKind
	array    bool   // several, with commas between
	optional bool   // may be missing at the end
	space    string // of kindSub: the space encapsulated ("" for the vendor's); of kindWord: the list of words
}

// valueType is how the value of an option is made up.
type valueType struct {
	fields []field
	array  bool // the whole record repeats, with commas between
	record bool // written in braces
}

// optionDef is one option.
type optionDef struct {
	space *space
	name  string
	code  uint32
	typ   valueType
	// unknown marks an option made of the name unknown-NNN.
	unknown bool
}

// key names the option.
func (d *optionDef) key() OptionKey { return OptionKey{d.space.name, d.code} }

// fullName is the name as option statements write it.
func (d *optionDef) fullName() string {
	if d.space.name == "dhcp" {
		return d.name
	}
	return d.space.name + "." + d.name
}

// label is the name for messages: parameters go without their space.
func (d *optionDef) label() string {
	if d.space.name == "server" {
		return d.name
	}
	return d.fullName()
}

// space is an option space.
type space struct {
	name   string
	byName map[string]*optionDef // by lower case name
	byCode map[uint32]*optionDef
	// codeWidth and lengthWidth are octets in the encoding of an option.
	codeWidth, lengthWidth int
	// end is a code that no option can have, if not zero.
	end uint32
	// outer is the option that holds the space, nil if none does; holders are
	// the options of the space that hold others. Set when all is declared.
	outer   *optionDef
	holders []*optionDef
}

// options is every option space.
type options struct {
	spaces map[string]*space // by lower case name
	order  []*space
}

// newOptions makes the spaces that need no declaration.
func newOptions() *options {
	o := &options{spaces: make(map[string]*space)}
	for _, b := range builtinSpaces {
		s := o.add(b.name, len(b.options))
		s.codeWidth, s.lengthWidth, s.end = b.codeWidth, b.lengthWidth, b.end
		defs := slices.Clone(b.options) // redefinition may change them
		for i := range defs {
			defs[i].space = s
			s.define(&defs[i])
		}
	}
	return o
}

// add makes an empty space for about n options, in place of an earlier one of
// that name.
func (o *options) add(name string, n int) *space {
	s := &space{name: name, byName: make(map[string]*optionDef, n), byCode: make(map[uint32]*optionDef, n), codeWidth: 1, lengthWidth: 1}
	o.spaces[strings.ToLower(name)] = s
	o.order = append(o.order, s)
	return s
}

// space finds a space by name, in any case; nil if there is none.
func (o *options) space(name string) *space { return o.spaces[strings.ToLower(name)] }

// define enters d. An earlier option of the same code loses the code but
// keeps its name.
func (s *space) define(d *optionDef) {
	s.byName[strings.ToLower(d.name)] = d
	s.byCode[d.code] = d
}

// find looks an option up by name, in any case; nil if there is none.
func (s *space) find(name string) *optionDef { return s.byName[strings.ToLower(name)] }
