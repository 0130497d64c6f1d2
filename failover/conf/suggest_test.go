package conf

import "testing"

func TestNearest(t *testing.T) {
	words := append([]string{"m", "dhcp"}, statementWords...)
	for word, want := range map[string]string{
		"subnt": "subnet", "sbunet": "subnet", "Subnett": "subnet", "sub-net": "subnet",
		"shared_network": "shared-network", "hardwear": "hardware", "x": "", "": "", "ifx": "if",
		"completely-different": "", "fixed-adress": "fixed-address", "DHCP": "dhcp",
	} {
		if got := nearest(word, words); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"ab", "ba", 1}, {"kitten", "sitting", 3}, {"abc", "abc", 0}, {"abcdef", "x", 4}} {
		if got := distance(c.a, c.b, 3, new([3][]int)); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
