package board

import (
	"fmt"
	"strings"
)

// Facts is what the machine says of itself. Text is taken as the kernel gives
// it, without the line end.
type Facts struct {
	Arch       string   // GOARCH
	Image      string   // board that the image was made for; "" if unknown
	Vendor     string   // /sys/class/dmi/id/sys_vendor
	Product    string   // /sys/class/dmi/id/product_name
	Maker      string   // /sys/class/dmi/id/board_vendor
	Mainboard  string   // /sys/class/dmi/id/board_name
	Compatible []string // /proc/device-tree/compatible, split at NUL
}

// Rule is one way to recognise a board: every field that is not empty must be
// the beginning of the fact of the same name, upper and lower case being equal;
// Compatible must be one of the strings of the device tree.
type Rule struct {
	Vendor     string
	Product    string
	Maker      string
	Mainboard  string
	Compatible string
}

// Found is the answer of Recognise.
type Found struct {
	Board Board
	Known bool   // false: unknown hardware, Board is a generic one
	Why   string // one sentence for the console and the log
}

// Recognise decides which board a machine is. It never fails: hardware that no
// rule fits is the board that the image was made for if that one is generic,
// else the generic board of the architecture, else the image's board.
func Recognise(f Facts) Found {
	for _, b := range boards {
		if b.Arch != f.Arch || b.Generic {
			continue
		}
		for _, r := range b.Rules {
			if r.fits(f) {
				return Found{Board: b, Known: true, Why: b.Title + ", as " + r.said() + " says"}
			}
		}
	}
	b := fallback(f)
	return Found{Board: b, Why: fmt.Sprintf("unknown hardware (%s), runs as %s", f.said(), b.Title)}
}

// fallback picks the board for hardware that nothing recognises.
func fallback(f Facts) Board {
	image, ok := ByName(f.Image)
	if ok && image.Generic && image.Arch == f.Arch {
		return image
	}
	for _, b := range boards {
		if b.Generic && b.Arch == f.Arch {
			return b
		}
	}
	if ok {
		return image
	}
	return pc
}

func (r Rule) fits(f Facts) bool {
	if r == (Rule{}) {
		return false
	}
	begins := func(want, is string) bool {
		return len(is) >= len(want) && strings.EqualFold(is[:len(want)], want)
	}
	if r.Compatible != "" && !contains(f.Compatible, r.Compatible) {
		return false
	}
	return begins(r.Vendor, f.Vendor) && begins(r.Product, f.Product) &&
		begins(r.Maker, f.Maker) && begins(r.Mainboard, f.Mainboard)
}

func contains(list []string, want string) bool {
	for _, s := range list {
		if strings.EqualFold(s, want) {
			return true
		}
	}
	return false
}

// said names the evidence of a rule in words.
func (r Rule) said() string {
	if r.Compatible != "" {
		return fmt.Sprintf("the device tree (%s)", r.Compatible)
	}
	return fmt.Sprintf("DMI (%s)", join(r.Vendor, r.Product, r.Maker, r.Mainboard))
}

// said names the machine in words.
func (f Facts) said() string {
	if len(f.Compatible) > 0 {
		return "device tree " + f.Compatible[0]
	}
	if s := join(f.Vendor, f.Product, f.Maker, f.Mainboard); s != "" {
		return "DMI " + s
	}
	return f.Arch + " without DMI or device tree"
}

// join puts the words that are there between single spaces.
func join(words ...string) string { return strings.Join(strings.Fields(strings.Join(words, " ")), " ") }
