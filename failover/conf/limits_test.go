package conf

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// only demands that one of the errors says text, and gives the number of errors.
func only(t *testing.T, list []Diagnostic, text string) int {
	t.Helper()
	n, found := 0, false
	for _, d := range list {
		if d.Severity == Error && !strings.HasPrefix(d.Message, "there are more") {
			n++
			found = found || strings.Contains(d.Message, text)
		}
	}
	if !found {
		t.Errorf("no error says %q: %.300v", text, list)
	}
	return n
}

func TestLimits(t *testing.T) {
	many := func(n int, format string) string {
		var out strings.Builder
		for i := range n {
			fmt.Fprintf(&out, strings.ReplaceAll(format, "%I", fmt.Sprintf("%d.%d.%d", 10+i>>16, i>>8&255, i&255)), i)
		}
		return strings.ReplaceAll(out.String(), "%!(EXTRA int=", "#(")
	}
	for name, c := range map[string]struct{ src, want string }{
		"blocks":      {strings.Repeat("group { ", maxNesting+5), "nested more than"},
		"ifs":         {strings.Repeat("if known { ", maxNesting+5), "nested more than"},
		"parentheses": {"if " + strings.Repeat("(", 100000), "nested more than"},
		"nots":        {"if " + strings.Repeat("not ", 100000), "nested more than"},
		"calls":       {"option host-name = " + strings.Repeat("lcase (", 100000), "nested more than"},
		"operators":   {"if known" + strings.Repeat(" and known", maxOperators+5) + " { }", "operators in one expression"},
		"right sides": {"if known" + strings.Repeat(" and \"a\" = \"a\"", 1000) + " { }", "nested more than"},
		"values":      {"option routers 10.0.0.1" + strings.Repeat(", 10.0.0.1", maxRecord) + ";", "values in one option"},
		"fields":      {"option x-y code 200 = { integer 8" + strings.Repeat(", integer 8", maxRecord) + " };", "fields in a record"},
		"arguments":   {"option host-name = concat (\"\"" + strings.Repeat(", \"\"", maxRecord+5) + ");", "arguments"},
		"hex":         {"option unknown-200 1" + strings.Repeat(":1", 20000) + ";", "octets of data"},
		"addresses":   {"subnet 0.0.0.0 netmask 0.0.0.0 { range 0.0.0.0 255.255.255.255; }", "addresses"},
		"more":        {"subnet 10.0.0.0 netmask 254.0.0.0 { range 10.0.0.0 10.255.255.255; range 11.0.0.0; }", "addresses"},
		"masks":       {many(maxMasks+5, "subnet 0.0.0.0 netmask 255.0.%d.255 { }\n"), "different netmasks"},
		"gaps":        {many(maxGapped+5, "subnet %d.0.0.0 netmask 255.0.0.255 { }\n"), "netmask has gaps"},
		"identifiers": {many(maxIdentifiers+5, "host h%d { host-identifier option unknown-%[1]d 01; }\n")[0:0] + identifiers(), "options in host-identifier"},
		"options":     {"option space w code width 2;\n" + many(maxSet+5, "option w.unknown-1%05d 01;\n")[0:0] + wide(), "options of the space w"},
		"lease limit": {"class \"x\" { lease limit 99999999; }", "lease limit"},
		"word":        {"option host-name " + strings.Repeat("x", 1600) + ";", "longer than 1499"},
	} {
		_, list := Load("t", readerOf("t", c.src, ""))
		if n := only(t, list, c.want); n > 3 && name != "masks" && name != "gaps" && name != "identifiers" && name != "options" {
			t.Errorf("%s: %d errors for one fault", name, n)
		}
	}
}

// identifiers is hosts with too many different options in host-identifier.
func identifiers() string {
	var out strings.Builder
	for i := range maxIdentifiers + 5 {
		fmt.Fprintf(&out, "host h%d { host-identifier option unknown-%d 01; }\n", i, 130+i)
	}
	return out.String()
}

// wide sets too many options of one space.
func wide() string {
	var out strings.Builder
	for i := range maxSet + 5 {
		fmt.Fprintf(&out, "option w.unknown-%d 01;\n", 1+i)
	}
	return out.String()
}

func TestFileLimits(t *testing.T) {
	big := []byte(strings.Repeat(" ", maxFile+1))
	if _, list := Load("t", func(string) ([]byte, error) { return big, nil }); only(t, list, "the limit is") != 1 {
		t.Errorf("%v", list)
	}
	half := []byte(strings.Repeat(" ", maxFile/2))
	_, list := Load("t", func(name string) ([]byte, error) {
		if name == "t" {
			return []byte(strings.Repeat("include \"half\";", maxTotal/(maxFile/2)+2)), nil
		}
		return half, nil
	})
	only(t, list, "all files together")
	deep := 0
	_, list = Load("0", func(string) ([]byte, error) { deep++; return fmt.Appendf(nil, "include \"%d\";", deep), nil })
	if only(t, list, "nested more than") != 1 || deep > maxIncludeDepth+2 {
		t.Errorf("%d files: %v", deep, list)
	}
	_, list = Load("t", func(name string) ([]byte, error) {
		if name == "t" {
			return []byte(strings.Repeat("include \"e\";", maxIncludes+10)), nil
		}
		return nil, nil
	})
	only(t, list, "include statements")
	if _, list = Load("t", func(string) ([]byte, error) { return nil, errors.New("no such thing") }); only(t, list, "no such thing") != 1 {
		t.Errorf("%v", list)
	}
}

func TestPartsAreBounded(t *testing.T) {
	for _, src := range []string{strings.Repeat("a;", maxParts+10), "if a{" + strings.Repeat("a;", maxParts+10)} {
		_, list := Load("t", readerOf("t", src, ""))
		if n := only(t, list, "statements, values and operands"); n > 3 {
			t.Errorf("%.20s: %d errors for one fault; the last: %v", src, n, list[len(list)-2:])
		}
	}
}

func TestReportsAreBounded(t *testing.T) {
	_, list := Load("t", readerOf("t", strings.Repeat("nonsense 5;\n", 100000), ""))
	if len(list) != maxReports+1 || !strings.Contains(list[maxReports].Message, "more") {
		t.Errorf("%d messages, the last one %v", len(list), list[len(list)-1])
	}
	c, list := Load("t", readerOf("t", strings.Repeat("nothing;\n", 100000), ""))
	if len(list) != maxReports+1 || c == nil {
		t.Errorf("%d warnings; Config given: %v", len(list), c != nil)
	}
}

// memoryFactor is how many octets of memory an octet of configuration may
// take while it is read and compiled, garbage included, beyond memoryBase.
const (
	memoryFactor = 1000
	memoryBase   = 4 << 20
)

// TestMemoryAndTime loads texts made to be large in memory and slow, and
// prints them.
func TestMemoryAndTime(t *testing.T) {
	const size = 1 << 18
	fill := func(unit string) string { return strings.Repeat(unit, size/len(unit)+1) }
	numbered := func(format string) string {
		var out strings.Builder
		for i := 0; out.Len() < size; i++ {
			fmt.Fprintf(&out, format, i, i>>16&255, i>>8&255, i&255)
		}
		return out.String()
	}
	in := func(head, body, tail string) string { return head + body + tail }
	for name, src := range map[string]string{
		"lone words": fill("a;"), "blocks": fill("if a{}"), "groups": fill("group{}"), "bad": fill("x 1;"), "marks": fill("}"), "open": fill("{"), "quotes": fill("\""),
		"semicolons": fill(";"), "percents": fill("%;"), "alien": fill("\u2010"), "smart": fill("\u201c"), "slashes": fill("/*"), "comments": fill("#"),
		"options":   fill("option host-name a;"),
		"hosts":     numbered("host h%d{hardware ethernet 0:0:0:%[2]x:%[3]x:%[4]x;fixed-address 10.%[2]d.%[3]d.%[4]d;}\n"),
		"deletions": numbered("host h%d{deleted;}host h%[1]d{uid \"%[1]d\";}host h%[1]d{deleted;}\n"),
		"subnets":   numbered("subnet 10.%[2]d.%[3]d.%[4]d netmask 255.255.255.255{}#%[1]d\n"),
		"nets":      numbered("shared-network n%d{subnet 10.%[2]d.%[3]d.%[4]d netmask 255.255.255.255{range 10.%[2]d.%[3]d.%[4]d;}}\n"),
		"pools":     in("subnet 10.0.0.0 netmask 255.0.0.0 {", numbered("pool{range 10.%[2]d.%[3]d.%[4]d;}#%[1]d\n"), "}"),
		"kinds":     in("subnet 10.0.0.0 netmask 255.0.0.0 {", numbered("pool{range 10.%[2]d.%[3]d.%[4]d;allow after epoch %[1]d;}\n"), "}"),
		"overlaps":  in("subnet 10.0.0.0 netmask 255.0.0.0 {", numbered("pool{range 10.0.0.0 10.%[2]d.%[3]d.%[4]d;}#%[1]d\n"), "}"),
		"classes":   numbered("class \"c%d\"{match if known;}#%[2]d%[3]d%[4]d\n"),
		"children":  "class \"c\"{match hardware;}" + numbered("subclass \"c\" \"%d\";#%[2]d%[3]d%[4]d\n"),
		"keys":      numbered("key k%d{algorithm hmac-md5;secret abcd;}#%[2]d%[3]d%[4]d\n"),
		"peers":     numbered("failover peer \"p%d\"{peer address 1.1.1.1;address 1.1.1.1;split 1;mclt 1;}#%[2]d%[3]d%[4]d\n"),
		"spaces":    numbered("option space s%d;#%[2]d%[3]d%[4]d\n"),
		"defines":   numbered("option o%dx code %[1]d = text;#%[2]d%[3]d%[4]d\n"),
		"regexps":   fill("if \"a\"~=\"(a*)*{9}\"{}"),
		"sets":      fill("set a1x=\"\";"),
		"cases":     in("switch(\"\"){", fill("case\"\":"), "}"),
		"names":     fill("option domain-search \"a.b.c.d.e.f.g.h.i.j.k.l.m\";"),
		"zones":     fill("zone a{}"),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begin := time.Now()
		f, _ := Parse("t", readerOf("t", src, ""))
		c, _ := Load("t", readerOf("t", src, ""))
		_ = f.String()
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > memoryBase+memoryFactor*uint64(len(src)) {
			t.Errorf("%s: %d octets of text take %d octets of memory, %d times as many", name, len(src), used, used/uint64(len(src)))
		}
		t.Logf("%-12s %4d octets an octet, %v", name, (after.TotalAlloc-before.TotalAlloc)/uint64(len(src)), time.Since(begin).Round(time.Millisecond))
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s: %d octets take %v", name, len(src), took)
		}
		if c != nil {
			c.Evaluate(nil, c.Global)
		}
	}
}
