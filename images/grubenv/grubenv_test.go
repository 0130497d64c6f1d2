package grubenv

import (
	"reflect"
	"strings"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	want := State{Order: "b", Tries: map[string]int{"a": 0, "b": 2}}
	block := want.Encode()
	if len(block) != Size || !strings.HasPrefix(string(block), header+"order=b\n") || block[Size-1] != '#' {
		t.Errorf("block %q", block)
	}
	if got, err := Parse(block); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestParseRefuses(t *testing.T) {
	good := string(Fresh().Encode())
	for name, bad := range map[string]string{
		"nothing":       "",
		"zeros":         strings.Repeat("\x00", Size),
		"short":         good[:Size-1],
		"slot c":        strings.Replace(good, "order=a", "order=c", 1),
		"no order":      strings.Replace(good, "order", "ordeal", 1)[:Size],
		"four tries":    strings.Replace(good, "a_tries=3", "a_tries=4", 1),
		"no number":     strings.Replace(good, "b_tries=3", "b_tries=x", 1),
		"only comments": header + strings.Repeat("#", Size-len(header)),
	} {
		if s, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%s: accepted as %+v", name, s)
		}
	}
}

// starts follows GRUB over n starts of which none gets well.
func starts(s State, n int) string {
	var seen strings.Builder
	for range n {
		var slot string
		slot, s = s.Next()
		seen.WriteString(slot)
	}
	return seen.String()
}

func TestFallback(t *testing.T) {
	for _, tt := range []struct {
		name string
		from State
		want string
	}{
		{"fresh and never well", Fresh(), "aaabbb" + "abab"},
		{"update with two tries", Fresh().Try("b", 2), "bbaaa" + "baba"},
		{"used up", State{Order: "b", Tries: map[string]int{}}, "baba"},
		{"too many tries asked", Fresh().Try("b", 9), "bbbaaa"},
	} {
		if got := starts(tt.from, len(tt.want)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestWellKeepsTheOtherSlot(t *testing.T) {
	s := Fresh().Try("b", 1)
	slot, s := s.Next()
	if slot != "b" || s.Tries["b"] != 0 {
		t.Fatal(slot, s)
	}
	slot, s = s.Next() // b did not get well
	if slot != "a" {
		t.Fatal(slot, s)
	}
	s = s.Well("a")
	if want := (State{Order: "a", Tries: map[string]int{"a": Full, "b": 0}}); !reflect.DeepEqual(s, want) {
		t.Errorf("got %+v", s)
	}
	if Other("a") != "b" || Other("b") != "a" {
		t.Error("Other is wrong")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Fresh().Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Parse(b)
		if err != nil {
			return
		}
		if again, err := Parse(s.Encode()); err != nil || !reflect.DeepEqual(again, s) {
			t.Errorf("%+v became %+v, %v", s, again, err)
		}
	})
}
