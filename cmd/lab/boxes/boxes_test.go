package boxes

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// built makes the image once for all tests.
var built struct {
	once  sync.Once
	dir   string
	image Image
	err   error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

func image(t *testing.T) Image {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "boxes-"); built.err != nil {
			return
		}
		ctx, stop := context.WithTimeout(context.Background(), 8*time.Minute)
		defer stop()
		built.image, built.err = Build(ctx, "../../..", "qemu-x86", built.dir, t.Logf)
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.image
}

func TestPairReachesNormalWithWrongClocks(t *testing.T) {
	keep := os.Getenv("BOXES_CONSOLES")
	p, err := New(Options{Image: image(t), Consoles: keep})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	ctx, stop := context.WithTimeout(t.Context(), 4*time.Minute)
	defer stop()
	began := time.Now()
	if err := p.PowerOn(ctx); err != nil {
		t.Fatal(err)
	}
	for _, b := range p.Boxes {
		if _, err := b.Console.Expect(ctx, `dhcpfd +tandem: normal, partner normal`); err != nil {
			t.Fatal(err)
		}
		t.Logf("normal after %v", time.Since(began).Round(time.Second))
	}
	_ = filepath.Join
}
