package modules

import (
	"fmt"
	"os"
	"path/filepath"

	"tandem/images/gz"
)

// Tail is what follows a module's name in the name of its file. The modules
// stay packed (package gz) on the box, where the root file system lies in
// memory: they are read once.
const Tail = ".ko.gz"

// maxModule bounds a module's size, in bytes.
const maxModule = 64 << 20

// ReadFile returns a module's code from its file in a directory, as
// init_module(2) takes it: with Debian's signature at its end.
func ReadFile(dir, name string) ([]byte, error) {
	f, err := os.Open(filepath.Join(dir, name+Tail))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	code, err := gz.Unpack(f, maxModule)
	if err != nil {
		return nil, fmt.Errorf("kernel module %s: %w", name, err)
	}
	return code, nil
}
