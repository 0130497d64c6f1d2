package conf

import (
	"fmt"
	"io/fs"
	"testing"
)

// An included file is looked for by its name as dhcpd does, and then beside
// the file that includes it, so that a directory of files can be moved.
func TestIncludeBesideTheFile(t *testing.T) {
	files := map[string]string{
		"/a/main.conf":  `include "hosts.conf"; include "sub/more.conf"; include "here.conf";`,
		"/a/hosts.conf": `option domain-name "beside";`,
		"/a/here.conf":  `option domain-name "beside, but not first";`,
		"here.conf":     `option domain-search "by.name";`,
		"/a/sub/more.conf": `include "most.conf";
			default-lease-time 77;`,
		"/a/sub/most.conf": `max-lease-time 88;`,
	}
	var read []string
	c, list := Load("/a/main.conf", func(name string) ([]byte, error) {
		text, ok := files[name]
		if !ok {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		read = append(read, name)
		return []byte(text), nil
	})
	if c == nil {
		t.Fatal(list)
	}
	want := []string{"/a/main.conf", "/a/hosts.conf", "/a/sub/more.conf", "/a/sub/most.conf", "here.conf"}
	if fmt.Sprint(read) != fmt.Sprint(want) {
		t.Errorf("read %q, want %q", read, want)
	}
	_, list = Load("/a/main.conf", func(name string) ([]byte, error) {
		if name == "/a/main.conf" {
			return []byte(`include "none.conf";`), nil
		}
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	})
	only(t, list, "cannot read none.conf: file does not exist")
}
