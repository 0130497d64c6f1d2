package apt

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Package is one Debian package, to the byte.
type Package struct {
	Arch    string // Debian's name of the root that it came through: "amd64", "arm64"
	Name    string
	Version string
	SHA256  string // of the .deb, hex
	Size    int64
}

// Lock pins the packages of every architecture. It is a text file:
//
//	suite bookworm
//	amd64 linux-image-6.1.0-1-amd64 6.1.1-1 <sha256> <bytes>
type Lock struct {
	Suite    string
	Packages []Package
}

const lockHead = `# Debian packages that images are made of. Refreshed by: mkimage kernel-update
# architecture, package, version, SHA-256 and size of the .deb
`

// ReadLock reads a lock file.
func ReadLock(name string) (Lock, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return Lock{}, fmt.Errorf("%w; make it with: mkimage kernel-update", err)
	}
	l, err := parseLock(data)
	if err != nil {
		return Lock{}, fmt.Errorf("%s: %w; make it anew with: mkimage kernel-update", name, err)
	}
	return l, nil
}

func parseLock(data []byte) (Lock, error) {
	var l Lock
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		w := strings.Fields(lines.Text())
		switch {
		case len(w) == 0 || strings.HasPrefix(w[0], "#"):
		case len(w) == 2 && w[0] == "suite":
			l.Suite = w[1]
		case len(w) == 5 && len(w[3]) == 64:
			size, err := strconv.ParseInt(w[4], 10, 64)
			if err != nil {
				return Lock{}, fmt.Errorf("line %d: size %q is no number", n, w[4])
			}
			l.Packages = append(l.Packages, Package{Arch: w[0], Name: w[1], Version: w[2], SHA256: w[3], Size: size})
		default:
			return Lock{}, fmt.Errorf("line %d is not understood", n)
		}
	}
	if l.Suite == "" {
		return Lock{}, fmt.Errorf("no line names the suite")
	}
	return l, lines.Err()
}

// String is the content of the lock file, sorted.
func (l Lock) String() string {
	list := slices.Clone(l.Packages)
	slices.SortFunc(list, func(a, b Package) int {
		return cmp.Or(strings.Compare(a.Arch, b.Arch), strings.Compare(a.Name, b.Name))
	})
	var b strings.Builder
	b.WriteString(lockHead)
	fmt.Fprintf(&b, "suite %s\n", l.Suite)
	for _, p := range list {
		fmt.Fprintf(&b, "%s %s %s %s %d\n", p.Arch, p.Name, p.Version, p.SHA256, p.Size)
	}
	return b.String()
}

// Find returns the locked package whose name begins with the given text.
func (l Lock) Find(arch, prefix string) (Package, error) {
	for _, p := range l.Packages {
		if p.Arch == arch && strings.HasPrefix(p.Name, prefix) {
			return p, nil
		}
	}
	return Package{}, fmt.Errorf("the lock file has no package %s* for %s; refresh it with: mkimage kernel-update", prefix, arch)
}
