package enrol

import (
	"strings"
	"testing"
)

func TestCodes(t *testing.T) {
	seen := map[Code]bool{}
	for range 1000 {
		c := NewCode()
		back, err := ParseCode(strings.ToLower(c.String()))
		if err != nil || back != c || seen[c] {
			t.Fatalf("%v: %v, %v, seen %v", c, back, err, seen[c])
		}
		seen[c] = true
	}
}

func TestParseCode(t *testing.T) {
	for _, c := range []struct{ in, want, complaint string }{
		{"K7QM-3F2P", "K7QM-3F2P", ""},
		{" k7 qm3-f2p ", "K7QM-3F2P", ""},
		{"K7QM-3F2", "", "this has 7"},
		{"K7QM-3F2PX", "", "this has 9"},
		{"", "", "this has 0"},
		{"K7QM-3F2O", "", "never has the character 'O'"},
		{"K7QM-3F2!", "", "only letters and digits"},
		{"K7QM-3F2\x1b", "", `not '\x1b'`},
	} {
		got, err := ParseCode(c.in)
		if c.complaint == "" && (err != nil || got.String() != c.want) {
			t.Errorf("%q: %v, %v", c.in, got, err)
		}
		if c.complaint != "" && (err == nil || !strings.Contains(err.Error(), c.complaint)) {
			t.Errorf("%q: %v, want %q", c.in, err, c.complaint)
		}
	}
}
