package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestErrorsNameTheRemedy(t *testing.T) {
	dir := t.TempDir()
	for says, args := range map[string][]string{
		`-board takes one of`:             {"-board", "toaster"},
		`no board ""`:                     {},
		`no command "bake"`:               {"bake"},
		`"later" is not understood`:       {"-board", "pc", "later"},
		`make it with: mkimage kernel-up`: {"-board", "pc", "-o", filepath.Join(dir, "x.img"), "-lock", filepath.Join(dir, "none")},
	} {
		if err := run(context.Background(), args); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", args, err, says)
		}
	}
	if err := run(context.Background(), []string{"-help"}); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-help: %v", err)
	}
	if err := run(context.Background(), []string{"boards"}); err != nil {
		t.Errorf("boards: %v", err)
	}
}

func TestSourceVersion(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	v, at, err := sourceVersion(context.Background(), "v1")
	if err != nil || v != "v1" || !at.Equal(time.Unix(1700000000, 0)) {
		t.Errorf("%s %v %v", v, at, err)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	if _, _, err := sourceVersion(context.Background(), "v1"); err == nil || !strings.Contains(err.Error(), "yesterday") {
		t.Errorf("err = %v", err)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "")
	t.Chdir(t.TempDir())
	if _, _, err := sourceVersion(context.Background(), ""); err == nil || !strings.Contains(err.Error(), "SOURCE_DATE_EPOCH") {
		t.Errorf("outside a repository: %v", err)
	}
}

func TestReadDir(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "box.conf"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	files, err := readDir(dir)
	if err != nil || len(files) != 1 || string(files["box.conf"]) != "x" {
		t.Errorf("%q %v", files, err)
	}
	if files, err := readDir(""); err != nil || len(files) != 0 {
		t.Errorf("no directory: %q %v", files, err)
	}
	if _, err := readDir(filepath.Join(dir, "none")); err == nil {
		t.Error("a directory that is not there")
	}
}

func TestMirrorsByHand(t *testing.T) {
	c, err := parse([]string{"-mirror", "http://m.test/debian", "-mirror", "http://m.test/debian-security", "-cache", "x"})
	if err != nil {
		t.Fatal(err)
	}
	list, err := c.sources("bookworm")
	if err != nil || len(list) != 2 || list[1].Suites[0] != "bookworm-security" {
		t.Errorf("%+v %v", list, err)
	}
}
