package boxes

import "testing"

func TestSeen(t *testing.T) {
	for line, want := range map[string]string{
		"plain\r":                              "plain",
		"> \r  \r| dhcpfd    normal\r":         "| dhcpfd    normal",
		"\x1b[6n\x1b[?25hChoose [1]: \r   \rx": "x",
		"":                                     "",
	} {
		if got := seen(line); got != want {
			t.Errorf("%q is seen as %q, want %q", line, got, want)
		}
	}
}
