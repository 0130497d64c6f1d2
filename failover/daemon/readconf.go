package daemon

import (
	"fmt"
	"io"
	"os"
)

// maxConfFile bounds what is read of one configuration file; the language has
// a lower limit of its own and says so in its own words.
const maxConfFile = 64 << 20

// ReadConf reads a configuration file, or one that it includes. Devices and
// pipes, which may have no end, are refused.
func ReadConf(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxConfFile))
}
