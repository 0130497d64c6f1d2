package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tandem/failover/daemon/keyring"
	"tandem/images/layout"
	"tandem/init/boot"
	"tandem/init/pair/backup"
	"tandem/init/setup"
)

// doBackup does what concerns backups.
func (m *machine) doBackup(ctx context.Context, a setup.Action) (setup.Answer, error) {
	switch a := a.(type) {
	case setup.BackupPlaces:
		return setup.Answer{Sources: m.backupPlaces(ctx)}, nil
	case setup.BackupList:
		return setup.Answer{Sources: m.look(ctx, backupsIn)}, nil
	case setup.Backup:
		return m.writeBackup(a.To)
	case setup.Restore:
		return m.restore(ctx, a.From)
	}
	return setup.Answer{}, fmt.Errorf("%T is not known here", a)
}

// backupPlaces lists the file systems that are not the box's own.
func (m *machine) backupPlaces(ctx context.Context) []setup.Source {
	var list []setup.Source
	for _, p := range places() {
		if p.own || ctx.Err() != nil {
			continue
		}
		if m.visit(p.device, true, func(string) error { return nil }) == nil {
			list = append(list, setup.Source{ID: p.device + sourceSeparator, Label: p.label})
		}
	}
	return list
}

// backupsIn names the backups in a directory.
func backupsIn(dir string) (found []string) {
	names, _ := filepath.Glob(filepath.Join(dir, "*"+backupEnding))
	for _, n := range names {
		found = append(found, filepath.Base(n))
	}
	return found
}

// writeBackup puts a backup of this box onto a stick. It has another name
// until it is whole.
func (m *machine) writeBackup(to setup.Source) (answer setup.Answer, err error) {
	device, _, _ := strings.Cut(to.ID, sourceSeparator)
	own, _, err := ownKey()
	if err != nil {
		return answer, err
	}
	c := m.Facts().Box
	now := time.Now().UTC()
	name := c.Name + now.Format("-20060102-150405") + backupEnding
	err = m.visit(device, true, func(dir string) error {
		part := filepath.Join(dir, name+".part")
		f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		manifest, err := backup.Write(f, backup.Source{Dir: dataDir, Key: own, Box: c.Name, Role: string(c.Role), Release: m.Facts().Version, Now: now})
		if err == nil {
			err = f.Sync()
		}
		if err != nil {
			return errors.Join(err, os.Remove(part))
		}
		if _, err := f.Seek(0, 0); err != nil {
			return err
		}
		if _, _, err := backup.Verify(f); err != nil {
			return fmt.Errorf("what was written does not come back as it was: %w; use another stick", err)
		}
		answer.Text = fmt.Sprintf("%s: %d files, %d octets, read back and good. Keep it where nobody else reads it.", name, len(manifest.Files), manifest.Octets())
		return os.Rename(part, filepath.Join(dir, name))
	})
	return answer, err
}

// ownKey is this box's private key.
func ownKey() (ed25519.PrivateKey, keyring.Pin, error) {
	ring, err := keyring.Open(layout.KeysDir)
	if err != nil {
		return nil, keyring.Pin{}, err
	}
	cert, pin, err := ring.Own()
	if err != nil {
		return nil, pin, err
	}
	key, ok := cert.PrivateKey.(ed25519.PrivateKey)
	if !ok {
		return nil, pin, errors.New("this box's key is of another kind")
	}
	return key, pin, nil
}

// restore stages a backup and restarts the box, which then puts it in place. A
// box that is set up takes its own backups only; a blank one has nothing to
// compare the signature with, and takes the word of whoever holds the stick.
func (m *machine) restore(ctx context.Context, from setup.Source) (answer setup.Answer, err error) {
	device, name, _ := strings.Cut(from.ID, sourceSeparator)
	if !m.dataMounted {
		return answer, errors.New("there is no data partition to restore to")
	}
	var manifest backup.Manifest
	err = m.visit(device, false, func(dir string) error {
		f, err := os.Open(filepath.Join(dir, filepath.Base(name)))
		if err != nil {
			return err
		}
		defer f.Close()
		_, signer, err := backup.Verify(f)
		if err != nil {
			return err
		}
		if _, own, err := ownKey(); m.Facts().SetUp && (err != nil || own != signer) {
			return fmt.Errorf("the backup is signed by another key (%v) than this box's: only a blank box takes it; reset this one first", signer)
		}
		if _, err := f.Seek(0, 0); err != nil {
			return err
		}
		manifest, err = backup.Stage(f, dataDir, signer)
		return err
	})
	if err != nil {
		return answer, err
	}
	answer, err = m.end(ctx, order{reason: boot.ByCommand, why: "restarting to put a backup in place"})
	answer.Text = fmt.Sprintf("The backup of %s from %s is whole. %s", manifest.Box, manifest.Made.Format(time.DateTime), answer.Text)
	return answer, err
}
