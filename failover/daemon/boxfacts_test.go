package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestHeartbeatsAreToldOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "facts.json")
	var told heardAt
	for _, c := range []struct {
		name        string
		lan, direct time.Duration
		now         time.Duration
		want        []string
	}{
		{"never heard", 0, 0, 100 * time.Second, nil},
		{"from before this process", 90 * time.Second, 0, 100 * time.Second, nil},
		{"both", 100 * time.Second, 99 * time.Second, 100 * time.Second, []string{"LAN", "direct cable"}},
		{"the same again", 100 * time.Second, 99 * time.Second, 101 * time.Second, nil},
		{"one new", 102 * time.Second, 99 * time.Second, 102 * time.Second, []string{"LAN"}},
		{"from the future", 202 * time.Second, 0, 103 * time.Second, nil},
		{"the earlier one was not believed", 104 * time.Second, 0, 104 * time.Second, []string{"LAN"}},
	} {
		text := fmt.Sprintf(`{"sinceBoot":%d,"heard":{"lan":%d,"direct":%d}}`, c.now, c.lan, c.direct)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := boxFacts(path, int64(c.now), &told).Heard; !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestWhereTheStoreComesFrom(t *testing.T) {
	path := filepath.Join(t.TempDir(), "facts.json")
	for text, want := range map[string]string{
		`{"boot":{"id":"x"}}`:                                 "",
		`{"boot":{"id":"x","dataLost":true}}`:                 "new",
		`{"boot":{"id":"x","restored":true}}`:                 "restored",
		`{"boot":{"id":"x","dataLost":true,"restored":true}}`: "restored",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := ReadBoot(path); err != nil || b.StoreOrigin != want {
			t.Errorf("%s: %q, %v; want %q", text, b.StoreOrigin, err, want)
		}
	}
}
