package conf

import (
	"fmt"
	"io"
	"strings"
)

// Severity ranks a Diagnostic.
type Severity uint8

// An Error refuses the configuration. A Warning is something dhcpd warns
// about, or that bites later. A Notice tells that a statement has no effect
// here, and that no client can tell.
const (
	Error Severity = iota + 1
	Warning
	Notice
)

// Diagnostic is one message about a configuration.
type Diagnostic struct {
	Pos      Pos
	Severity Severity
	// Unsupported is set on an Error about a valid statement that this
	// server does not do (dhcpd accepts the file).
	Unsupported bool
	Message     string
	Remedy      string // what to type instead; may be empty
	Source      string // the source line, for the caret; may be empty
}

// ReadFile reads one file named in an include statement or on the command line.
type ReadFile func(name string) ([]byte, error)

var severityNames = [...]string{"", "error", "warning", "notice"}

// String is the word for the severity.
func (s Severity) String() string {
	if int(s) < len(severityNames) {
		return severityNames[s]
	}
	return "invalid"
}

// String is the first line of the message: FILE:LINE:COL: message. A warning
// or notice says that it is one.
func (d Diagnostic) String() string {
	text := d.Message
	if d.Severity != Error {
		text = d.Severity.String() + ": " + text
	}
	return fmt.Sprintf("%s:%d:%d: %s", d.Pos.File, d.Pos.Line, d.Pos.Col, text)
}

// widestSource is how much of a source line is shown, in octets.
const widestSource = 160

// Format writes diagnostics for people: the message, the source line with a
// caret under the place, and the remedy if one is known.
func Format(w io.Writer, list []Diagnostic) error {
	var out strings.Builder
	for _, d := range list {
		out.WriteString(d.String())
		out.WriteByte('\n')
		if d.Source != "" && d.Pos.Col >= 1 {
			writeSource(&out, d.Source, d.Pos.Col-1)
		}
		if d.Remedy != "" {
			fmt.Fprintf(&out, "    %s\n", d.Remedy)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// writeSource writes a source line, cut around the octet at if it is long,
// and a caret under that octet.
func writeSource(out *strings.Builder, source string, at int) {
	at = min(at, len(source))
	if at > widestSource/2 && len(source) > widestSource {
		cut := at - widestSource/2
		source, at = "..."+source[cut:], at-cut+3
	}
	if len(source) > widestSource {
		source = source[:widestSource] + "..."
	}
	at = min(at, len(source))
	out.WriteString("    ")
	out.WriteString(printable(source))
	out.WriteString("\n    ")
	for _, c := range printable(source[:at]) {
		if c != '\t' {
			c = ' '
		}
		out.WriteRune(c)
	}
	out.WriteString("^\n")
}

// printable gives text with control characters and broken UTF-8 replaced.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' && c != '\t' || c == 0x7f {
			return '\ufffd'
		}
		return c
	}, strings.ToValidUTF8(s, "\ufffd"))
}
