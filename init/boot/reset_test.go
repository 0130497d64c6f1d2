package boot

import (
	"os"
	"path/filepath"
	"testing"

	"tandem/images/layout"
)

func put(t *testing.T, parts ...string) {
	t.Helper()
	name := filepath.Join(parts...)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func there(parts ...string) bool {
	_, err := os.Stat(filepath.Join(parts...))
	return err == nil
}

func TestResetForgetsEverythingOnce(t *testing.T) {
	data := t.TempDir()
	put(t, data, "box.conf")
	put(t, data, "keys", "own.key")
	put(t, data, keptByReset, "x")
	if done, err := FinishReset(data); done || err != nil || !there(data, "box.conf") {
		t.Fatalf("a reset that nobody ordered: %v %v", done, err)
	}
	if err := OrderReset(data); err != nil || !there(data, "box.conf") {
		t.Fatalf("something went before the next start (%v)", err)
	}
	if done, err := FinishReset(data); !done || err != nil {
		t.Fatal(done, err)
	}
	if there(data, "box.conf") || there(data, "keys") || !there(data, keptByReset, "x") || there(data, layout.ResetMark) {
		t.Fatal("the wrong things are gone")
	}
	if done, err := FinishReset(data); done || err != nil {
		t.Fatalf("reset twice: %v %v", done, err)
	}
}

func TestWishesAreGrantedOnce(t *testing.T) {
	dir := t.TempDir()
	if w := ReadWishes(dir); w != (Wishes{}) {
		t.Fatalf("%+v", w)
	}
	put(t, dir, layout.Provision, layout.WishNoPassword)
	if w := ReadWishes(dir); !w.NoPassword || w.Reset {
		t.Fatalf("%+v", w)
	}
	put(t, dir, layout.Provision, layout.WishReset)
	if w := ReadWishes(dir); !w.Reset {
		t.Fatalf("%+v", w)
	}
	if err := Granted(dir); err != nil {
		t.Fatal(err)
	}
	if w := ReadWishes(dir); w != (Wishes{}) {
		t.Fatalf("granted again: %+v", w)
	}
}
