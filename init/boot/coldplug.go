package boot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"tandem/images/layout"
	"tandem/images/modules"
)

// Loader loads kernel modules of the image.
type Loader struct {
	index  *modules.Index
	dir    string
	loaded map[string]bool
	// insert loads one module of a directory; tests have their own.
	insert func(dir, name string) error
}

// NewLoader reads the image's index of modules. An image without modules gives
// a loader that loads nothing.
func NewLoader() (*Loader, error) {
	f, err := os.Open(layout.ModuleIndex)
	if errors.Is(err, fs.ErrNotExist) {
		return newLoader(modules.New(nil), layout.ModuleDir, insertModule), nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	index, err := modules.Parse(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", layout.ModuleIndex, err)
	}
	return newLoader(index, layout.ModuleDir, insertModule), nil
}

func newLoader(index *modules.Index, dir string, insert func(dir, name string) error) *Loader {
	return &Loader{index: index, dir: dir, loaded: map[string]bool{}, insert: insert}
}

func insertModule(dir, name string) error {
	code, err := modules.ReadFile(dir, name)
	if err != nil {
		return err
	}
	err = unix.InitModule(code, "")
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}

// Load loads a module and what it needs.
func (l *Loader) Load(name string) error {
	order, err := l.index.Order(modules.Canonical(name))
	if err != nil {
		return err
	}
	for _, n := range order {
		if l.loaded[n] {
			continue
		}
		l.loaded[n] = true // a module that fails once fails again
		if err := l.insert(l.dir, n); err != nil && n == modules.Canonical(name) {
			return fmt.Errorf("kernel module %s: %w", n, err)
		}
	}
	return nil
}

// maxPasses bounds how often the devices are looked over: each pass may make
// new devices appear behind a bus.
const maxPasses = 6

// Coldplug loads the module of every device that is there, as far as want
// says yes, until nothing new turns up. It gives the number of modules loaded
// and what failed, which is for the log: a driver that does not take its
// device is common and harmless.
func (l *Loader) Coldplug(root fs.FS, want func(module string) bool) (n int, failed []error) {
	before := len(l.loaded)
	for range maxPasses {
		news := false
		for _, alias := range modaliases(root) {
			for _, m := range l.index.Match(alias) {
				if l.loaded[m] || !want(m) {
					continue
				}
				news = true
				if err := l.Load(m); err != nil {
					failed = append(failed, err)
				}
			}
		}
		if !news {
			break
		}
	}
	return len(l.loaded) - before, failed
}

// otherAliases are the devices that are on no bus: the processor's features
// and the machine's own name.
var otherAliases = []string{"sys/devices/system/cpu/modalias", "sys/class/dmi/id/modalias"}

// modaliases lists what the devices of sysfs ask for, each once. The buses
// list their devices; to look for them in all of sysfs takes a third of a
// second on a slow machine.
func modaliases(root fs.FS) []string {
	files := slices.Clone(otherAliases)
	buses, _ := fs.ReadDir(root, "sys/bus")
	for _, bus := range buses {
		devices := path.Join("sys/bus", bus.Name(), "devices")
		list, _ := fs.ReadDir(root, devices) // devices come and go while we look
		for _, d := range list {
			files = append(files, path.Join(devices, d.Name(), "modalias"))
		}
	}
	seen := map[string]bool{}
	var list []string
	for _, f := range files {
		raw, err := fs.ReadFile(root, f)
		if alias := strings.TrimSpace(string(raw)); err == nil && alias != "" && !seen[alias] {
			seen[alias] = true
			list = append(list, alias)
		}
	}
	return list
}

// IsWatchdog tells from a module's name whether it drives a watchdog, or the
// bus device that one hangs on.
func IsWatchdog(module string) bool {
	for _, part := range []string{"wdt", "tco", "6300esb", "watchdog", "lpc_ich", "i2c_i801"} {
		if strings.Contains(strings.ToLower(module), part) {
			return true
		}
	}
	return false
}
