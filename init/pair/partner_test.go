package pair

import (
	"testing"

	"tandem/init/box"
)

func TestNewName(t *testing.T) {
	for _, c := range []struct {
		name, want string
		role       box.Role
	}{
		{"dhcp-a", "dhcp-b", box.Primary},
		{"dhcp-b", "dhcp-a", box.Secondary},
		{"dhcp1", "dhcp2", box.Primary},
		{"dhcp-2", "dhcp-1", box.Secondary},
		{"dhcp11", "dhcp11-2", box.Primary},
		{"kea", "kea-2", box.Primary},
		{"kea", "kea-1", box.Secondary},
		{"a", "a-2", box.Primary},
	} {
		if got := newName(&box.Config{Name: c.name, Role: c.role}); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
