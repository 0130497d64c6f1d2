package node

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tellers are the functions all of whose texts are for `why`; methods are
// named without their type.
var tellers = map[string][]string{
	"..": {"Why", "until", "whyPartner", "wayOut", "whyAuto", "whyAlone", "WhyLease", "whyKept",
		"postureOf", "stanceOf", "silentWhy", "stanceBeside", "stanceBesideISC", "stanceAlone", "facts", "mayDeclare",
		"Evidence", "carrier", "heardHow", "declareDown", "handOver", "resume", "Command"},
	"../dhcp": {"Explain", "decision", "where", "client", "className", "outcome", "reason", "pools", "permitText", "permitWords", "usage",
		"address", "lease", "culprit", "hosts", "fixedText", "poolName", "clientName", "posText"},
	".": {"whyServer", "refuses", "sentence"},
}

// handed are the functions that keep a text for `why`: the literals among
// their arguments count.
var handed = map[string][]string{
	"..": {"enter", "partnerDown", "hangup", "farewell", "refuse", "refused", "announcePause", "beWary", "partGone", "lost"},
	".":  {"distrust"},
}

// elsewhere are files whose refusals go to others than the reader of `why`:
// the partner, and the tool that changes a lease by hand.
var elsewhere = []string{"../accept.go", "../dhcp/hand.go"}

// named are the constants and variables that hold such texts.
var named = regexp.MustCompile(`^(wary|byCommand|reasons$)`)

// unsaid are texts that the search finds although `why` cannot say them, each
// with the reason.
var unsaid = map[string]string{
	// Verdicts of Grant and Ended that no client is refused with.
	"the partner knows no expiry of this lease that allows another renewal; ":   "Serve refuses a lease that has ended before Grant sees it",
	"a server that lost its store may have renewed the lease since":             "a release is answered by nothing",
	"the partner served this client later: the release is about an older lease": "a release is answered by nothing",
	"the partner may have used the address":                                     "probation goes on in silence",
	"the primary ends the probation":                                            "probation goes on in silence",
	"in NORMAL the primary ends leases":                                         "whyKept says it in its own words",
	"another client holds it":                                                   "reasons has words for the rule",
	"it is in use by somebody who was not given it":                             "reasons has words for the rule",
	"it is offered to or reserved for another client":                           "reasons has words for the rule",
	"the partner may know more about this address":                              "only whether it is certain is asked",
	// Ends of connections that are not the relationship's, or of a box that
	// forgets them.
	"too many connections":                   "a connection that is not established yet",
	"another connection was faster":          "a connection that is not established yet",
	"no CONNECTACK in time":                  "a connection that is not established yet",
	"the partner did not tell its state":     "without the partner's state nothing was lost",
	"refused by the partner":                 "refuse says it, with the partner's words",
	"CONNECTACK without a relationship name": "a connection that is not established yet",
	"already connected":                      "there is a connection",
	"the partner has taken over":             "the state stays SHUTDOWN",
	"our state would harm the partner":       "dhcpd is told no such state in any cell of the tables",
	"a new connection takes its place":       "contact is there again at once",
	"the partner made a new connection":      "contact is there again at once",
	"no CONNECT within %v: this server is secondary for %q, so must the partner not be": "told to the partner",
	// Facts that no input leads to.
	"operator":                             "the node names who orders",
	"unknown order":                        "the node knows the words",
	"partner not reached":                  "status says it; why says more",
	" is in no pool of this relationship.": "the node asks the relationship of the address",
	"<no hardware address>":                "asking is by hardware address, or by an address that needs one",
	"it has neither a hardware address nor a client identifier": "there is nothing to ask by",
	"no place in a file":   "what is declared at run time has no pool",
	"nobody":               "who is offered or leased an address has a name",
	"no permit":            "a permit decides wherever one is asked",
	"rule ":                "every rule without words has facts",
	"an unknown interface": "packets without interface are dropped by the shell",
}

// TestEverySentenceHasAScene searches the sources for what `why` can say, and
// fails for a text that no scene of TestWhy ends with.
func TestEverySentenceHasAScene(t *testing.T) {
	raw, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	said := string(raw)
	texts := map[string]token.Position{}
	for _, dir := range []string{"..", "../dhcp", "."} {
		search(t, dir, texts)
	}
	if len(texts) < 150 {
		t.Fatalf("only %d texts were found: the search is broken", len(texts))
	}
	for text, pos := range texts {
		found := pattern(text).MatchString(said)
		reason, exempt := unsaid[text]
		switch {
		case exempt && found && len(text) > 12:
			t.Errorf("%v: %q is said, and also held to be unsaid (%s)", pos, text, reason)
		case !exempt && !found:
			t.Errorf("%v: no scene of TestWhy makes it say %q", pos, text)
		}
	}
	for text := range unsaid {
		if _, ok := texts[text]; !ok {
			t.Errorf("%q is not in the sources any more", text)
		}
	}
	t.Logf("%d texts, %d of them unsaid", len(texts), len(unsaid))
}

// verbs are the places for values in a format.
var verbs = regexp.MustCompile(`%[-+# 0]*[a-z]`)

// pattern matches a text in a sentence.
func pattern(text string) *regexp.Regexp {
	var b strings.Builder
	for i, part := range verbs.Split(strings.TrimSuffix(text, "?"), -1) {
		if i > 0 {
			b.WriteString(".*")
		}
		b.WriteString(regexp.QuoteMeta(part))
	}
	return regexp.MustCompile(b.String())
}

// search adds the texts of a package.
func search(t *testing.T, dir string, texts map[string]token.Position) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || slices.Contains(elsewhere, filepath.ToSlash(name)) {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			for _, part := range telling(dir, n) {
				literals(set, part, texts)
			}
			return true
		})
	}
}

// telling gives the parts of a node whose texts are for `why`.
func telling(dir string, n ast.Node) []ast.Node {
	var parts []ast.Node
	switch n := n.(type) {
	case *ast.FuncDecl:
		if slices.Contains(tellers[dir], n.Name.Name) && n.Body != nil && (dir != "../dhcp" || explains(n)) {
			parts = append(parts, n.Body)
		}
	case *ast.CallExpr:
		if name := callee(n); slices.Contains(handed[dir], name) {
			for _, a := range n.Args {
				parts = append(parts, a)
			}
		}
	case *ast.ValueSpec:
		if named.MatchString(n.Names[0].Name) {
			for _, v := range n.Values {
				parts = append(parts, v)
			}
		}
	case *ast.CompositeLit:
		if name, ok := verdict(n); ok && name != "" {
			for _, e := range n.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok && isName(kv.Key, "Why") {
					parts = append(parts, kv.Value)
				}
			}
		}
	}
	return parts
}

// explains tells whether a function of package dhcp is one of the
// explanation's, and not its namesake.
func explains(n *ast.FuncDecl) bool {
	if n.Recv == nil {
		return true
	}
	typ := n.Recv.List[0].Type
	if p, ok := typ.(*ast.StarExpr); ok {
		typ = p.X
	}
	return isName(typ, "explanation") || isName(typ, "decision") || n.Name.Name == "usage" || n.Name.Name == "Explain"
}

// verdict gives the type of a literal that refuses.
func verdict(n *ast.CompositeLit) (string, bool) {
	name := ""
	switch typ := n.Type.(type) {
	case *ast.Ident:
		name = typ.Name
	case *ast.SelectorExpr:
		name = typ.Sel.Name
	}
	if name != "Verdict" {
		return "", false
	}
	for _, e := range n.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok && isName(kv.Key, "OK") {
			return "", false // nobody is refused
		}
	}
	return name, true
}

func callee(n *ast.CallExpr) string {
	switch f := n.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

func isName(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// literals adds the string literals with words in them.
func literals(set *token.FileSet, n ast.Node, texts map[string]token.Position) {
	ast.Inspect(n, func(n ast.Node) bool {
		if kv, ok := n.(*ast.KeyValueExpr); ok {
			literals(set, kv.Value, texts) // a key is the name of a rule
			return false
		}
		if call, ok := n.(*ast.CallExpr); ok && callee(call) == "log" {
			return false
		}
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return true
		}
		text, err := strconv.Unquote(lit.Value)
		if err == nil && regexp.MustCompile(`\pL{2}|R\d`).MatchString(verbs.ReplaceAllString(text, "")) {
			texts[text] = set.Position(lit.Pos())
		}
		return true
	})
}
