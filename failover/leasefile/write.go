package leasefile

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"tandem/failover/lease"
)

// Options say what a lease file is written for.
type Options struct {
	// Failover tells whether an address lies in a pool with a partner; nil
	// means that none does. It decides what dhcpd does when the lease ends.
	Failover func(lease.IP) bool
	// Secondary is set if the reader will be the secondary of its pairs: only
	// that one keeps the MCLT in its file, a primary takes it for an error.
	Secondary bool
}

// header is how dhcpd begins a file; the byte order must come before the first
// lease, although only IPv6 records depend on it.
const header = `# The format of this file is documented in the dhcpd.leases(5) manual page.
# This lease file was written by Tandem.

# authoring-byte-order entry is generated, DO NOT DELETE
authoring-byte-order little-endian;

`

// Writer writes a lease file, one record a call: objects and peers first, as
// dhcpd does. An error of the underlying writer is given by every later call
// and by Flush.
type Writer struct {
	out *bufio.Writer
	opt Options
	buf []byte
}

// NewWriter begins a lease file.
func NewWriter(w io.Writer, opt Options) *Writer {
	if opt.Failover == nil {
		opt.Failover = func(lease.IP) bool { return false }
	}
	out := bufio.NewWriterSize(w, 64<<10)
	_, _ = out.WriteString(header) // bufio gives its error again with every call
	return &Writer{out: out, opt: opt}
}

// Flush ends the file.
func (w *Writer) Flush() error { return w.out.Flush() }

// Record writes a record; a *lease.Boot has no place in a lease file and is
// passed over.
func (w *Writer) Record(rec lease.Record) error {
	switch r := rec.(type) {
	case *lease.Lease:
		return w.Lease(r)
	case *lease.Peer:
		return w.Peer(r)
	case *lease.Object:
		return w.Object(r)
	}
	return nil
}

// Lease writes a lease.
func (w *Writer) Lease(l *lease.Lease) error {
	failover := w.opt.Failover(l.IP)
	b := append(w.buf[:0], "lease "...)
	b = append(l.IP.Append(b), " {\n"...)
	atsfp, tstp := l.ATSFP, l.TSTP
	if l.Flags.Has(lease.FlagPending) && atsfp >= tstp {
		atsfp = 0 // dhcpd sends an update only if this is before tstp
	}
	if !failover && tstp == l.Ends {
		tstp = 0
	}
	for _, t := range [...]struct {
		word string
		at   lease.Time
	}{{"starts", l.Starts}, {"ends", l.Ends}, {"tstp", tstp}, {"tsfp", l.TSFP}, {"atsfp", atsfp}, {"cltt", l.CLTT}} {
		if t.at != 0 {
			b = append(append(append(b, "  "...), t.word...), ' ')
			b = append(appendDate(b, t.at), ";\n"...)
		}
	}
	b = appendState(b, "", l.State)
	if next := after(l.State, failover); next != l.State {
		b = appendState(b, "next ", next)
	}
	if l.Rewind != l.State && l.Rewind.Valid() {
		b = appendState(b, "rewind ", l.Rewind)
	}
	if l.Flags.Has(lease.FlagReserved) {
		b = append(b, "  reserved;\n"...)
	}
	if l.Flags.Has(lease.FlagBOOTP) {
		b = append(b, "  dynamic-bootp;\n"...)
	}
	b = append(appendClient(b, l), "}\n"...)
	w.buf = b
	_, err := w.out.Write(b)
	return err
}

func appendState(b []byte, which string, s lease.State) []byte {
	b = append(append(append(b, "  "...), which...), "binding state "...)
	return append(append(b, s.String()...), ";\n"...)
}

// after is the state that follows when a lease in state s has ended.
func after(s lease.State, failover bool) lease.State {
	switch s {
	case lease.Active:
		if failover {
			return lease.Expired
		}
		return lease.Free
	case lease.Expired, lease.Released, lease.Abandoned, lease.Reset:
		return lease.Free
	}
	return s
}

// appendClient writes what is known about the client.
func appendClient(b []byte, l *lease.Lease) []byte {
	var x lease.Extra
	if l.Extra != nil {
		x = *l.Extra
	}
	if x.Billing != "" {
		b = appendBilling(b, x.Billing, x.BillingSub)
	}
	if l.HW != "" {
		b = append(appendHardware(append(b, "  hardware "...), l.HW), ";\n"...)
	}
	if l.UID != "" {
		b = append(appendQuoted(append(b, "  uid "...), l.UID), ";\n"...)
	}
	for _, v := range variables(&x) {
		b = append(append(append(b, "  set "...), v.Name...), " = "...)
		b = append(appendValue(b, v.Value), ";\n"...)
	}
	b = appendAgent(b, x.RelayAgent)
	if x.Hostname != "" && printable(x.Hostname) {
		b = append(append(append(b, "  client-hostname \""...), x.Hostname...), "\";\n"...)
	}
	return b
}

func appendBilling(b []byte, class, sub string) []byte {
	if sub == "" {
		return append(appendQuoted(append(b, "  billing class "...), class), ";\n"...)
	}
	b = append(appendQuoted(append(b, "  billing subclass "...), class), ' ')
	return append(appendData(b, sub), ";\n"...)
}

// appendData writes the data of a subclass: a string, or hexadecimal octets.
func appendData(b []byte, data string) []byte {
	if data == "" || printable(data) {
		return appendQuoted(b, data)
	}
	return appendHex(b, data)
}

// variables are those of x, and what dhcpd keeps as one, in order of names.
// Names that dhcpd could not read are left out.
func variables(x *lease.Extra) []lease.Var {
	vars := x.Vars
	for _, v := range [...]lease.Var{{Name: "vendor-class-identifier", Value: x.VendorClass}, {Name: "ddns-client-fqdn", Value: x.FQDN}} {
		i, found := slices.BinarySearchFunc(vars, v.Name, func(v lease.Var, n string) int { return cmp.Compare(v.Name, n) })
		if v.Value != "" && !found {
			vars = slices.Insert(slices.Clone(vars), i, v)
		}
	}
	return slices.DeleteFunc(slices.Clone(vars), func(v lease.Var) bool { return !isWord(v.Name) })
}

// appendValue writes the value of a variable: true, false, %N or a string.
func appendValue(b []byte, value string) []byte {
	if digits, ok := strings.CutPrefix(value, "%"); value == "true" || value == "false" ||
		ok && digits != "" && len(digits) <= 10 && strings.Trim(digits, "0123456789") == "" {
		return append(b, value...)
	}
	return appendQuoted(b, value)
}

// isWord tells whether s is a name that the language can hold unquoted.
func isWord(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || !('0' <= s[i] && s[i] <= '9' || s[i] == '-' || s[i] == '_')) {
			return false
		}
	}
	return s != ""
}

// printable tells whether s is ASCII that stands for itself in a string.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\' {
			return false
		}
	}
	return true
}

// appendQuoted writes s as a string with three-digit octal escapes.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c > '~':
			b = append(b, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// Peer writes the state of a failover relationship.
func (w *Writer) Peer(r *lease.Peer) error {
	b := append(w.buf[:0], "\nfailover peer "...)
	b = append(appendQuoted(b, r.Name), " state {\n"...)
	b = appendServerState(b, "my", r.State, r.Since)
	b = appendServerState(b, "partner", r.Partner, r.PartnerSince)
	if w.opt.Secondary && r.MCLT != 0 {
		b = fmt.Appendf(b, "  mclt %d;\n", r.MCLT)
	}
	w.buf = append(b, "}\n"...)
	_, err := w.out.Write(w.buf)
	return err
}

func appendServerState(b []byte, whose string, s lease.ServerState, since lease.Time) []byte {
	b = append(append(append(b, "  "...), whose...), " state "...)
	b = append(append(b, s.String()...), " at "...)
	return append(appendDate(b, since), ";\n"...)
}

// Object writes a host, group, class or subclass.
func (w *Writer) Object(o *lease.Object) error {
	b := append(w.buf[:0], o.Kind...)
	b = append(b, ' ')
	switch {
	case o.Kind == "class":
		b = appendQuoted(b, o.Name)
	case o.Kind != "subclass" && !isDotted(o.Name):
		return fmt.Errorf("%s %q: a lease file can not hold this name", o.Kind, o.Name)
	default:
		b = append(b, o.Name...)
	}
	b = append(b, " {\n"...)
	if o.Text != "" {
		for line := range strings.Lines(o.Text) {
			b = append(append(append(b, "  "...), strings.TrimSuffix(line, "\n")...), '\n')
		}
	}
	if o.Deleted {
		b = append(b, "  deleted;\n"...)
	}
	w.buf = append(b, "}\n"...)
	_, err := w.out.Write(w.buf)
	return err
}

// isDotted tells whether s is words with dots between them.
func isDotted(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || part[0] == '-' || part[0] == '_' || strings.Trim(part, wordChars) != "" {
			return false
		}
	}
	return true
}

const wordChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// Write writes the file's contents in dhcpd's order, and gives the records
// that a lease file can not hold as an error after all others are written.
func (f *File) Write(w io.Writer, opt Options) error {
	out := NewWriter(w, opt)
	var first error
	for i := range f.Objects {
		if err := out.Object(&f.Objects[i]); err != nil && first == nil {
			first = err
		}
	}
	for i := range f.Peers {
		if err := out.Peer(&f.Peers[i]); err != nil {
			return err
		}
	}
	for i := range f.Leases {
		if err := out.Lease(&f.Leases[i]); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return first
}
