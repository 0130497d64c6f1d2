package conf

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// seeds adds every configuration of the tables and samples.
func seeds(f *testing.F) {
	t := &testing.T{}
	for _, name := range []string{"testdata/verdicts.tsv", "testdata/replies.tsv"} {
		for _, row := range rows(t, name) {
			f.Add(expand(row[1]))
		}
	}
	for _, pattern := range []string{"testdata/samples/*", "testdata/errors/*.conf"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range names {
			raw, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(raw))
		}
	}
}

// virtual reads name as src, and a few files to include.
func virtual(name, src string) ReadFile {
	return func(n string) ([]byte, error) {
		switch n {
		case name:
			return []byte(src), nil
		case "opt.inc", "02-dhcpd.master":
			return []byte("option domain-name \"inc\";\n"), nil
		case "self.inc":
			return []byte("include \"self.inc\";\n"), nil
		}
		return nil, os.ErrNotExist
	}
}

// slow is how long one small configuration may take.
const slow = 5 * time.Second

// FuzzLoad loads any text and executes what comes of it.
func FuzzLoad(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, src string) {
		begin := time.Now()
		c, list := Load("t.conf", virtual("t.conf", src))
		errors := hasError(list)
		if errors == (c != nil) {
			t.Fatalf("Config given: %v; %v", c != nil, list)
		}
		for i, d := range list {
			if d.Message == "" || d.Severity < Error || d.Severity > Notice || d.Unsupported && d.Severity != Error {
				t.Fatalf("diagnostic %d: %+v", i, d)
			}
		}
		if err := Format(discard{}, list); err != nil {
			t.Fatal(err)
		}
		if c != nil {
			execute(t, c)
		}
		if took := time.Since(begin); took > slow {
			t.Fatalf("takes %v", took)
		}
	})
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// execute carries out every scope, with and without a request.
func execute(t *testing.T, c *Config) {
	for i, p := range c.Pools {
		if p.ID != i {
			t.Fatalf("pool %d has the id %d", i, p.ID)
		}
		for _, r := range p.Ranges {
			if r.Low > r.High || c.PoolOf(r.Low) != p || c.PoolOf(r.High) != p || c.SubnetOf(r.Low) == nil {
				t.Fatalf("range %v of pool %d is not found", r, i)
			}
		}
	}
	scopes := []*Scope{c.Global}
	for _, s := range c.Subnets {
		scopes = append(scopes, s.Scope)
	}
	for _, h := range c.Hosts {
		scopes = append(scopes, h.Scope)
	}
	for _, k := range c.Classes {
		scopes = append(scopes, k.Scope)
	}
	r := newRequest(c)
	for _, k := range c.ClassesOf(r) {
		scopes = append(scopes, k.Scope)
	}
	for _, s := range []*Settings{c.Evaluate(nil, scopes...), c.Evaluate(r, scopes...)} {
		last := -1
		s.Each("dhcp", func(code uint32, v []byte) {
			if int(code) <= last || code == 0 || code > 254 {
				t.Fatalf("code %d after %d", code, last)
			}
			last = int(code)
		})
		for p := range Param(101) {
			s.Uint(p)
			s.Flag(p)
			s.Text(p)
			s.Addr(p)
		}
	}
}

// FuzzPrint demands that what is printed reads as what was printed.
func FuzzPrint(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, src string) {
		tree, list := Parse("t.conf", virtual("t.conf", src))
		_ = tree.String() // even of a broken one
		if hasError(list) {
			return
		}
		printed := tree.String()
		again, list := Parse("t.conf", virtual("t.conf", printed))
		if hasError(list) {
			t.Fatalf("%q is printed as\n%s\nwhich has errors: %v", src, printed, list)
		}
		if err := sameTree(valueOf(tree), valueOf(again), "file"); err != nil {
			t.Fatalf("%q is printed as\n%s\nwhich reads as another tree: %v", src, printed, err)
		}
		if twice := again.String(); twice != printed {
			t.Fatalf("%q is printed as\n%s\nand then as\n%s", src, printed, twice)
		}
		_, before := Load("t.conf", virtual("t.conf", src))
		_, after := Load("t.conf", virtual("t.conf", printed))
		if hasError(before) != hasError(after) {
			t.Fatalf("%q is printed as\n%s\nand judged otherwise:\n%v\n%v", src, printed, before, after)
		}
	})
}

// FuzzOverlay declares hosts and groups of any text: the configuration under
// them stays as it is, and what is accepted can be executed.
func FuzzOverlay(f *testing.F) {
	for _, text := range []string{
		"dynamic;\nhardware ethernet 02:00:00:00:00:09;\nuid \"\\001a\";\nfixed-address 10.0.0.9, 10.0.0.8;\ngroup \"desk\";\nfilename \"x\";",
		"} host evil { hardware ethernet 02:00:00:00:00:07;", "option new code 201 = text;", "include \"x\";",
		"supersede server.filename = \"x.0\";", "class \"c\" { match hardware; }", "if known { default-lease-time 60; } else { deny booting; }",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		base := load(t, overlayBase)
		o := NewOverlay(base)
		for _, kind := range []string{"host", "group"} {
			refused := hasError(o.Put(Declaration{Kind: kind, Name: "h", Text: text}))
			whole := o.Config()
			if made := whole.Host("h") != nil || whole.Group("h") != nil; made == refused && kind == "host" {
				t.Fatalf("refused %v, made %v", refused, made)
			}
			if h := whole.Host("h"); h != nil {
				whole.Evaluate(nil, h.Scope)
			}
		}
		if _, known := base.OptionByName("new"); known || len(base.Hosts) != 2 || len(base.Subnets) != 1 || len(base.Classes)+len(base.Keys)+len(base.Peers)+len(base.Zones) != 0 || len(base.Pools) != 1 {
			t.Fatal("the configuration itself was changed")
		}
		if again := Statements(strings.Join(Statements(text), "\n")); !slices.Equal(again, Statements(text)) {
			t.Fatalf("%q is cut into %q, and that into %q", text, Statements(text), again)
		}
	})
}
