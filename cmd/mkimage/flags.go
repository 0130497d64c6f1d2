package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"tandem/board"
)

// config is the command line.
type config struct {
	board     string
	out       string
	programs  map[string]string // name of the program to a path given by hand
	version   string
	provision string
	lock      string
	mirrors   list
	cache     string
	suite     string
	debug     bool
	packed    bool
	direct    bool
}

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// programs of the box that are built here, each from cmd/NAME.
var programs = []string{"init", "dhcpfd", "failctl"}

func parse(args []string) (*config, error) {
	c := &config{programs: map[string]string{}}
	f := flag.NewFlagSet("mkimage", flag.ContinueOnError)
	f.Usage = func() {
		fmt.Fprint(f.Output(), usage)
		f.PrintDefaults()
	}
	f.StringVar(&c.board, "board", "", "`name` of the board, one of: "+strings.Join(board.Names(), ", "))
	f.StringVar(&c.out, "o", "", "image `file` (default out/tandem-BOARD.img)")
	paths := map[string]*string{}
	for _, name := range programs {
		paths[name] = f.String(name, "", "`file` to use as "+name+" instead of building ./cmd/"+name)
	}
	f.StringVar(&c.version, "version", "", "`text` that names the version (default: what git describe says)")
	f.StringVar(&c.provision, "provision", "", "`directory` whose files go into the image's provisioning place")
	f.StringVar(&c.lock, "lock", "images/kernel.lock", "lock `file` with the versions of Debian's packages")
	f.Var(&c.mirrors, "mirror", "`address` of a Debian mirror instead of this host's; give it twice, the second for security")
	f.StringVar(&c.cache, "cache", "", "`directory` for packages (default: tandem in the user's cache directory)")
	f.StringVar(&c.suite, "suite", "bookworm", "Debian `release` for kernel-update")
	f.BoolVar(&c.debug, "debug", false, "add a shell and tools; the image says so and is not for a network")
	f.BoolVar(&c.packed, "zst", true, "write the compressed image too")
	f.BoolVar(&c.direct, "direct", false, "write FILE.kernel, FILE.initrd and FILE.cmdline too, for QEMU without a boot loader")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("%q is not understood; flags come first (see mkimage -help)", f.Arg(0))
	}
	for name, p := range paths {
		c.programs[name] = *p
	}
	if c.cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("%w; name a directory with -cache", err)
		}
		c.cache = filepath.Join(dir, "tandem")
	}
	return c, nil
}
