package token

import (
	"fmt"
	"strings"
	"testing"
)

// tokens gives every token of src as KIND:TEXT.
func tokens(src string) string {
	var out []string
	l := New("t", src)
	for {
		t := l.Next()
		if t.Kind == EOF {
			return strings.Join(out, " ")
		}
		out = append(out, fmt.Sprintf("%c:%s", "enwhsma"[t.Kind], t.Text))
	}
}

func TestKinds(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"", ""},
		{" \t\r\n\v\f# only a comment", ""},
		{"subnet 10.1.0.0;", "n:subnet w:10 m:. w:1 m:. w:0 m:. w:0 m:;"},
		{"a1 ff dead 0x1f 0X0 z1 g", "h:a1 h:ff h:dead h:0x1f h:0X0 h:z1 h:g"},
		{"0x 0xg 1h 02-dhcpd 12_3 1a 0xff-1", "n:0x n:0xg n:1h n:02-dhcpd n:12_3 h:1a n:0xff-1"},
		{"-5 - -x 42-7 5-", "w:-5 w:- n:-x n:42-7 n:5-"},
		{"max-lease_time9", "n:max-lease_time9"},
		{`"a b" 'x'`, "s:a b m:' h:x m:'"},
		{"max\u2010x \ufeff\u00a0a \xff\xfe", "n:max a:\u2010 h:x a:\ufeff a:\u00a0 h:a a:\xff a:\xfe"},
		{"a#b\nc", "h:a h:c"},
		{"a\x00b", "h:a m:\x00 h:b"},
		{`"` + "two\nlines" + `"x`, "s:two\nlines h:x"},
	} {
		if got := tokens(c.src); got != c.want {
			t.Errorf("%q\n got %s\nwant %s", c.src, got, c.want)
		}
	}
}

func TestStrings(t *testing.T) {
	for _, c := range []struct{ src, want, problem string }{
		{`"plain"`, "plain", ""},
		{`""`, "", ""},
		{`"\t\r\n\b\\\"\q"`, "\t\r\n\b\\\"q", ""},
		{`"\x41\x4a\x4A"`, "AJJ", ""},
		{`"\101\000\377"`, "A\x00\xff", ""},
		{`"\400"`, "400", ""},
		{`"\x4g"`, "g", "hexadecimal"},
		{`"\0"`, "", "octal"},
		{`"\18"`, "8", "octal"},
		{`"open`, "open", "closing quote"},
		{`"open\`, "open", "closing quote"},
		{`"open\x4`, "open", "closing quote"},
		{`"` + strings.Repeat("x", MaxLength) + `"`, strings.Repeat("x", MaxLength), ""},
		{`"` + strings.Repeat("x", MaxLength+1) + `"`, strings.Repeat("x", MaxLength+1), "longer"},
		{`"\t` + strings.Repeat("x", MaxLength) + `"`, "\t" + strings.Repeat("x", MaxLength), "longer"},
	} {
		tok := New("t", c.src).Next()
		if tok.Kind != String || tok.Text != c.want {
			t.Errorf("%.40q: got %s %.40q, want %.40q", c.src, tok.Kind, tok.Text, c.want)
		}
		if (c.problem == "") != (tok.Problem == "") || !strings.Contains(tok.Problem, c.problem) {
			t.Errorf("%.40q: problem %q, want %q", c.src, tok.Problem, c.problem)
		}
	}
}

func TestPositions(t *testing.T) {
	l := New("t", "a\n  \"x\ny\" z\r\nlast")
	for _, want := range []struct{ begin, end Pos }{
		{Pos{1, 1, 0}, Pos{1, 2, 1}},
		{Pos{2, 3, 4}, Pos{3, 3, 9}},
		{Pos{3, 4, 10}, Pos{3, 5, 11}},
		{Pos{4, 1, 13}, Pos{4, 5, 17}},
		{Pos{4, 5, 17}, Pos{4, 5, 17}},
	} {
		if p := l.Peek(); p != l.Peek() {
			t.Fatalf("Peek moves")
		}
		tok := l.Next()
		if tok.Pos != want.begin || tok.End != want.end {
			t.Errorf("%s: %v-%v, want %v-%v", tok.Describe(), tok.Pos, tok.End, want.begin, want.end)
		}
		if got := l.Source.Pos(tok.Pos.Offset); got != tok.Pos {
			t.Errorf("Source.Pos gives %v, want %v", got, tok.Pos)
		}
	}
	for n, want := range []string{"", "a", `  "x`, `y" z`, "last", ""} {
		if got := l.Source.Line(n); got != want {
			t.Errorf("line %d is %q, want %q", n, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	l := New("t", `Subnet "subnet" { ff 12`)
	if tok := l.Next(); !tok.Is("subnet") || !tok.Word() {
		t.Error("a word does not know itself")
	}
	if tok := l.Next(); tok.Is("subnet") || tok.Word() {
		t.Error("a string passes for a word")
	}
	if tok := l.Next(); !tok.Is("{") || tok.Word() {
		t.Error("a mark does not know itself")
	}
	if tok := l.Next(); !tok.Word() {
		t.Error("ff is no word")
	}
	if tok := l.Next(); tok.Word() || tok.Describe() != `"12"` {
		t.Error("12 is a word")
	}
	if tok := l.Next(); tok.Describe() != "the end of the file" {
		t.Error(tok.Describe())
	}
}

func FuzzLexer(f *testing.F) {
	for _, s := range []string{"", `option x "a\x41\101";`, "a\n#c\n-1:ff", "\xef\xbb\xbfx", `"\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		l := New("t", src)
		last := 0
		for {
			tok := l.Next()
			if tok.Pos.Offset < last || tok.End.Offset > len(src) {
				t.Fatalf("token %v at %v overlaps the one before", tok, tok.Pos)
			}
			if tok.Kind == EOF {
				break
			}
			if tok.End.Offset <= tok.Pos.Offset {
				t.Fatalf("empty token %v", tok)
			}
			if tok.Kind != String && src[tok.Pos.Offset:tok.End.Offset] != tok.Text {
				t.Fatalf("text differs: %v", tok)
			}
			if l.Source.Pos(tok.End.Offset) != tok.End {
				t.Fatalf("end of %v is not %v", tok, l.Source.Pos(tok.End.Offset))
			}
			last = tok.End.Offset
		}
	})
}
