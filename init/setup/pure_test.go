package setup

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestOnlyTheShellTouchesTheWorld: the interface is a function of its events;
// goroutines, channels, clocks and devices are in shell.go alone.
func TestOnlyTheShellTouchesTheWorld(t *testing.T) {
	files, err := filepath.Glob("*.go")
	more, err2 := filepath.Glob("term/*.go")
	if err != nil || err2 != nil || len(files) < 20 || len(more) < 3 {
		t.Fatal(err, err2, files, more)
	}
	clocks := []string{"Now", "Since", "Until", "After", "AfterFunc", "NewTicker", "NewTimer", "Sleep", "Tick"}
	for _, name := range append(files, more...) {
		if strings.HasSuffix(name, "_test.go") || name == "shell.go" {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, imp := range file.Imports {
			if path, _ := strconv.Unquote(imp.Path.Value); slices.Contains([]string{"os", "net", "sync", "io", "log"}, path) {
				t.Errorf("%s imports %s", name, path)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt, *ast.ChanType, *ast.SelectStmt:
				t.Errorf("%s: a goroutine or a channel", set.Position(n.Pos()))
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clocks, n.Sel.Name) {
					t.Errorf("%s: time.%s", set.Position(n.Pos()), n.Sel.Name)
				}
			}
			return true
		})
	}
}
