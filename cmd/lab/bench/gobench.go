package bench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// The files that Prepare leaves: the load before, the Go benchmarks' output.
const (
	loadReport = "loadavg"
	goReport   = "gobench"
)

// Prepare runs the Go benchmarks of the engine. It needs the machine's own
// network, if only to find modules.
func Prepare(dir string) error {
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, loadReport), load, 0o644); err != nil {
		return err
	}
	cmd := exec.Command("go", "test", "-run", "^$", "-bench", ".", "-benchmem", "-timeout", "5m", "tandem/failover/...")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go benchmarks: %w\n%s", err, out.String())
	}
	return os.WriteFile(filepath.Join(dir, goReport), out.Bytes(), 0o644)
}

var (
	goPackage   = regexp.MustCompile(`^pkg: tandem/(\S+)`)
	goBenchmark = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)
	goValue     = regexp.MustCompile(`([0-9.e+]+) (\S+)`)
)

// goTable is the Go benchmarks as Markdown; empty if there are none.
func goTable(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	var b strings.Builder
	pkg := ""
	for line := range strings.Lines(string(text)) {
		if m := goPackage.FindStringSubmatch(line); m != nil {
			pkg = m[1]
		}
		m := goBenchmark.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		var values []string
		for _, v := range goValue.FindAllStringSubmatch(m[2], -1) {
			values = append(values, v[1]+" "+v[2])
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", pkg, m[1], strings.Join(values, ", "))
	}
	if b.Len() == 0 {
		return ""
	}
	return "\n| package | Go benchmark | per operation |\n|---|---|---|\n" + b.String()
}
