package boxes

import (
	"testing"
	"time"
)

// setUpLimit is how long two blank boxes may take, from power-on to a client
// that is served, typing included.
const setUpLimit = 120 * time.Second

// TestBlankBoxes sets a pair up from nothing on its serial consoles.
func TestBlankBoxes(t *testing.T) {
	opt := options()
	opt.Blank = true
	s := stage(t, opt)
	began := time.Now()
	start(t, s)
	if err := s.SetUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	awaitNormal(t, s)
	normal := time.Since(began)
	serves(t, s)
	took := time.Since(began)
	t.Logf("power-on of two blank boxes to both NORMAL: %.1f s of box time, to %d clients served: %.1f s", normal.Seconds(), s.Crowd.Len(), took.Seconds())
	if took > setUpLimit {
		t.Errorf("it took %v, more than %v", took, setUpLimit)
	}
}
