package boxes

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tandem/cmd/lab/netlab"
	"tandem/qemu"
)

func TestMain(m *testing.M) {
	prepare := func(dir string) error {
		ctx, stop := context.WithTimeout(context.Background(), 8*time.Minute)
		defer stop()
		_, err := Build(ctx, "../../..", "qemu-x86", dir, func(format string, args ...any) {
			fmt.Printf("image: "+format+"\n", args...)
		})
		return err
	}
	if err := netlab.Enter(prepare); err != nil {
		fmt.Fprintln(os.Stderr, "laboratory:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// options are those of most tests. BOXES_CONSOLES names a directory that
// keeps what the consoles said.
func options() Options {
	return Options{Image: ImageIn(netlab.Dir(), "qemu-x86"), Consoles: os.Getenv("BOXES_CONSOLES"), Start: qemu.StartBIOS}
}

// tell writes the story into the test's log.
type tell struct{ t *testing.T }

func (w tell) Write(p []byte) (int, error) { w.t.Logf("%s", p[:len(p)-1]); return len(p), nil }

// stage sets up what a test plays on. Tests run beside each other, as many as
// there are processors: most of their time is waiting.
func stage(t *testing.T, opt Options) *Stage {
	t.Helper()
	t.Parallel()
	if opt.Consoles != "" {
		opt.Consoles = filepath.Join(opt.Consoles, t.Name())
		if err := os.MkdirAll(opt.Consoles, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s, err := NewStage(opt, tell{t})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for i, b := range s.Boxes {
				t.Logf("the console of %s ends with:\n%s", Names[i], b.Console.Tail(40))
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// setUpLimit is how long two blank boxes may take, typing included, from
// power-on until every client is served.
const setUpLimit = 120 * time.Second

// TestScenario is what `make run` plays without a terminal, from two blank
// boxes on.
func TestScenario(t *testing.T) {
	opt := options()
	opt.Blank = true
	s := stage(t, opt)
	began := time.Now()
	if err := s.opening(t.Context()); err != nil {
		t.Fatal(err)
	}
	serves(t, s)
	took := time.Since(began)
	t.Logf("two blank boxes, power-on to %d clients served: %.1f s of box time", s.Crowd.Len(), took.Seconds())
	if took > setUpLimit {
		t.Errorf("it took %v, allowed are %v", took, setUpLimit)
	}
	if err := s.story(t.Context()); err != nil {
		t.Fatal(err)
	}
}
