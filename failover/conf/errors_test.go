package conf

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the expected messages anew")

// TestMessages compares all messages about the configurations in
// testdata/errors with the files beside them.
func TestMessages(t *testing.T) {
	names, err := filepath.Glob("testdata/errors/*.conf")
	if err != nil || len(names) < 15 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		base := filepath.Base(name)
		_, list := Load(base, readerOf(base, string(raw), "testdata/errors"))
		var got strings.Builder
		if err := Format(&got, list); err != nil {
			t.Fatal(err)
		}
		golden := strings.TrimSuffix(name, ".conf") + ".txt"
		if *update {
			if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != string(want) {
			t.Errorf("%s: the messages are now\n%s", name, got.String())
		}
	}
}

// TestMessagesInOrder demands the order of the text, included files where
// they are included.
func TestMessagesInOrder(t *testing.T) {
	_, list := Load("t", func(name string) ([]byte, error) {
		return map[string][]byte{
			"t": []byte("option domain-name 1;\ninclude \"i\"; option domain-name 2;\ninclude \"i\";\nomapi-key k;\n"),
			"i": []byte("option domain-name 3;\npool { }\n"),
		}[name], nil
	})
	var got []string
	for _, d := range list {
		got = append(got, d.Pos.File+" "+itoa(d.Pos.Line))
	}
	if want := "t 1,i 1,i 2,t 2,i 1,i 2,t 4"; strings.Join(got, ",") != want {
		t.Errorf("got %s, want %s", strings.Join(got, ","), want)
	}
}

func TestFormatCutsLongLines(t *testing.T) {
	src := "option host-name \"" + strings.Repeat("x", 300) + "\" y;\x01\n"
	_, list := Load("t", readerOf("t", src, ""))
	var out strings.Builder
	if err := Format(&out, list); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if len(lines) < 3 || len(lines[1]) > 200 || lines[1][strings.Index(lines[2], "^")] != 'y' {
		t.Errorf("the caret is not under y:\n%s", out.String())
	}
	if strings.ContainsRune(out.String(), '\x01') {
		t.Error("a control character gets through")
	}
}
