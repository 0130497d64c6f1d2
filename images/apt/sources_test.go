package apt

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const oneLine = `# a comment
deb http://mirror.test/debian bookworm main contrib # and another
deb-src http://mirror.test/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.test/security bookworm-security main
deb [signed-by=/usr/share/keyrings/other.gpg] http://other.test/ bookworm main
deb http://other.test/ bookworm stable
deb http://mirror.test/debian sid main
deb [broken http://mirror.test/debian bookworm main
deb short
`

const paragraphs = `Types: deb deb-src
# where from
URIs: http://mirror.test/debian
Suites: bookworm
 bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://off.test/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb-src
URIs: http://source.test/debian
Suites: bookworm
Components: main
`

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHostSources(t *testing.T) {
	for _, tt := range []struct {
		name, suite string
		files       map[string]string
		want        []string // URI and suites
	}{
		{"one line each", "bookworm", map[string]string{"sources.list": oneLine},
			[]string{"http://mirror.test/debian bookworm", "http://mirror.test/security bookworm-security"}},
		{"paragraphs", "bookworm", map[string]string{"sources.list.d/debian.sources": paragraphs, "sources.list.d/x.disabled": oneLine},
			[]string{"http://mirror.test/debian bookworm bookworm-updates"}},
		{"another suite than the host's", "trixie", map[string]string{"sources.list.d/a.list": oneLine},
			[]string{"http://mirror.test/debian trixie", "http://mirror.test/security trixie-security"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, tt.files)
			list, err := hostSources(dir, "bookworm", tt.suite)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range list {
				got = append(got, s.URI+" "+strings.Join(s.Suites, " "))
				if !reflect.DeepEqual(s.Components, components) {
					t.Errorf("components %q", s.Components)
				}
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestHostWithoutDebian(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"sources.list": "deb http://ubuntu.test/ noble main\n"})
	if _, err := hostSources(dir, "bookworm", "bookworm"); err == nil || !strings.Contains(err.Error(), "-mirror") {
		t.Errorf("err = %v", err)
	}
}

func TestHostSuite(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"good": "ID=debian\nVERSION_CODENAME=bookworm\n", "quoted": "VERSION_CODENAME=\"trixie\"\n", "none": "ID=x\n"})
	for name, want := range map[string]string{"good": "bookworm", "quoted": "trixie"} {
		if got, err := hostSuite(filepath.Join(dir, name)); err != nil || got != want {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	for _, name := range []string{"none", "missing"} {
		if _, err := hostSuite(filepath.Join(dir, name)); err == nil || !strings.Contains(err.Error(), "-mirror") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMirrorSources(t *testing.T) {
	got := MirrorSources([]string{"http://m.test/debian", "http://m.test/debian-security/"}, "bookworm")
	if len(got) != 2 || !reflect.DeepEqual(got[0].Suites, []string{"bookworm", "bookworm-updates"}) || !reflect.DeepEqual(got[1].Suites, []string{"bookworm-security"}) {
		t.Errorf("%+v", got)
	}
}

func FuzzSources(f *testing.F) {
	f.Add(oneLine)
	f.Add(paragraphs)
	f.Fuzz(func(_ *testing.T, s string) {
		debian(parseList(strings.NewReader(s)), "bookworm", "bookworm")
		debian(parseDeb822(strings.NewReader(s)), "bookworm", "bookworm")
	})
}
