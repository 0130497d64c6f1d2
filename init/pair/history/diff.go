package history

import (
	"bytes"
	"slices"

	"github.com/rogpeppe/go-internal/diff"

	"tandem/init/pair/version"
)

// Diff is the difference between two sets of files as a unified diff, file by
// file in the order of their names; empty if there is none. from and to name
// the two sides, as in "version 11".
func Diff(from, to string, a, b version.Files) []byte {
	names := append(a.Names(), b.Names()...)
	slices.Sort(names)
	var out bytes.Buffer
	for _, name := range slices.Compact(names) {
		old, inA := a[name]
		next, inB := b[name]
		oldName, newName := name+" ("+from+")", name+" ("+to+")"
		if !inA {
			oldName = "/dev/null"
		}
		if !inB {
			newName = "/dev/null"
		}
		text := diff.Diff(oldName, old, newName, next)
		if i := bytes.IndexByte(text, '\n'); i >= 0 { // the line "diff A B" says nothing new
			out.Write(text[i+1:])
		}
	}
	return out.Bytes()
}
