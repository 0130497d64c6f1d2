// Package history keeps the versions of the pair's configuration in a
// directory that people can read:
//
//	v0012-3fa9c1d2/           one directory a version: number and ID
//	    dhcpd.conf            its files
//	    hosts.conf
//	v0012-3fa9c1d2.json       its note: number, parent, who, when, comment,
//	                          the hash of every file, what became of it
//	active -> v0012-3fa9c1d2  the version in force
//	none/                     what is in force before there is a version
//	memory.json               what package change remembers
//
// Everything is written under another name, synced and renamed, and then the
// directory is synced: after a power cut there is the old state or the new
// one. A version counts once its note is there.
package history

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"tandem/init/pair/version"
)

// Limits. The oldest versions go first, but never those that Protect names.
const (
	MaxVersions = 50
	MaxOctets   = 64 << 20 // of all files of all versions together
)

// Names in the directory.
const (
	ActiveLink = "active"
	noneDir    = "none"
	memoryFile = "memory.json"
	noteSuffix = ".json"
	newPrefix  = ".new-" // half-made: removed by Open
)

// Entry is a version without its contents.
type Entry struct {
	version.Meta
	ID    version.ID `json:"id"`
	Files []File     `json:"files"`
	// Outcome and Why say what became of the version on this box.
	Outcome string `json:"outcome,omitempty"`
	Why     string `json:"why,omitempty"`
}

// File is one file of a version as it was written.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Ref gives the version's reference.
func (e *Entry) Ref() version.Ref { return version.Ref{Number: e.Number, ID: e.ID} }

// base is the name of the version's directory.
func (e *Entry) base() string { return baseName(e.Ref()) }

// versionDir matches what baseName makes.
var versionDir = regexp.MustCompile(`^v[0-9]{4,}-[0-9a-f]{8}$`)

func baseName(r version.Ref) string { return fmt.Sprintf("v%04d-%s", r.Number, r.ID.Short()) }

func (e *Entry) octets() (n int64) {
	for _, f := range e.Files {
		n += f.Size
	}
	return n
}

// Store is one directory. It is for one goroutine at a time.
type Store struct {
	dir       string
	disk      disk
	entries   []*Entry // ascending by number, then ID
	protected []version.ID
	// Left names what could not be read as the note of a version.
	Left []string
}

// Open reads the directory, which it makes if need be, and removes what a
// power cut left half-made.
func Open(dir string) (*Store, error) { return open(dir, osDisk{}) }

func open(dir string, d disk) (*Store, error) {
	s := &Store{dir: dir, disk: d}
	if err := d.makeDir(dir); err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	names, err := d.list(dir)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	for _, name := range names {
		if err := s.read(name); err != nil {
			return nil, fmt.Errorf("history: %w", err)
		}
	}
	if err := s.sweep(names); err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	slices.SortFunc(s.entries, order)
	return s, nil
}

func order(a, b *Entry) int {
	return cmp.Or(cmp.Compare(a.Number, b.Number), slices.Compare(a.ID[:], b.ID[:]))
}

// read takes the note of a version, if name is one.
func (s *Store) read(name string) error {
	base, ok := strings.CutSuffix(name, noteSuffix)
	if !ok || !versionDir.MatchString(base) {
		return nil
	}
	raw, err := s.disk.readFile(s.path(name))
	if err != nil {
		return err
	}
	var e Entry
	if err := json.Unmarshal(raw, &e); err != nil || e.base() != base {
		s.Left = append(s.Left, name)
		return nil
	}
	s.entries = append(s.entries, &e)
	return nil
}

// sweep removes what is half-made: names of that kind, and directories of
// versions without a note.
func (s *Store) sweep(names []string) error {
	for _, name := range names {
		orphan := versionDir.MatchString(name) && !slices.Contains(names, name+noteSuffix)
		if !strings.HasPrefix(name, newPrefix) && !orphan {
			continue
		}
		if target, err := s.disk.readLink(s.path(ActiveLink)); err == nil && target == name {
			continue // whatever it is, it is in force
		}
		if err := s.disk.removeAll(s.path(name)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// Protect names the versions that are kept whatever their age, besides the
// one in force.
func (s *Store) Protect(ids ...version.ID) { s.protected = slices.Clone(ids) }

// List gives all versions, the latest first.
func (s *Store) List() []Entry {
	list := make([]Entry, 0, len(s.entries))
	for _, e := range slices.Backward(s.entries) {
		list = append(list, *e)
	}
	return list
}

// ErrUnknown is what a version is that is not kept here.
var ErrUnknown = errors.New("this version is not kept on this box; failctl config history lists those that are")

func (s *Store) entry(id version.ID) (*Entry, error) {
	for _, e := range s.entries {
		if e.ID == id {
			return e, nil
		}
	}
	return nil, ErrUnknown
}

// Entry gives the note of a version.
func (s *Store) Entry(id version.ID) (Entry, error) {
	e, err := s.entry(id)
	if err != nil {
		return Entry{}, err
	}
	return *e, nil
}

// Find gives the version that an operator names: by its number, or by the
// begin of its ID where a number stands for two.
func (s *Store) Find(word string) (Entry, error) {
	var found []*Entry
	for _, e := range s.entries {
		if fmt.Sprint(e.Number) == word || len(word) >= 4 && strings.HasPrefix(e.ID.String(), strings.ToLower(word)) {
			found = append(found, e)
		}
	}
	switch len(found) {
	case 1:
		return *found[0], nil
	case 0:
		return Entry{}, fmt.Errorf("%.80q: %w", word, ErrUnknown)
	}
	var ids []string
	for _, e := range found {
		ids = append(ids, e.ID.Short())
	}
	return Entry{}, fmt.Errorf("%s stands for more than one version, because the boxes were changed while they were apart; say which: %s",
		word, strings.Join(ids, " or "))
}

// Path is where the files of a version are.
func (s *Store) Path(id version.ID) (string, error) {
	if id == (version.ID{}) {
		return s.path(noneDir), nil
	}
	e, err := s.entry(id)
	if err != nil {
		return "", err
	}
	return s.path(e.base()), nil
}

// Get reads a version and checks that it is what was written.
func (s *Store) Get(id version.ID) (*version.Version, error) {
	e, err := s.entry(id)
	if err != nil {
		return nil, err
	}
	v := &version.Version{Meta: e.Meta, Files: version.Files{}}
	for _, f := range e.Files {
		raw, err := s.disk.readFile(s.path(e.base(), f.Name))
		if err != nil {
			return nil, fmt.Errorf("%v: %w", e.Ref(), err)
		}
		if hash(raw) != f.SHA256 {
			return nil, fmt.Errorf("%v: %s is not as it was written", e.Ref(), f.Name)
		}
		v.Files[f.Name] = raw
	}
	if v.ID() != id {
		return nil, fmt.Errorf("%v: its note is not as it was written", e.Ref())
	}
	return v, nil
}

func hash(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// Verify says how the files of a version on disk differ from what was written;
// nil if they do not.
func (s *Store) Verify(id version.ID) error {
	v, err := s.Get(id)
	if err != nil {
		return err
	}
	dir, err := s.Path(id)
	if err != nil {
		return err
	}
	names, err := s.disk.list(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, ok := v.Files[name]; !ok {
			return fmt.Errorf("%v: %s does not belong to it", v.Ref(), name)
		}
	}
	return nil
}

// Active gives the version in force; the zero ID if there is none yet.
func (s *Store) Active() (version.ID, error) {
	target, err := s.disk.readLink(s.path(ActiveLink))
	if errors.Is(err, fs.ErrNotExist) {
		return version.ID{}, nil
	}
	if err != nil {
		return version.ID{}, fmt.Errorf("history: %w", err)
	}
	for _, e := range s.entries {
		if e.base() == target {
			return e.ID, nil
		}
	}
	return version.ID{}, nil
}

// Memory reads what SaveMemory wrote; nil if it never did.
func (s *Store) Memory() ([]byte, error) {
	raw, err := s.disk.readFile(s.path(memoryFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return raw, err
}
