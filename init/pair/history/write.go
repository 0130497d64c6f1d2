package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"tandem/init/pair/version"
)

// Put writes a version, durably. One that is there already and whole is left
// alone; a damaged one is replaced.
func (s *Store) Put(v *version.Version) error {
	if err := v.Check(); err != nil {
		return err
	}
	e := &Entry{Meta: v.Meta, ID: v.ID()}
	for _, name := range v.Files.Names() {
		raw := v.Files[name]
		e.Files = append(e.Files, File{name, int64(len(raw)), hash(raw)})
	}
	old, err := s.entry(e.ID)
	if err == nil {
		if s.Verify(e.ID) == nil {
			return nil
		}
		e.Outcome, e.Why = old.Outcome, old.Why
	}
	err = s.write(e, v.Files, old != nil)
	if errors.Is(err, syscall.ENOSPC) { // old versions are worth less than the new one
		if perr := s.prune(0, 0, e.ID); perr == nil {
			err = s.write(e, v.Files, old != nil)
		}
	}
	if err != nil {
		return fmt.Errorf("%v cannot be written: %w", v.Ref(), err)
	}
	s.entries = slices.DeleteFunc(s.entries, func(o *Entry) bool { return o.ID == e.ID })
	s.entries = append(s.entries, e)
	slices.SortFunc(s.entries, order)
	return s.prune(MaxVersions, MaxOctets, e.ID)
}

// write writes the files and the note of a version. What a failure leaves is
// removed as far as that works; Open does the rest.
func (s *Store) write(e *Entry, files version.Files, known bool) error {
	err := s.writeDir(e.base(), files)
	if err == nil {
		if err = s.writeNote(e); err == nil {
			return nil
		}
	}
	_ = s.disk.removeAll(s.path(newPrefix + e.base()))
	_ = s.disk.removeAll(s.path(newPrefix + e.base() + noteSuffix))
	if !known {
		_ = s.disk.removeAll(s.path(e.base() + noteSuffix))
		_ = s.disk.removeAll(s.path(e.base()))
	}
	return err
}

// writeDir makes a directory of files whole under another name, and then puts
// it in place, in exchange for what is there.
func (s *Store) writeDir(name string, files version.Files) error {
	tmp := s.path(newPrefix + name)
	if err := s.disk.removeAll(tmp); err != nil {
		return err
	}
	if err := s.disk.makeDir(tmp); err != nil {
		return err
	}
	for _, file := range files.Names() {
		if err := s.disk.writeFile(s.path(newPrefix+name, file), files[file]); err != nil {
			return err
		}
	}
	if err := s.disk.syncDir(tmp); err != nil {
		return err
	}
	if err := s.disk.replaceDir(tmp, s.path(name)); err != nil {
		return err
	}
	if err := s.disk.syncDir(s.dir); err != nil {
		return err
	}
	return s.disk.removeAll(tmp) // what was there before
}

func (s *Store) writeNote(e *Entry) error {
	raw, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	return s.writeWhole(e.base()+noteSuffix, append(raw, '\n'))
}

// writeWhole puts a small file in place, durably.
func (s *Store) writeWhole(name string, raw []byte) error {
	tmp := s.path(newPrefix + name)
	if err := s.disk.writeFile(tmp, raw); err != nil {
		return err
	}
	if err := s.disk.rename(tmp, s.path(name)); err != nil {
		return err
	}
	return s.disk.syncDir(s.dir)
}

// Note writes what became of a version.
func (s *Store) Note(id version.ID, outcome, why string) error {
	e, err := s.entry(id)
	if err != nil {
		return err
	}
	next := *e
	next.Outcome, next.Why = outcome, why
	if err := s.writeNote(&next); err != nil {
		return fmt.Errorf("%v: %w", e.Ref(), err)
	}
	*e = next
	return nil
}

// Activate puts a version in force: the link is switched at once and durably.
// The zero ID is an empty configuration.
func (s *Store) Activate(id version.ID) error {
	target := noneDir
	if id == (version.ID{}) {
		if _, err := s.disk.list(s.path(noneDir)); err != nil {
			empty := version.Files{version.Main: []byte("# there is no configuration yet: this box serves nobody\n")}
			if err := s.writeDir(noneDir, empty); err != nil {
				return fmt.Errorf("history: %w", err)
			}
		}
	} else {
		e, err := s.entry(id)
		if err != nil {
			return err
		}
		target = e.base()
	}
	if now, err := s.disk.readLink(s.path(ActiveLink)); err == nil && now == target {
		return nil
	}
	tmp := s.path(newPrefix + ActiveLink)
	if err := s.disk.removeAll(tmp); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	if err := s.disk.symlink(target, tmp); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	if err := s.disk.rename(tmp, s.path(ActiveLink)); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	if err := s.disk.syncDir(s.dir); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}

// SaveMemory keeps what package change remembers, durably.
func (s *Store) SaveMemory(raw []byte) error {
	if err := s.writeWhole(memoryFile, raw); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}

// prune removes the oldest versions beyond the limits, but none that must stay.
// The note goes first: a directory without one is swept by Open.
func (s *Store) prune(versions int, limit int64, latest version.ID) error {
	active, err := s.Active()
	if err != nil {
		return err
	}
	keep := append([]version.ID{latest, active}, s.protected...)
	var octets int64
	for _, e := range s.entries {
		octets += e.octets()
	}
	for i := 0; i < len(s.entries) && (len(s.entries) > versions || octets > limit); {
		e := s.entries[i]
		if slices.Contains(keep, e.ID) {
			i++
			continue
		}
		if err := s.disk.removeAll(s.path(e.base() + noteSuffix)); err != nil {
			return fmt.Errorf("history: %w", err)
		}
		octets -= e.octets()
		s.entries = slices.Delete(s.entries, i, i+1)
		if err := s.disk.removeAll(s.path(e.base())); err != nil {
			return fmt.Errorf("history: %w", err)
		}
	}
	return nil
}
