package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	boxconf "tandem/init/box"
	"tandem/init/pair/version"
	"tandem/init/setup"
)

func TestConfigurationIsReadWithWhatBelongsToIt(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"hosts.conf", setup.MainFile, "box.conf", "photo.jpg", ".hidden.conf", "a.inc"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "dir.conf"), 0o700); err != nil {
		t.Fatal(err)
	}
	files, err := readConfiguration(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
	}
	if got := strings.Join(names, " "); got != "dhcpd.conf a.inc hosts.conf" {
		t.Fatalf("got %s", got)
	}
	if back := setupFiles(filesOf(files)); fmt.Sprint(back) != fmt.Sprint(files) {
		t.Fatalf("%v became %v", files, back)
	}
	for i := range version.MaxFiles {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("x%d.conf", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := readConfiguration(dir); err == nil || !strings.Contains(err.Error(), "more beside dhcpd.conf") {
		t.Fatalf("%v", err)
	}
}

func TestWhoProvesThatTheLANIsAlive(t *testing.T) {
	c, problems := boxconf.Parse("box.conf", "name a\nrole primary\nlan lan1 10.0.0.2/24\ngateway 10.0.0.1\n"+
		"ntp 10.0.0.10 10.0.0.3 192.0.2.1 10.0.0.11:123\npartner 10.0.0.3\n")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	// Neither the partner, though it is a time server, nor who is far away.
	if got := fmt.Sprint(neighbours(&c)); got != "[10.0.0.1 10.0.0.10]" {
		t.Fatal(got)
	}
}
