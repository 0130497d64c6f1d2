package modules

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Info is what a module says of itself in its .modinfo section.
type Info struct {
	Name     string
	Depends  []string // modules without which it cannot be loaded
	Softdeps []string // modules or aliases that it likes to find loaded ("pre:")
	Aliases  []string
	Licence  string
}

// ReadInfo takes the .modinfo section of a module file (ELF, not compressed).
// name is the file's base name.
func ReadInfo(name string, file io.ReaderAt) (Info, error) {
	f, err := elf.NewFile(file)
	if err != nil {
		return Info{}, fmt.Errorf("module %s: %w", name, err)
	}
	section := f.Section(".modinfo")
	if section == nil {
		return Info{}, fmt.Errorf("module %s: no .modinfo section", name)
	}
	raw, err := section.Data()
	if err != nil {
		return Info{}, fmt.Errorf("module %s: %w", name, err)
	}
	return parseInfo(Canonical(name), raw), nil
}

func parseInfo(name string, raw []byte) Info {
	info := Info{Name: name}
	for entry := range bytes.SplitSeq(raw, []byte{0}) {
		key, value, _ := strings.Cut(string(entry), "=")
		switch key {
		case "depends":
			for need := range strings.SplitSeq(value, ",") {
				if need != "" {
					info.Depends = append(info.Depends, Canonical(need))
				}
			}
		case "softdep":
			info.Softdeps = append(info.Softdeps, before(value)...)
		case "alias":
			info.Aliases = append(info.Aliases, value)
		case "license":
			info.Licence = value
		}
	}
	return info
}

// before returns the words of a softdep line that stand under "pre:".
func before(line string) []string {
	var words []string
	pre := false
	for _, w := range strings.Fields(line) {
		if strings.HasSuffix(w, ":") {
			pre = w == "pre:"
		} else if pre {
			words = append(words, w)
		}
	}
	return words
}

// ErrMissing is wrapped by Close when the kernel does not have a wanted module.
var ErrMissing = errors.New("the kernel has no such module")

// Close returns the wanted modules and everything that they need, sorted by
// name. all is every module of the kernel, builtin names what is compiled in
// and so needs no file. A soft dependency brings in the module of that name; if
// it is an alias it only orders modules that are carried anyway.
func Close(all map[string]Info, builtin map[string]bool, wanted []string) ([]Module, error) {
	carried := map[string]bool{}
	queue := slices.Clone(wanted)
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		if carried[name] || builtin[name] {
			continue
		}
		info, ok := all[name]
		if !ok {
			return nil, fmt.Errorf("%w: %s", ErrMissing, name)
		}
		carried[name] = true
		queue = append(queue, info.Depends...)
		for _, soft := range info.Softdeps {
			if _, ok := all[Canonical(soft)]; ok {
				queue = append(queue, Canonical(soft))
			}
		}
	}
	return order(all, carried), nil
}

// order turns the chosen modules into index entries.
func order(all map[string]Info, carried map[string]bool) []Module {
	var list []Module
	for name := range carried {
		list = append(list, Module{Name: name, Aliases: slices.Sorted(slices.Values(all[name].Aliases))})
	}
	slices.SortFunc(list, func(a, b Module) int { return strings.Compare(a.Name, b.Name) })
	aliases := New(list)
	for i := range list {
		m := &list[i]
		info := all[m.Name]
		need := func(name string) {
			if carried[name] && name != m.Name && !slices.Contains(m.Needs, name) {
				m.Needs = append(m.Needs, name)
			}
		}
		for _, d := range info.Depends {
			need(d)
		}
		for _, s := range info.Softdeps {
			need(Canonical(s))
			for _, provider := range aliases.Match(s) {
				need(provider)
			}
		}
	}
	return list
}
