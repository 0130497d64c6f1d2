package term

import (
	"fmt"
	"strings"
)

// vt100 is a small emulator: what a terminal shows after some octets.
type vt100 struct {
	*Grid
	row, col int
	attr     Attr
	faults   []string
}

func (v *vt100) write(octets []byte) {
	for i := 0; i < len(octets); i++ {
		switch c := octets[i]; {
		case c == 0x1b:
			n := i + 2
			for octets[n] < 0x40 || octets[n] > 0x7e {
				n++
			}
			v.control(string(octets[i+2:n]), octets[n])
			i = n
		case c < ' ' || c > '~':
			v.faults = append(v.faults, fmt.Sprintf("octet %#x", c))
		default:
			if v.col >= v.W || v.row >= v.H {
				v.faults = append(v.faults, fmt.Sprintf("writes at %d,%d", v.row, v.col))
				return
			}
			v.Put(v.row, v.col, v.attr, string(c))
			v.col++
		}
	}
}

func (v *vt100) control(params string, final byte) {
	switch final {
	case 'H':
		fmt.Sscanf(params, "%d;%d", &v.row, &v.col)
		v.row--
		v.col--
	case 'm':
		v.attr = 0
		for _, p := range strings.Split(params, ";") {
			v.attr |= map[string]Attr{"1": Bold, "4": Underline, "7": Reverse}[p]
		}
	case 'J':
		v.Grid = NewGrid(v.W, v.H)
	case 'K':
		for col := v.col; col < v.W; col++ {
			v.Put(v.row, col, 0, " ")
		}
	case 'h', 'l':
		if params == "?25" {
			v.Cursor = final == 'h'
		}
	default:
		v.faults = append(v.faults, "ESC["+params+string(final))
	}
}
