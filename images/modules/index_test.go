package modules

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

const text = `dca
i2c_algo_bit
igb dca i2c_algo_bit
: pci:v00008086d00001533sv*sd*bc*sc*i*
loop1 loop2
loop2 loop1
orphan gone
pcengines_apuv2
: dmi:*:svnPCEngines:pnapu2:*
usb_storage
: usb:v*p*d*dc*dsc*dp*ic08isc0[2-6]ip50in*
: usb:v03EBp2002d0100dc*dsc*dp*ic*isc*ip*in*
`

func parse(t *testing.T) *Index {
	t.Helper()
	ix, err := Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return ix
}

func TestRoundTrip(t *testing.T) {
	var out bytes.Buffer
	if err := parse(t).Write(&out); err != nil || out.String() != text {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestMatch(t *testing.T) {
	ix := parse(t)
	for _, tt := range []struct {
		modalias string
		want     []string
	}{
		{"pci:v00008086d00001533sv00008086sd00000001bc02sc00i00", []string{"igb"}},
		{"pci:v00008086d00001534sv00008086sd00000001bc02sc00i00", nil},
		{"usb:v0781p5581d0100dc00dsc00dp00ic08isc06ip50in00", []string{"usb_storage"}},
		{"usb:v03EBp2002d0100dc00dsc00dp00ic08isc06ip50in00", []string{"usb_storage"}},
		{"usb:v0781p5581d0100dc00dsc00dp00ic08isc07ip50in00", nil},
		{"dmi:bvncoreboot:bvrv4.11:bd11/29/2019:svnPCEngines:pnapu2:pvr1.0:", []string{"pcengines_apuv2"}},
		{"", nil},
	} {
		if got := ix.Match(tt.modalias); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("Match(%q) = %q, want %q", tt.modalias, got, tt.want)
		}
	}
}

func TestOrder(t *testing.T) {
	ix := parse(t)
	got, err := ix.Order("igb")
	if err != nil || strings.Join(got, " ") != "dca i2c_algo_bit igb" {
		t.Errorf("igb: %q %v", got, err)
	}
	if got, err := ix.Order("loop1"); err != nil || len(got) != 2 {
		t.Errorf("loop1: %q %v", got, err)
	}
	for _, name := range []string{"orphan", "gone"} {
		if _, err := ix.Order(name); err == nil || !strings.Contains(err.Error(), "gone is not in this image") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !ix.Has("igb") || ix.Has("gone") {
		t.Error("Has is wrong")
	}
}

func TestParseRefuses(t *testing.T) {
	for _, bad := range []string{": pci:*\n", "a\n\nb\n", "../evil\n", strings.Repeat("x", maxLine+1)} {
		if _, err := Parse(strings.NewReader(bad)); err == nil {
			t.Errorf("accepted %.40q", bad)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, tt := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"a", "", false}, {"*", "", true}, {"**", "ab/c", true},
		{"a*c", "abbc", true}, {"a*c", "abcb", false}, {"a*b*c", "a/b/b/c", true},
		{"a?c", "abc", true}, {"a?c", "ac", false},
		{"[0-9A-F]x", "Bx", true}, {"[0-9A-F]x", "bx", false}, {"[a-]", "-", true}, {"[ab", "a", false}, {"x[", "x", false},
		{"*[2-6]0", "aa50", true}, {"*a*a*a*a*a*b", strings.Repeat("a", 200), false},
	} {
		if got := glob(tt.pattern, tt.s); got != tt.want {
			t.Errorf("glob(%q, %q) = %v", tt.pattern, tt.s, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(text)
	f.Fuzz(func(t *testing.T, s string) {
		ix, err := Parse(strings.NewReader(s))
		if err != nil {
			return
		}
		for _, n := range ix.Names() {
			_, _ = ix.Order(n)
		}
		ix.Match(s)
	})
}
