package backup

import (
	"archive/tar"
	"bytes"
	"io"
	"testing"

	"tandem/failover/daemon/keyring"
)

// bounded fails the test if a name leads out of the directory, and keeps
// nothing.
type bounded struct{ t *testing.T }

func (b bounded) file(name string, _ io.Reader) error {
	if checkName(name) != nil {
		b.t.Errorf("%q was let through", name)
	}
	return nil
}

func (b bounded) link(name, target string) error {
	if checkName(name) != nil || checkLink(name, target) != nil {
		b.t.Errorf("%q -> %q was let through", name, target)
	}
	return nil
}

// FuzzArchive: whatever the archive says, nothing leaves its directory, and
// what was not signed is not verified.
func FuzzArchive(f *testing.F) {
	for _, name := range []string{"box.conf", "keys/../x", "/etc/x", manifestName, signatureName} {
		var raw bytes.Buffer
		w := tar.NewWriter(&raw)
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg}); err != nil {
			f.Fatal(err)
		}
		f.Add(raw.Bytes())
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var in reading
		archive := tar.NewReader(bytes.NewReader(raw))
		for range 100 {
			head, err := archive.Next()
			if err != nil || in.take(head, archive, bounded{t}) != nil {
				break
			}
		}
		if in.manifest == nil || in.sig == nil {
			return
		}
		if _, pin, err := parseManifest(in.manifest, in.sig); err == nil && pin == (keyring.Pin{}) {
			t.Error("verified, and by no key")
		}
	})
}
