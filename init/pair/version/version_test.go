package version

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func sample() *Version {
	return &Version{
		Meta:  Meta{Number: 7, Parent: ID{1, 2}, Who: "anna", When: time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC), Comment: "c"},
		Files: Files{Main: []byte("# one\n"), "hosts.conf": nil},
	}
}

// The ID is what boxes of different releases agree on: it must not change.
func TestIDStaysWhatItIs(t *testing.T) {
	const want = "3b8613740a5484f6a22d40d456f4300c4e62c00e6aa597682b958819e5c0aa0a"
	if got := sample().ID().String(); got != want {
		t.Errorf("the ID is %s", got)
	}
	same := sample()
	same.When = same.When.Add(time.Millisecond).In(time.FixedZone("CET", 3600))
	raw, err := json.Marshal(same)
	if err != nil {
		t.Fatal(err)
	}
	var again Version
	if err := json.Unmarshal(raw, &again); err != nil || again.ID() != sample().ID() {
		t.Errorf("after JSON the ID is %v, %v", again.ID(), err)
	}
}

func TestEveryPartCounts(t *testing.T) {
	seen := map[ID]string{sample().ID(): "unchanged"}
	for name, change := range map[string]func(v *Version){
		"number":   func(v *Version) { v.Number++ },
		"parent":   func(v *Version) { v.Parent[31]++ },
		"who":      func(v *Version) { v.Who = "bert" },
		"when":     func(v *Version) { v.When = v.When.Add(time.Second) },
		"comment":  func(v *Version) { v.Comment = "" },
		"contents": func(v *Version) { v.Files[Main] = []byte("# one") },
		"name":     func(v *Version) { v.Files["host.conf"] = v.Files["hosts.conf"]; delete(v.Files, "hosts.conf") },
		"a file":   func(v *Version) { v.Files["x"] = nil },
	} {
		v := sample()
		change(v)
		if other, ok := seen[v.ID()]; ok {
			t.Errorf("%s: the same ID as %s", name, other)
		}
		seen[v.ID()] = name
	}
}

func TestIDAsText(t *testing.T) {
	id := sample().ID()
	var got ID
	if err := got.UnmarshalText([]byte(strings.ToUpper(id.String()))); err != nil || got != id {
		t.Errorf("%v, %v", got, err)
	}
	if err := got.UnmarshalText(nil); err != nil || got != (ID{}) || got.String() != "" {
		t.Errorf("the zero ID: %v, %v", got, err)
	}
	for _, bad := range []string{"12", strings.Repeat("g", 64), strings.Repeat("1", 66)} {
		if err := got.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if s := fmt.Sprint(Ref{}, " ", Ref{4, id}); s != "no version version 4" {
		t.Errorf("%q", s)
	}
}

func TestChecks(t *testing.T) {
	if err := sample().Check(); err != nil {
		t.Error(err)
	}
	many := Files{Main: nil}
	for i := range MaxFiles {
		many[fmt.Sprint(i)] = nil
	}
	for _, c := range []struct {
		files Files
		want  string
	}{
		{Files{}, "no dhcpd.conf"}, {many, "64 at most"}, {Files{Main: make([]byte, MaxTotal+1)}, "16777216 at most"},
		{Files{Main: nil, "a b": nil}, "cannot be the name"}, {Files{Main: nil, strings.Repeat("x", MaxName+1): nil}, "cannot be the name"},
		{Files{Main: nil, "": nil}, "cannot be the name"}, {Files{Main: nil, "a/b": nil}, "cannot be the name"}, {Files{Main: nil, "..": nil}, "cannot be the name"},
	} {
		if err := c.files.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	if a, b := First(Files{Main: nil}), First(Files{Main: nil}); a.ID() != b.ID() || a.Check() != nil {
		t.Error("two boxes make different first versions of the same files")
	}
}
