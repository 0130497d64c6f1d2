package conf

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Every configuration below was given to dhcpd 4.4.3-P1 with -t; the tables
// hold its verdict. testdata/differences.tsv lists where ours differs, and why.

// difference is one row of differences.tsv.
type difference struct {
	accept bool
	why    string
	used   bool
}

// differences reads testdata/differences.tsv: our verdict, the configuration
// or the name of the sample, the reason.
func differences(t *testing.T) map[string]*difference {
	out := make(map[string]*difference)
	for _, row := range rows(t, "testdata/differences.tsv") {
		if len(row) != 3 || row[2] == "" {
			t.Fatalf("differences.tsv: bad row %q", row)
		}
		out[row[1]] = &difference{accept: row[0] == "0", why: row[2]}
	}
	return out
}

// rows reads a table with tabs between columns; lines that begin with ## are left out.
func rows(t *testing.T, name string) [][]string {
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for _, line := range strings.Split(string(raw), "\n") {
		if line != "" && !strings.HasPrefix(line, "## ") {
			out = append(out, strings.Split(line, "\t"))
		}
	}
	return out
}

// accepted is the verdict on the language alone: what is not supported is
// still right.
func accepted(list []Diagnostic) bool {
	for _, d := range list {
		if d.Severity == Error && !d.Unsupported {
			return false
		}
	}
	return true
}

// readerOf reads name as src, and other names from a folder.
func readerOf(name, src, folder string) ReadFile {
	return func(n string) ([]byte, error) {
		if n == name {
			return []byte(src), nil
		}
		return os.ReadFile(filepath.Join(folder, n))
	}
}

var octetMark = regexp.MustCompile(`\{\{[0-9a-f]{2}\}\}`)

// expand makes a configuration of the text in a table: \n is a line feed,
// {{HH}} an octet.
func expand(text string) string {
	text = octetMark.ReplaceAllStringFunc(text, func(m string) string {
		v, _ := strconv.ParseUint(m[2:4], 16, 8)
		return string([]byte{byte(v)})
	})
	return strings.ReplaceAll(text, `\n`, "\n") + "\n"
}

// judge compares our verdict with dhcpd's.
func judge(t *testing.T, rc, id string, list []Diagnostic, diff map[string]*difference) {
	t.Helper()
	ours, want := accepted(list), rc == "0"
	d := diff[id]
	switch {
	case d != nil && d.used:
		t.Errorf("%s: stands in the tables twice", id)
	case d != nil && (ours != d.accept || ours == want):
		t.Errorf("%s: accepted %v; differences.tsv says %v, dhcpd %v", id, ours, d.accept, want)
	case d == nil && ours != want:
		t.Errorf("%s\n\taccepted %v, dhcpd %v: %v", id, ours, want, list)
	}
	if d != nil {
		d.used = true
	}
}

func TestVerdicts(t *testing.T) {
	diff := differences(t)
	for _, row := range rows(t, "testdata/samples.tsv") {
		raw, err := os.ReadFile(filepath.Join("testdata/samples", row[1]))
		if err != nil {
			t.Fatal(err)
		}
		_, list := Load(row[1], readerOf(row[1], string(raw), "testdata/samples"))
		judge(t, row[0], row[1], list, diff)
	}
	for _, table := range []string{"testdata/verdicts.tsv", "testdata/mutants.tsv"} {
		for _, row := range rows(t, table) {
			_, list := Load("t.conf", readerOf("t.conf", expand(row[1]), "testdata/include"))
			judge(t, row[0], row[1], list, diff)
		}
	}
	for id, d := range diff {
		if !d.used {
			t.Errorf("differences.tsv: %q is in no table", id)
		}
	}
}

func TestLoadGivesConfigUnlessError(t *testing.T) {
	for _, row := range rows(t, "testdata/verdicts.tsv") {
		c, list := Load("t.conf", readerOf("t.conf", expand(row[1]), "testdata/include"))
		errors := false
		for _, d := range list {
			errors = errors || d.Severity == Error
		}
		if errors != (c == nil) {
			t.Errorf("%s: Config given %v, errors %v", row[1], c != nil, errors)
		}
	}
}
