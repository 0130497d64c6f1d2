package daemon

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tandem/failover/conf"
)

func TestNeighboursAreWarnedOf(t *testing.T) {
	cfg, problems := conf.Load("dhcpd.conf", func(string) ([]byte, error) {
		return []byte("subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.1.0 10.0.8.255; }"), nil
	})
	if cfg == nil {
		t.Fatal(problems)
	}
	for limit, want := range map[string]bool{"1024\n": true, "2048\n": false, "none\n": false, "": false} {
		file := filepath.Join(t.TempDir(), "gc_thresh3")
		if limit != "" {
			if err := os.WriteFile(file, []byte(limit), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		log := NewLogger(&out, LogPlain, 0)
		warnNeighbours(cfg, file, log)
		log.Close()
		if got := strings.Contains(out.String(), "2048 addresses, the kernel keeps 1024 neighbours"); got != want {
			t.Errorf("limit %q: said %q", limit, out.String())
		}
	}
}
