package main

import (
	"bufio"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"tandem/failover/daemon/keyring"
	"tandem/images/layout"
	boxconf "tandem/init/box"
	"tandem/init/pair/backup"
)

const backupHelp = `failctl backup - all that makes this box, in one signed file

usage: failctl backup FILE             make it (as root, on a Tandem box)
       failctl backup verify FILE      is it whole, of which box, by whose key?
       failctl restore FILE            put it onto this box at the next start

In it: box.conf and the console's password hash, the box's private key and the
pin of its partner's, all versions of the pair's configuration with the keys in
them, and the leases. So the file is a secret: whoever has it can pretend to be
this box. Logs are not in it. The box goes on serving while it is made.

restore verifies every file first and changes nothing before the next start.
The leases are those of the past then: the box gets what it missed from its
partner (it must RECOVER) before it serves. Never run a restored box beside the
one that the backup was made of. A broken box is better replaced by a blank one
with failctl pair open replacement: that needs no backup.

  --data DIR                the box's data (` + layout.DataDir + `)
  --pin PIN                 with restore: the backup must be signed by the key
                            with this pin, as backup printed it at that time
  --yes                     do not ask; replace an older file

examples:
  failctl backup /mnt/usb/dhcp-a.backup
  failctl backup verify /mnt/usb/dhcp-a.backup
  failctl restore /mnt/usb/dhcp-a.backup

exit codes: 0 done, or good; 1 failed, or damaged; 2 the command line is wrong.
`

// makeBackup writes a backup of the box.
func makeBackup(out *output, o options, args []string) error {
	file, err := oneFile("backup takes one file", args)
	if err != nil {
		return err
	}
	if _, err := os.Stat(file); err == nil && !o.yes {
		return fmt.Errorf("%s is there already: name another file, or replace it with --yes", file)
	}
	src, pin, err := backupSource(o.data)
	if err != nil {
		return err
	}
	tmp := file + ".new"
	m, err := writeBackup(tmp, src)
	if err == nil {
		_, _, err = readBackup(tmp) // a stick may be broken
	}
	if err == nil {
		err = os.Rename(tmp, file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("no backup was made: %w", err), removeIfThere(tmp))
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %s files, %s octets, read back and good\nsigned by the key %v\n", file, thousands(len(m.Files)), thousands(int(info.Size())), pin)
	fmt.Fprintln(out.errors, "failctl: it holds this box's private key: keep it like a password")
	return err
}

func removeIfThere(file string) error {
	if err := os.Remove(file); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// backupSource says what a backup of the box with its data in dir is of.
func backupSource(dir string) (backup.Source, keyring.Pin, error) {
	src := backup.Source{Dir: dir, Now: time.Now(), Release: release()}
	raw, err := os.ReadFile(filepath.Join(dir, layout.BoxConfig))
	if err != nil {
		return src, keyring.Pin{}, fmt.Errorf("%w: this is done on a Tandem box that was set up; elsewhere copy dhcpd.conf, and the leases with failctl leases export", err)
	}
	if c, bad := boxconf.Parse(layout.BoxConfig, string(raw)); len(bad) == 0 { // a bad one is saved as it is
		src.Box, src.Role = c.Name, string(c.Role)
	}
	ring, err := keyring.Open(filepath.Join(dir, "keys"))
	if err != nil {
		return src, keyring.Pin{}, err
	}
	cert, pin, err := ring.Own()
	if err != nil {
		return src, pin, err
	}
	src.Key, _ = cert.PrivateKey.(ed25519.PrivateKey) // the keyring makes no others
	return src, pin, nil
}

// release is the release of the software on a box; empty elsewhere.
func release() string {
	var image layout.Image
	raw, err := os.ReadFile(layout.ImageInfo)
	if err != nil || json.Unmarshal(raw, &image) != nil {
		return ""
	}
	return image.Version
}

func writeBackup(file string, src backup.Source) (backup.Manifest, error) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return backup.Manifest{}, err
	}
	m, err := backup.Write(f, src)
	if err == nil {
		err = f.Sync()
	}
	return m, errors.Join(err, f.Close())
}

// verifyBackup says whether a backup is whole, and of what it is.
func verifyBackup(out *output, o options, args []string) error {
	file, err := oneFile("backup verify takes one file", args)
	if err != nil {
		return err
	}
	m, pin, err := readBackup(file)
	if err != nil {
		return err
	}
	if out.json {
		return json.NewEncoder(out).Encode(struct {
			backup.Manifest
			Signer string `json:"signer"`
		}{m, pin.String()})
	}
	fmt.Fprint(out, manifestText(&m, pin, signerText(o.data, pin)))
	fmt.Fprintln(out, "good")
	return nil
}

func readBackup(file string) (backup.Manifest, keyring.Pin, error) {
	f, err := os.Open(file)
	if err != nil {
		return backup.Manifest{}, keyring.Pin{}, err
	}
	defer f.Close()
	m, pin, err := backup.Verify(f)
	if err != nil {
		return m, pin, fmt.Errorf("%s: %w", file, err)
	}
	return m, pin, nil
}

// manifestText draws what a backup is of; it fits 80 columns but for the pin.
func manifestText(m *backup.Manifest, pin keyring.Pin, signer string) string {
	var b strings.Builder
	field := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-8s %s\n", name, cut(fmt.Sprintf(format, args...), 71))
	}
	field("box", "%s, %s", m.Box, m.Role)
	field("made", "%s by release %s", m.Made.Local().Format("2006-01-02 15:04"), m.Release)
	field("holds", "%s files, %s octets", thousands(len(m.Files)), thousands(int(m.Octets())))
	field("signed", "by %s, pin", signer)
	fmt.Fprintf(&b, "%v\n", pin)
	return b.String()
}

// signerText says whose key signed, as far as this box knows.
func signerText(dir string, pin keyring.Pin) string {
	if own, ok := ownPin(dir); ok && own == pin {
		return "this box's own key"
	}
	return "a key that this box does not have"
}

// ownPin is the pin of this box's key; ok is false if it has none. It makes
// none.
func ownPin(dir string) (pin keyring.Pin, ok bool) {
	keys := filepath.Join(dir, "keys")
	if _, err := os.Stat(filepath.Join(keys, "own.key")); err != nil {
		return pin, false
	}
	ring, err := keyring.Open(keys)
	if err != nil {
		return pin, false
	}
	_, pin, err = ring.Own()
	return pin, err == nil
}

// restoreBackup has a backup put in place at the next start.
func restoreBackup(out *output, o options, args []string) error {
	file, err := oneFile("restore takes one file", args)
	if err != nil {
		return err
	}
	if info, err := os.Stat(o.data); err != nil || !info.IsDir() {
		return fmt.Errorf("there is no %s: this is done on a Tandem box", o.data)
	}
	m, pin, err := readBackup(file)
	if err != nil {
		return err
	}
	fmt.Fprint(out.errors, manifestText(&m, pin, signerText(o.data, pin)))
	if err := trust(out, o, pin); err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := backup.Stage(f, o.data, pin); err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	_, err = fmt.Fprintf(out, "ready: restart this box, and it is %s as of %s; it serves once it has what it missed from its partner\n",
		m.Box, m.Made.Local().Format("2006-01-02 15:04"))
	return err
}

// trust decides whether the key that signed a backup may do so: this box's own
// may, any other one only if the operator says so.
func trust(out *output, o options, signer keyring.Pin) error {
	if o.pin != "" {
		want, err := keyring.ParsePin(o.pin)
		if err != nil {
			return usageError(err.Error())
		}
		if want != signer {
			return fmt.Errorf("nothing was changed: the backup is signed by another key than %v", want)
		}
		return nil
	}
	own, ok := ownPin(o.data)
	if ok && own == signer || o.yes {
		return nil
	}
	if _, err := unix.IoctlGetTermios(int(os.Stdin.Fd()), unix.TCGETS); err != nil {
		return errors.New("nothing was changed: compare the pin above with the one that backup printed, then repeat with --pin PIN")
	}
	fmt.Fprint(out.errors, "Is this the pin that backup printed when it was made? Type yes: ")
	answer, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	if strings.TrimSpace(strings.ToLower(answer)) != "yes" {
		return errors.New("nothing was changed")
	}
	return nil
}
