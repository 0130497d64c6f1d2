package daemon

import "testing"

func TestPacePercent(t *testing.T) {
	for _, tt := range []struct {
		live uint64
		want int
	}{{0, 800}, {1 << 20, 800}, {4 << 20, 400}, {16 << 20, 100}, {64 << 20, 25}, {1 << 30, 25}} {
		if got := pacePercent(tt.live); got != tt.want {
			t.Errorf("%d octets: %d %%, want %d %%", tt.live, got, tt.want)
		}
	}
}
