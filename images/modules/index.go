// Package modules is the list of kernel modules that an image carries: which
// needs which, and which device asks for which. The image builder writes it,
// init reads it; there is no modprobe on the box.
//
// The file is text, one line each, sorted:
//
//	igb dca i2c_algo_bit              module and what must be loaded before it
//	: pci:v00008086d00001533sv*       pattern of a device that asks for it
//
// Module names are spelled with '_'; the file of a module is its name and
// Tail. Patterns are those of the modules' own alias entries.
package modules

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Limits of what Parse accepts, far above what an image carries.
const (
	maxModules = 10_000
	maxLine    = 64 << 10
)

// Module is one kernel module of the image.
type Module struct {
	Name    string
	Needs   []string // modules to load before it
	Aliases []string // patterns with *, ? and [...]
}

// Index answers what to load. It is built by Add or Parse and read-only then.
type Index struct {
	byName map[string]*Module
	byBus  map[string][]rule // by the alias up to and with its first ':'
}

type rule struct {
	pattern string
	module  string
}

// New returns an index of the given modules.
func New(list []Module) *Index {
	ix := &Index{byName: map[string]*Module{}, byBus: map[string][]rule{}}
	for _, m := range list {
		ix.add(m)
	}
	return ix
}

func (ix *Index) add(m Module) {
	ix.byName[m.Name] = &m
	for _, a := range m.Aliases {
		bus := busOf(a)
		ix.byBus[bus] = append(ix.byBus[bus], rule{a, m.Name})
	}
}

// busOf is the part of an alias that never holds a wildcard in practice.
func busOf(alias string) string {
	i := strings.IndexByte(alias, ':')
	return alias[:i+1]
}

// Canonical spells a module's name as the index does: "i2c-i801.ko" is "i2c_i801".
func Canonical(name string) string {
	return strings.ReplaceAll(strings.TrimSuffix(name, ".ko"), "-", "_")
}

// Names returns every module, sorted.
func (ix *Index) Names() []string {
	names := make([]string, 0, len(ix.byName))
	for n := range ix.byName {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Has reports whether the image carries a module.
func (ix *Index) Has(name string) bool { return ix.byName[name] != nil }

// Match returns the modules that a device asks for by its modalias (the content
// of a sysfs file of that name), in the order of the index.
func (ix *Index) Match(modalias string) []string {
	var found []string
	for _, r := range ix.byBus[busOf(modalias)] {
		if glob(r.pattern, modalias) && !slices.Contains(found, r.module) {
			found = append(found, r.module)
		}
	}
	return found
}

// Order returns what to load for a module, in order, the module last. A module
// that the image does not carry gives an error that names it.
func (ix *Index) Order(name string) ([]string, error) {
	var order []string
	seen := map[string]bool{}
	var visit func(string) error
	visit = func(n string) error {
		if seen[n] { // also ends cycles, which soft dependencies may form
			return nil
		}
		seen[n] = true
		m := ix.byName[n]
		if m == nil {
			return fmt.Errorf("kernel module %s is not in this image", n)
		}
		for _, need := range m.Needs {
			if err := visit(need); err != nil {
				return fmt.Errorf("%w (%s needs it)", err, n)
			}
		}
		order = append(order, n)
		return nil
	}
	if err := visit(name); err != nil {
		return nil, err
	}
	return order, nil
}

// Write stores the index as Parse reads it.
func (ix *Index) Write(w io.Writer) error {
	b := bufio.NewWriter(w)
	for _, name := range ix.Names() {
		m := ix.byName[name]
		b.WriteString(strings.Join(append([]string{name}, m.Needs...), " ") + "\n")
		for _, a := range m.Aliases {
			b.WriteString(": " + a + "\n")
		}
	}
	return b.Flush()
}

// Parse reads an index.
func Parse(r io.Reader) (*Index, error) {
	var list []Module
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		if alias, ok := strings.CutPrefix(lines.Text(), ": "); ok {
			if len(list) == 0 {
				return nil, fmt.Errorf("module index, line %d: a pattern before the first module", n)
			}
			m := &list[len(list)-1]
			m.Aliases = append(m.Aliases, alias)
			continue
		}
		words := strings.Fields(lines.Text())
		if len(words) == 0 || strings.ContainsAny(lines.Text(), ":/") {
			return nil, fmt.Errorf("module index, line %d: %.60q is no module", n, lines.Text())
		}
		if len(list) == maxModules {
			return nil, fmt.Errorf("module index, line %d: more than %d modules", n, maxModules)
		}
		list = append(list, Module{Name: words[0], Needs: words[1:]})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("module index: %w", err)
	}
	return New(list), nil
}
