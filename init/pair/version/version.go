// Package version is the vocabulary of the pair's configuration: what a
// version is, how it is identified, and its limits. It is pure.
//
// A version is a set of files with flat names, of which dhcpd.conf is the main
// one and includes the others by name, and a note of who made it, when and on
// top of what. It never changes: its ID is a hash over all of it.
package version

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Main is the file that a configuration begins with.
const Main = "dhcpd.conf"

// Limits of one version. A dhcpd.conf with 40,000 hosts has 4 MiB.
const (
	MaxFiles   = 64
	MaxTotal   = 16 << 20 // octets of all files together
	MaxName    = 64       // octets of a file's name
	MaxComment = 400      // octets of a comment
	MaxWho     = 100      // octets of a name
)

// ID identifies a version. The zero ID is that of no version.
type ID [sha256.Size]byte

// String is the ID in hexadecimal; empty for the zero ID.
func (id ID) String() string {
	if id == (ID{}) {
		return ""
	}
	return hex.EncodeToString(id[:])
}

// Short is the begin of the ID, for people and for names of directories.
func (id ID) Short() string { return hex.EncodeToString(id[:4]) }

// MarshalText implements encoding.TextMarshaler.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *ID) UnmarshalText(text []byte) error {
	*id = ID{}
	if len(text) == 0 {
		return nil
	}
	if hex.DecodedLen(len(text)) != len(id) {
		return fmt.Errorf("%.70q is not the ID of a version: it has 64 hexadecimal digits", text)
	}
	if _, err := hex.Decode(id[:], text); err != nil {
		return fmt.Errorf("%.70q is not the ID of a version: %w", text, err)
	}
	return nil
}

// Meta is the note that goes with a version's files.
type Meta struct {
	// Number counts versions; it is for people. Two boxes that were edited
	// while they were apart may use one number twice.
	Number uint64 `json:"number"`
	// Parent is the version that was in force when this one was made.
	Parent  ID        `json:"parent"`
	Who     string    `json:"who"`
	When    time.Time `json:"when"` // in whole seconds, UTC
	Comment string    `json:"comment,omitempty"`
}

// Files are the contents by name.
type Files map[string][]byte

// Version is one version, whole.
type Version struct {
	Meta
	Files Files `json:"files"`
}

// Ref names a version for people and programs.
type Ref struct {
	Number uint64 `json:"number"`
	ID     ID     `json:"id"`
}

// String is "version 12", or "no version".
func (r Ref) String() string {
	if r.ID == (ID{}) {
		return "no version"
	}
	return fmt.Sprintf("version %d", r.Number)
}

// Ref gives the version's reference.
func (v *Version) Ref() Ref { return Ref{v.Number, v.ID()} }

// ID computes the hash over the note and the files, in the order of their
// names.
func (v *Version) ID() ID {
	m := v.Meta
	m.When = m.When.UTC().Truncate(time.Second)
	note, _ := json.Marshal(m) // a struct of plain values never fails
	h := sha256.New()
	h.Write(append(note, '\n'))
	for _, name := range v.Files.Names() {
		sum := sha256.Sum256(v.Files[name])
		fmt.Fprintf(h, "%s  %s\n", hex.EncodeToString(sum[:]), name)
	}
	return ID(h.Sum(nil))
}

// Names gives the names of the files in order.
func (f Files) Names() []string { return slices.Sorted(maps.Keys(f)) }

// Equal tells whether both have the same names and contents.
func (f Files) Equal(g Files) bool { return maps.EqualFunc(f, g, bytes.Equal) }

// Check says what is wrong with a set of files; nil if they can be a version.
func (f Files) Check() error {
	if len(f) > MaxFiles {
		return fmt.Errorf("%d files; a configuration has %d at most", len(f), MaxFiles)
	}
	if _, ok := f[Main]; !ok {
		return errors.New("there is no " + Main + " among the files")
	}
	total := 0
	for _, name := range f.Names() {
		if err := CheckName(name); err != nil {
			return err
		}
		total += len(f[name])
	}
	if total > MaxTotal {
		return fmt.Errorf("the files have %d octets; a configuration has %d at most", total, MaxTotal)
	}
	return nil
}

// CheckName says what is wrong with the name of a file: it has no slash, no
// leading dot, and no other letters than those that a shell leaves alone.
func CheckName(name string) error {
	ok := name != "" && len(name) <= MaxName && name[0] != '.' && name[0] != '-' && !strings.ContainsFunc(name, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("._-+", c))
	})
	if !ok {
		return fmt.Errorf("%.80q cannot be the name of a configuration file: letters, digits and . _ - + only, no directories, not over %d long", name, MaxName)
	}
	return nil
}

// Check says what is wrong with a version as a whole.
func (v *Version) Check() error {
	switch {
	case v.Number == 0:
		return errors.New("a version has a number from 1")
	case len(v.Who) > MaxWho:
		return fmt.Errorf("the name of who made it is over %d octets long", MaxWho)
	case len(v.Comment) > MaxComment:
		return fmt.Errorf("the comment is over %d octets long", MaxComment)
	}
	return v.Files.Check()
}

// First makes version 1 of files that were on the box before there was a
// history. Two boxes that were given the same files get the same version.
func First(files Files) *Version {
	return &Version{Meta: Meta{Number: 1, Who: "first start", When: time.Unix(0, 0).UTC()}, Files: files}
}
