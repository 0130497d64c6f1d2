package failover_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the path of this module.
const module = "tandem"

// engine lists the packages of the engine, from the inside out: what each may
// import of the engine, and whether it is pure. What holds for a package holds
// for its sub-packages; a package may import its own sub-packages.
var engine = map[string]struct {
	pure bool
	may  []string
}{
	"failover/lease":     {pure: true},
	"failover/wire":      {pure: true, may: []string{"lease"}},
	"failover/conf":      {pure: true, may: []string{"lease"}},
	"failover/dhcp":      {pure: true, may: []string{"lease", "conf"}},
	"failover/omapi":     {pure: true, may: []string{"lease"}},
	"failover/names":     {pure: true, may: []string{"lease", "conf"}},
	"failover":           {pure: true, may: []string{"lease", "wire", "conf", "dhcp"}},
	"failover/node":      {pure: true, may: []string{"lease", "wire", "conf", "dhcp", "omapi", "names", "."}},
	"failover/leasefile": {pure: true, may: []string{"lease", "conf"}},
	"failover/store":     {may: []string{"lease"}},
	"failover/daemon":    {may: []string{"lease", "wire", "conf", "dhcp", "omapi", "names", ".", "node", "store", "leasefile"}},
	"failover/sim":       {may: []string{"lease", "wire", "conf", "dhcp", "omapi", "names", ".", "node", "store"}},
	// Not of the engine, and pure all the same.
	"init/pair/version": {pure: true},
	"init/pair/change":  {pure: true},
}

// rim says where third parties and some packages of our own may be imported.
// A path stands for itself and all below it.
var rim = []struct {
	imported string
	by       []string
	why      string
}{
	{"tandem/failover", []string{"failover", "cmd"}, "the box and the engine meet by exec, the notify socket and files under /run"},
	{"tandem/failover/sim", []string{"failover/sim"}, "the simulation is for tests"},
	{"tandem/init", []string{"init", "cmd"}, "the engine does not know the box"},
	{"tandem/hwmon", []string{"hwmon", "init", "cmd"}, "the engine does not know the box"},
	{"tandem/board", []string{"board", "hwmon", "init", "images", "qemu", "cmd"}, "the engine does not know the box"},
	{"tandem/images", []string{"images", "init", "qemu", "cmd"}, "the engine does not know the box"},
	{"tandem/images/apt", []string{"images", "qemu", "cmd"}, "images are made on a workstation"},
	{"tandem/images/kernel", []string{"images", "qemu", "cmd"}, "images are made on a workstation"},
	{"tandem/images/initramfs", []string{"images", "qemu", "cmd"}, "images are made on a workstation"},
	{"tandem/qemu", []string{"qemu", "cmd"}, "virtual boxes are for tests and for make run"},
	{"tandem/cmd", []string{"cmd"}, "programs are not libraries"},
	{"github.com/insomniacslk/dhcp", []string{"failover/dhcp", "failover/daemon", "cmd/lab", "qemu"}, "the DHCP codec stays at the rim"},
	{"github.com/vishvananda/netlink", []string{"init/network", "hwmon/link", "failover/daemon", "cmd/lab", "qemu"}, "links are watched at the rim"},
	{"github.com/beevik/ntp", []string{"init/clock"}, "one place asks for the time"},
	{"github.com/u-root", []string{"images/initramfs", "images/debug", "init/boot", "hwmon/watchdog", "cmd/init"}, "u-root is for the image and for booting"},
	{"github.com/gtank/ristretto255", []string{"init/pair/enrol"}, "the group of the pairing code's exchange"},
	{"github.com/rogpeppe/go-internal", []string{"init/pair/history"}, "one place makes diffs"},
	{"github.com/coreos/go-systemd", []string{"failover/daemon", "init/supervise"}, "the notify protocol has two ends"},
}

// exceptions are packages below one of rim that others may import as well.
var exceptions = []struct {
	imported string
	by       []string
	why      string
}{
	{"tandem/failover/daemon/keyring", []string{"init"}, "a box has one key: one implementation of keys and pinned TLS"},
	{"tandem/failover/daemon/control", []string{"init"}, "one protocol for every local control socket"},
	{"tandem/init/pair/heartbeat", []string{"failover/sim"}, "simulated boxes beat as real ones do"},
}

// excepted tells whether a package may import p whatever rim says.
func excepted(pkg, p string) bool {
	for _, e := range exceptions {
		if p == e.imported && slices.ContainsFunc(e.by, func(by string) bool { return under(pkg, by) }) {
			return true
		}
	}
	return false
}

// impure are the packages that a pure one must not import; a path ending in a
// slash stands for all below it.
var impure = []string{
	"context", "crypto/rand", "log", "log/", "math/rand", "math/rand/", "net", "net/", "os", "os/", "runtime", "runtime/",
	"sync", "sync/", "syscall", "unsafe", "golang.org/x/sys/", "golang.org/x/net/",
}

// allowed are the exceptions: net/netip is values only, and the DHCP codec
// forces the types of net upon those who use it.
var allowed = map[string][]string{
	"net/netip": {"failover"},
	"net":       {"failover/dhcp"},
}

// clocks are the functions of package time that look at the machine's clock.
var clocks = []string{"Now", "Since", "Until", "After", "AfterFunc", "NewTicker", "NewTimer", "Sleep", "Tick"}

func TestArchitecture(t *testing.T) {
	files := sources(t, "..")
	if len(files) < 20 {
		t.Fatalf("found only %d files: the walk is broken", len(files))
	}
	for _, f := range files {
		for _, complaint := range complaints(f) {
			t.Error(complaint)
		}
	}
}

// source is one parsed file.
type source struct {
	pkg  string // the package's path inside the module, e.g. "failover/lease"
	set  *token.FileSet
	file *ast.File
}

// sources parses every file that is built, tests left out, under root.
func sources(t *testing.T, root string) []source {
	t.Helper()
	var found []source
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			base := d.Name()
			if base == "testdata" || base == "out" || base == "bin" || name != root && strings.HasPrefix(base, ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		s := source{pkg: path.Dir(filepath.ToSlash(rel)), set: token.NewFileSet()}
		s.file, err = parser.ParseFile(s.set, name, nil, parser.SkipObjectResolution)
		found = append(found, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// complaints says what a file does that it must not.
func complaints(s source) []string {
	var all []string
	add := func(at token.Pos, format string, args ...any) {
		all = append(all, fmt.Sprintf("%s: %s", s.set.Position(at), fmt.Sprintf(format, args...)))
	}
	name, known := layer(s.pkg)
	if !known && under(s.pkg, "failover") {
		add(s.file.Pos(), "package %s is not in the table of layers: say what it may import", s.pkg)
	}
	for _, imp := range s.file.Imports {
		p, _ := strconv.Unquote(imp.Path.Value)
		for _, r := range rim {
			if under(p, r.imported) && !excepted(s.pkg, p) && !slices.ContainsFunc(r.by, func(by string) bool { return under(s.pkg, by) }) {
				add(imp.Pos(), "%s must not import %s: %s", s.pkg, p, r.why)
			}
		}
		if known && !inward(s.pkg, name, p) {
			add(imp.Pos(), "%s must not import %s: arrows point inward", s.pkg, p)
		}
		if known && engine[name].pure && isImpure(s.pkg, p) {
			add(imp.Pos(), "%s is pure and must not import %s", s.pkg, p)
		}
	}
	if known && engine[name].pure {
		ast.Inspect(s.file, func(n ast.Node) bool {
			if what := impurity(n); what != "" {
				add(n.Pos(), "%s is pure: no %s", s.pkg, what)
			}
			return true
		})
	}
	return all
}

// layer is the entry of the table that a package belongs to: the longest one
// that it is under. "failover" itself has sub-packages only by name.
func layer(pkg string) (string, bool) {
	best := ""
	for name := range maps.Keys(engine) {
		if (name == pkg || name != "failover" && under(pkg, name)) && len(name) > len(best) {
			best = name
		}
	}
	return best, best != ""
}

// inward tells whether a package of the engine may import p as far as the
// layers of the engine decide it.
func inward(pkg, name, p string) bool {
	inside, ok := strings.CutPrefix(p, module+"/")
	if !ok || !under(inside, "failover") || under(inside, pkg) || inside != "failover" && under(inside, name) {
		return true
	}
	target, _ := layer(inside)
	return slices.ContainsFunc(engine[name].may, func(may string) bool { return path.Join("failover", may) == target })
}

func isImpure(pkg, p string) bool {
	if slices.ContainsFunc(allowed[p], func(by string) bool { return under(pkg, by) }) {
		return false
	}
	return slices.ContainsFunc(impure, func(i string) bool {
		return p == i || strings.HasSuffix(i, "/") && strings.HasPrefix(p, i)
	})
}

// impurity names what a node does that a pure package must not; empty if it is
// harmless.
func impurity(n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "goroutines"
	case *ast.ChanType, *ast.SendStmt, *ast.SelectStmt:
		return "channels"
	case *ast.SelectorExpr:
		if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clocks, n.Sel.Name) {
			return "time." + n.Sel.Name
		}
	}
	return ""
}

// under tells whether p is dir or below it.
func under(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

// The checks see what they are for.
func TestArchitectureChecksBite(t *testing.T) {
	for _, c := range []struct{ pkg, code, want string }{
		{"failover/lease", `import "time"; var x = time.Now()`, "no time.Now"},
		{"failover/lease", `func f() { go f() }`, "no goroutines"},
		{"failover/conf/token", `var c chan int`, "no channels"},
		{"failover/wire", `import "sync/atomic"`, "must not import sync/atomic"},
		{"failover/wire", `import "net"`, "must not import net"},
		{"failover/dhcp", `import "net"`, ""},
		{"failover", `import "net/netip"`, ""},
		{"failover/lease", `import "tandem/failover/wire"`, "arrows point inward"},
		{"failover/wire", `import "tandem/failover"`, "arrows point inward"},
		{"failover/store", `import "tandem/failover/node"`, "arrows point inward"},
		{"failover/node", `import "tandem/failover"`, ""},
		{"failover/store", `import "tandem/failover/store/faultfs"`, ""},
		{"failover/daemon", `import "tandem/hwmon/link"`, "does not know the box"},
		{"init/boot", `import "tandem/failover/conf"`, "meet by exec"},
		{"init/pair", `import "tandem/failover/daemon/keyring"; import "tandem/failover/daemon/control"`, ""},
		{"init/pair", `import "tandem/failover/daemon"`, "meet by exec"},
		{"init/pair/change", `import "time"; var x = time.Now()`, "no time.Now"},
		{"init/pair/change", `import "tandem/init/pair/version"`, ""},
		{"hwmon", `import "tandem/failover/daemon/control"`, "meet by exec"},
		{"failover/store", `import "github.com/insomniacslk/dhcp/dhcpv4"`, "stays at the rim"},
		{"failover/node", `import "tandem/failover/sim"`, "for tests"},
		{"failover/helpers", ``, "not in the table"},
		{"cmd/lab", `import "os"; import "tandem/failover/lease"`, ""},
	} {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, "x.go", "package x;"+c.code, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(complaints(source{c.pkg, set, file}), "\n")
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s with %s: complaints %q, want %q", c.pkg, c.code, got, cmp.Or(c.want, "none"))
		}
	}
}
