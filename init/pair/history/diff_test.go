package history

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tandem/init/pair/version"
)

func TestDiff(t *testing.T) {
	a := version.Files{"dhcpd.conf": []byte("one\ntwo\nthree\n"), "gone.conf": []byte("x\n"), "same.conf": []byte("s\n")}
	b := version.Files{"dhcpd.conf": []byte("one\n2\nthree\n"), "new.conf": []byte("y\n"), "same.conf": []byte("s\n")}
	want := `--- dhcpd.conf (version 1)
+++ dhcpd.conf (version 2)
@@ -1,3 +1,3 @@
 one
-two
+2
 three
--- gone.conf (version 1)
+++ /dev/null
@@ -1,1 +0,0 @@
-x
--- /dev/null
+++ new.conf (version 2)
@@ -0,0 +1,1 @@
+y
`
	if got := string(Diff("version 1", "version 2", a, b)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := Diff("a", "b", a, a); len(got) != 0 {
		t.Errorf("no difference, and yet %q", got)
	}
}

func TestWatchSeesEveryChange(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	v, other := make1(1, version.ID{}, "# one\n"), make1(2, version.ID{}, "# two\n")
	for _, err := range []error{s.Put(v), s.Put(other), s.Activate(v.ID())} {
		if err != nil {
			t.Fatal(err)
		}
	}
	w := s.Watch()
	look := func(want string) {
		t.Helper()
		err := w.Look(v.ID())
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Fatalf("%v, want %q", err, want)
		}
	}
	look("")
	file := filepath.Join(dir, ActiveLink, version.Main)
	if err := os.WriteFile(file, []byte("# 0ne\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	look("not as it was written")
	look("not as it was written")
	if err := os.WriteFile(file, []byte("# one\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	look("")
	if err := os.Remove(filepath.Join(dir, ActiveLink)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(baseName(other.Ref()), filepath.Join(dir, ActiveLink)); err != nil {
		t.Fatal(err)
	}
	look("does not lead to it")
}
