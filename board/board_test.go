package board

import (
	"path"
	"slices"
	"strings"
	"testing"
)

func TestEveryBoardIsComplete(t *testing.T) {
	generic := map[string]string{}
	for _, b := range All() {
		t.Run(b.Name, func(t *testing.T) {
			if b.Title == "" || b.Arch == "" || len(b.Firmware) == 0 || b.Prefix == "" {
				t.Errorf("incomplete: %+v", b)
			}
			if len(b.Consoles) == 0 || !b.Console().Serial() {
				t.Error("the last console must be a serial one: it is the operator's")
			}
			if b.Generic == (len(b.Rules) > 0) {
				t.Error("a board is either generic or recognised by rules")
			}
			for _, r := range b.Rules {
				if r == (Rule{}) {
					t.Error("an empty rule fits everything")
				}
			}
			if n := len(b.Watchdogs); n < 2 || b.Watchdogs[n-1] != "Software Watchdog" {
				t.Errorf("watchdogs %q: hardware first, the kernel's software timer last", b.Watchdogs)
			}
			checkModules(t, b)
			for _, d := range b.Disks {
				if _, err := path.Match(d.Pattern, "sda"); err != nil {
					t.Errorf("disk pattern %q: %v", d.Pattern, err)
				}
			}
			for _, s := range b.Sensors {
				if s.High >= s.Critical {
					t.Errorf("sensor %s: high %d is not below critical %d", s.Chip, s.High, s.Critical)
				}
			}
			got, ok := ByName(b.Name)
			if !ok || got.Title != b.Title {
				t.Errorf("ByName(%q) = %q, %v", b.Name, got.Title, ok)
			}
		})
		if b.Generic {
			if other := generic[b.Arch]; other != "" {
				t.Errorf("two generic boards for %s: %s and %s", b.Arch, other, b.Name)
			}
			generic[b.Arch] = b.Name
		}
	}
	if _, ok := ByName("toaster"); ok {
		t.Error("ByName knows a toaster")
	}
}

func checkModules(t *testing.T, b Board) {
	t.Helper()
	for _, want := range []string{"ext4", "vfat", "nls_cp437", "nls_ascii"} {
		if !slices.Contains(b.Modules.First, want) {
			t.Errorf("%s is not among the first modules: the disk could not be mounted", want)
		}
	}
	if !slices.Contains(b.Modules.Fallback, "softdog") {
		t.Error("no software watchdog to fall back to")
	}
	all := b.Modules.All()
	for i, m := range all {
		if strings.Contains(m, "-") || slices.Contains(all[:i], m) {
			t.Errorf("module %q: spell it with _ and once", m)
		}
	}
}

func TestNamesAreSorted(t *testing.T) {
	names := Names()
	if len(names) != len(All()) || !slices.IsSorted(names) {
		t.Errorf("Names() = %q", names)
	}
}
