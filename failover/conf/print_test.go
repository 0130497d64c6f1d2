package conf

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// sameTree compares two syntax trees but for places, and gives the path of
// the first difference.
func sameTree(a, b reflect.Value, path string) error {
	if a.Kind() == reflect.Interface || a.Kind() == reflect.Pointer {
		if a.IsNil() || b.IsNil() {
			if a.IsNil() != b.IsNil() {
				return fmt.Errorf("%s: one is nil", path)
			}
			return nil
		}
		if a.Elem().Type() != b.Elem().Type() {
			return fmt.Errorf("%s: %s and %s", path, a.Elem().Type(), b.Elem().Type())
		}
		return sameTree(a.Elem(), b.Elem(), path)
	}
	switch a.Type() {
	case reflect.TypeFor[place](), reflect.TypeFor[at]():
		return nil
	case reflect.TypeFor[space]():
		a, b = a.FieldByName("name"), b.FieldByName("name")
	}
	switch a.Kind() {
	case reflect.Struct:
		for i := range a.NumField() {
			if err := sameTree(a.Field(i), b.Field(i), path+"."+a.Type().Field(i).Name); err != nil {
				return err
			}
		}
		return nil
	case reflect.Slice:
		if a.Len() != b.Len() {
			return fmt.Errorf("%s: %d and %d elements", path, a.Len(), b.Len())
		}
		for i := range a.Len() {
			if err := sameTree(a.Index(i), b.Index(i), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		return nil
	}
	if !a.Equal(b) {
		return fmt.Errorf("%s: %v and %v", path, a, b)
	}
	return nil
}

// checkIdentity demands that printing and reading again gives the same tree
// and the same text. It tells whether the text is free of errors.
func checkIdentity(t *testing.T, name, src, folder string) (printed string, ok bool) {
	t.Helper()
	f, list := Parse(name, readerOf(name, src, folder))
	if hasError(list) {
		return "", false
	}
	printed = f.String()
	again, list := Parse(name, readerOf(name, printed, folder))
	if hasError(list) {
		t.Fatalf("%s\nis printed as\n%s\nwhich has errors: %v", src, printed, list)
	}
	if err := sameTree(valueOf(f), valueOf(again), "file"); err != nil {
		t.Fatalf("%s\nis printed as\n%s\nwhich reads as another tree: %v", src, printed, err)
	}
	if twice := again.String(); twice != printed {
		t.Fatalf("%s\nis printed as\n%s\nand then as\n%s", src, printed, twice)
	}
	return printed, true
}

func hasError(list []Diagnostic) bool {
	for _, d := range list {
		if d.Severity == Error {
			return true
		}
	}
	return false
}

func TestPrintIdentity(t *testing.T) {
	n := 0
	for _, table := range []string{"testdata/verdicts.tsv", "testdata/mutants.tsv"} {
		for _, row := range rows(t, table) {
			if _, ok := checkIdentity(t, "t.conf", expand(row[1]), "testdata/include"); ok {
				n++
			}
		}
	}
	for _, row := range rows(t, "testdata/samples.tsv") {
		raw, err := os.ReadFile(filepath.Join("testdata/samples", row[1]))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := checkIdentity(t, row[1], string(raw), "testdata/samples"); ok {
			n++
		}
	}
	if n < 500 {
		t.Errorf("only %d texts were good enough to print", n)
	}
}

// TestPrintKeepsMeaning demands that the printed text is judged as the
// original one.
func TestPrintKeepsMeaning(t *testing.T) {
	for _, row := range rows(t, "testdata/verdicts.tsv") {
		printed, ok := checkIdentity(t, "t.conf", expand(row[1]), "testdata/include")
		if !ok {
			continue
		}
		_, before := Load("t.conf", readerOf("t.conf", expand(row[1]), "testdata/include"))
		_, after := Load("t.conf", readerOf("t.conf", printed, "testdata/include"))
		if messages(before) != messages(after) {
			t.Errorf("%s\n%s\nafter printing\n%s", row[1], messages(before), messages(after))
		}
	}
}

// messages joins the messages of errors, without places.
func messages(list []Diagnostic) string {
	var out []string
	for _, d := range list {
		if d.Severity == Error && !strings.Contains(d.Message, "line") {
			out = append(out, d.Message)
		}
	}
	return strings.Join(out, "\n")
}

func TestPrintText(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"SUBNET 010.1.0.0 Netmask 255.255.255.0{range 10.1.0.9 10.1.0.5;}",
			"subnet 10.1.0.0 netmask 255.255.255.0 {\n  range 10.1.0.5 10.1.0.9;\n}\n"},
		{"option routers 10.1.0.1,10.1.0.2; max-lease-time 0x10; min-lease-time -1;",
			"option routers 10.1.0.1, 10.1.0.2;\nmax-lease-time 16;\nmin-lease-time infinite;\n"},
		{"option time-offset -3600; option host-name x; option vendor-class-identifier 1:a:ff;",
			"option time-offset -3600;\noption host-name \"x\";\noption vendor-class-identifier 01:0a:ff;\n"},
		{"if not (known and static) { deny booting; } else if exists host-name { } else { }",
			"if not (known and static) {\n  deny booting;\n} elsif exists host-name {\n} else {\n}\n"},
		{"if ((known) or (static)) { }", "if known or static {\n}\n"},
		{"if (known or static) and known { }", ""},
		{"if ((known or static) and known) { }", "if ((known or static) and known) {\n}\n"},
		{"%x;\nhost a { hardware ethernet 0:1:2:3:4:5; fixed-address 10.0.0.1; uid \"\\001x\"; }",
			"host a {\n  hardware ethernet 00:01:02:03:04:05;\n  fixed-address 10.0.0.1;\n  uid \"\\001x\";\n}\n"},
		{"option f code 224 = { integer 8, array of ip-address };option f 5 10.0.0.1,10.0.0.2;",
			"option f code 224 = { integer 8, array of ip-address };\noption f 5 10.0.0.1, 10.0.0.2;\n"},
		{"set x = 5 ; set y = extract-int ( \"a\" , 8 ) + 2 ; log(\"x\");",
			"set x = 05;\nset y = extract-int (\"a\", 8) + 2;\nlog (\"x\");\n"},
	} {
		f, list := Parse("t", readerOf("t", c.src, ""))
		if c.want == "" {
			if !hasError(list) {
				t.Errorf("%s: no error", c.src)
			}
			continue
		}
		if got := f.String(); got != c.want || hasError(list) {
			t.Errorf("%s\n got %q\nwant %q\n%v", c.src, got, c.want, list)
		}
	}
}

func valueOf(f *File) reflect.Value { return reflect.ValueOf(f) }
