// Package backup puts all that makes a box into one signed file, and back.
//
// The file is a tar archive, compressed with zstd. Its entries have the names
// that the files have below the data partition; the last two are
//
//	manifest.json   what the backup is of, and the SHA-256 of every file
//	signature.json  the box's Ed25519 signature over the manifest
//
// A file that was cut short has neither, and is refused.
//
// What is in it (Contents): box.conf and the console's password hash; the
// box's private key and its partner's pin; the versions of the pair's
// configuration; the lease store. So it is a secret: whoever has it can be
// taken for this box. Logs, the boot ledger and the clock's memory are not.
//
// A restored box has leases of the past and must RECOVER: Finish says so by the
// file Mark before it puts anything in place.
//
//	backup.Write(w, Source{Dir: "/data", ...})   the box may go on working
//	backup.Verify(r)                             names all that is wrong
//	backup.Stage(r, "/data", manifest)           whole at /data/restore
//	backup.Finish("/data")                       at boot, before any service
package backup

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"tandem/failover/daemon/keyring"
)

// Contents names what is put into a backup, below the data partition: files,
// and directories with all below them. Everything of it that is not in a
// backup is taken away by a restore, so that nothing of two boxes is mixed.
var Contents = []string{"box.conf", "console.password", "keys", "pair", "leases"}

// Names of entries and files.
const (
	manifestName  = "manifest.json"
	signatureName = "signature.json"
	// Mark is the file below the data partition that says: the data came out
	// of a backup, so the box must RECOVER.
	Mark = "restored"
	// Staged is the directory below the data partition that Finish puts in
	// place.
	Staged = "restore"
)

// Limits of a backup.
const (
	MaxFiles    = 20000
	MaxOctets   = 8 << 30 // of all files, unpacked
	maxManifest = 8 << 20
	maxName     = 400
)

// Manifest says what a backup is of.
type Manifest struct {
	Format  int       `json:"format"` // 1
	Box     string    `json:"box"`    // the box's name
	Role    string    `json:"role"`
	Release string    `json:"release"` // of the software
	Made    time.Time `json:"made"`
	// Files are in the order of the archive.
	Files []File `json:"files"`
}

// File is one file, or one symbolic link.
type File struct {
	Name   string `json:"name"` // below the data partition
	Size   int64  `json:"size,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	Link   string `json:"link,omitempty"` // where a symbolic link leads
}

// signature goes with the manifest.
type signature struct {
	PublicKey []byte `json:"publicKey"` // Ed25519
	Signature []byte `json:"signature"` // over signed(manifest)
}

// signed is what is signed of a manifest.
func signed(manifest []byte) []byte { return append([]byte("tandem backup 1\n"), manifest...) }

// Octets is the size of all files together.
func (m *Manifest) Octets() (n int64) {
	for _, f := range m.Files {
		n += f.Size
	}
	return n
}

// Has tells whether something of Contents is in the backup.
func (m *Manifest) Has(name string) bool {
	for _, f := range m.Files {
		if top, _, _ := strings.Cut(f.Name, "/"); top == name {
			return true
		}
	}
	return false
}

// parseManifest reads a manifest and checks its signature.
func parseManifest(raw, sig []byte) (Manifest, keyring.Pin, error) {
	var m Manifest
	var s signature
	if err := json.Unmarshal(sig, &s); err != nil || len(s.PublicKey) != ed25519.PublicKeySize {
		return m, keyring.Pin{}, errors.New("the signature of the backup is not understood")
	}
	if !ed25519.Verify(s.PublicKey, signed(raw), s.Signature) {
		return m, keyring.Pin{}, errors.New("the signature of the backup is wrong: it was changed after it was made")
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, keyring.Pin{}, fmt.Errorf("the manifest of the backup is not understood: %w", err)
	}
	if m.Format != 1 {
		return m, keyring.Pin{}, fmt.Errorf("the backup has format %d; this release knows format 1", m.Format)
	}
	pin, err := pinOf(s.PublicKey)
	return m, pin, err
}

// checkName says what is wrong with the name of an entry.
func checkName(name string) error {
	top, _, _ := strings.Cut(name, "/")
	known := false
	for _, c := range Contents {
		known = known || c == top
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsAny(part, "\x00\n") {
			known = false
		}
	}
	if !known || len(name) > maxName {
		return fmt.Errorf("%.80q does not belong into a backup", name)
	}
	return nil
}

// checkLink says what is wrong with a symbolic link: it leads to a neighbour.
func checkLink(name, target string) error {
	if target == "" || target == "." || target == ".." || len(target) > maxName || strings.ContainsAny(target, "/\x00\n") {
		return fmt.Errorf("the link %.80q leads to %.80q, outside of its directory", name, target)
	}
	return nil
}
