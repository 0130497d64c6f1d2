package lease

import "testing"

// Whichever of two versions a server has first, it ends up with the same one.
func TestNewerObject(t *testing.T) {
	ascending := []Object{
		{},
		{Text: "a"},
		{Text: "b"},
		{Deleted: true},
		{Changed: 5, Text: "a"},
		{Changed: 5, Deleted: true},
		{Changed: 6},
		{Epoch: 1, Changed: 2},
		{Epoch: 2},
	}
	for i := range ascending {
		for j := range ascending {
			if got := ascending[i].Newer(&ascending[j]); got != (i > j) {
				t.Errorf("%+v newer than %+v: %v", ascending[i], ascending[j], got)
			}
		}
	}
}
