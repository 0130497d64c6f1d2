package backup

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"tandem/failover/daemon/keyring"
)

// taker gets the contents of a backup's files, or nothing if it is nil.
type taker interface {
	file(name string, r io.Reader) error
	link(name, target string) error
}

// reading is what one passage through a backup yields.
type reading struct {
	found         []File
	octets        int64
	manifest, sig []byte
}

// maxWindow bounds the memory that unpacking takes.
const maxWindow = 64 << 20

// errCut is what a backup is whose end is missing.
var errCut = errors.New("the backup is cut short, or damaged")

// pass goes through a backup once.
func pass(r io.Reader, to taker) (*reading, error) {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	t := tar.NewReader(z)
	var in reading
	for {
		head, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, zstd.ErrMagicMismatch) {
			return nil, errors.New("this is not a backup of a Tandem box")
		}
		if err != nil {
			return nil, fmt.Errorf("%w after %d files (%v)", errCut, len(in.found), err)
		}
		if err := in.take(head, t, to); err != nil {
			return nil, err
		}
	}
	if in.manifest == nil || in.sig == nil {
		return nil, fmt.Errorf("%w: it has no signed manifest", errCut)
	}
	return &in, nil
}

// take reads one entry.
func (in *reading) take(head *tar.Header, r io.Reader, to taker) error {
	if in.manifest != nil && (head.Name != signatureName || in.sig != nil) {
		return fmt.Errorf("%.80q comes after the manifest", head.Name)
	}
	switch {
	case head.Name == manifestName || head.Name == signatureName:
		raw, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
		if err != nil {
			return fmt.Errorf("%w in %s (%v)", errCut, head.Name, err)
		}
		if len(raw) > maxManifest {
			return fmt.Errorf("%s is larger than %d octets", head.Name, maxManifest)
		}
		if head.Name == manifestName {
			in.manifest = raw
		} else {
			in.sig = raw
		}
		return nil
	case len(in.found) >= MaxFiles:
		return fmt.Errorf("the backup has more than %d files", MaxFiles)
	}
	if err := checkName(head.Name); err != nil {
		return err
	}
	switch head.Typeflag {
	case tar.TypeSymlink:
		if err := checkLink(head.Name, head.Linkname); err != nil {
			return err
		}
		in.found = append(in.found, File{Name: head.Name, Link: head.Linkname})
		if to != nil {
			return to.link(head.Name, head.Linkname)
		}
		return nil
	case tar.TypeReg:
		return in.takeFile(head, r, to)
	}
	return fmt.Errorf("%.80q is neither a file nor a link", head.Name)
}

func (in *reading) takeFile(head *tar.Header, r io.Reader, to taker) error {
	if in.octets += head.Size; head.Size < 0 || in.octets > MaxOctets {
		return fmt.Errorf("the backup has more than %d octets", int64(MaxOctets))
	}
	h := sha256.New()
	body := &countingReader{r: io.TeeReader(r, h)}
	if to != nil {
		if err := to.file(head.Name, body); err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		return fmt.Errorf("%w in %s (%v)", errCut, head.Name, err)
	}
	in.found = append(in.found, File{Name: head.Name, Size: body.n, SHA256: hex.EncodeToString(h.Sum(nil))})
	return nil
}

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// compare names every difference between the manifest and what was found.
func compare(m *Manifest, found []File) error {
	var errs []error
	had := map[string]File{}
	for _, f := range found {
		if _, twice := had[f.Name]; twice {
			errs = append(errs, fmt.Errorf("%s is there twice", f.Name))
		}
		had[f.Name] = f
	}
	for _, want := range m.Files {
		got, ok := had[want.Name]
		delete(had, want.Name)
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("%s is missing", want.Name))
		case got != want:
			errs = append(errs, fmt.Errorf("%s is not as it was when the backup was made", want.Name))
		}
	}
	for _, f := range found {
		if _, extra := had[f.Name]; extra {
			errs = append(errs, fmt.Errorf("%s does not belong to it", f.Name))
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("the backup is damaged: %w", errors.Join(errs...))
	}
	return nil
}

// Verify reads a backup as a whole and names all that is wrong with it. The pin
// is that of the key that signed it: whose that is, the caller must know.
func Verify(r io.Reader) (Manifest, keyring.Pin, error) { return check(r, nil) }

func check(r io.Reader, to taker) (Manifest, keyring.Pin, error) {
	in, err := pass(r, to)
	if err != nil {
		return Manifest{}, keyring.Pin{}, err
	}
	m, pin, err := parseManifest(in.manifest, in.sig)
	if err != nil {
		return Manifest{}, keyring.Pin{}, err
	}
	return m, pin, compare(&m, in.found)
}
