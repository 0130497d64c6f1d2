package boot

import (
	"io/fs"
	"os"
	"runtime"
	"strings"

	"tandem/board"
	"tandem/images/layout"
)

// Facts gathers what the machine says of itself. root holds sys and proc.
func Facts(root fs.FS, params map[string]string) board.Facts {
	dmi := func(name string) string { return line(root, "sys/class/dmi/id/"+name) }
	f := board.Facts{
		Arch: runtime.GOARCH, Image: params[layout.ParamBoard],
		Vendor: dmi("sys_vendor"), Product: dmi("product_name"),
		Maker: dmi("board_vendor"), Mainboard: dmi("board_name"),
	}
	if raw, err := fs.ReadFile(root, "proc/device-tree/compatible"); err == nil {
		f.Compatible = strings.FieldsFunc(string(raw), func(r rune) bool { return r == 0 })
	}
	return f
}

func line(root fs.FS, name string) string {
	raw, err := fs.ReadFile(root, name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}

// Params reads the kernel's command line: words with a value, and words
// without as empty ones.
func Params() map[string]string {
	raw, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return map[string]string{}
	}
	return parseParams(string(raw))
}

func parseParams(text string) map[string]string {
	params := map[string]string{}
	for _, word := range strings.Fields(text) {
		key, value, _ := strings.Cut(word, "=")
		params[key] = value
	}
	return params
}
