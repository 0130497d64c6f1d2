package wire

import (
	"fmt"
	"strconv"
	"strings"

	"tandem/failover/lease"
)

// style says how moments are written: absolute if base is zero, else as T+n
// seconds from base, and both ways if both is set.
type style struct {
	base lease.Time
	both bool
}

func (st style) time(t lease.Time) string {
	switch {
	case t == 0:
		return "0"
	case t == lease.Never, st.base == 0:
		return t.String()
	case st.both:
		return fmt.Sprintf("%v (T%+d)", t, int64(t)-int64(st.base))
	}
	return fmt.Sprintf("T%+d", int64(t)-int64(st.base))
}

// Line is the message on one line: type, xid, the sender's time, then every
// option in the order in which it is encoded. Times are written as T+n, n
// seconds after base; absolute (RFC 3339) if base is zero.
func Line(m Message, base lease.Time) string {
	st := style{base: base}
	var b strings.Builder
	fmt.Fprintf(&b, "%v xid=%d time=%s", m.Kind(), m.Head().XID, st.time(m.Head().Time))
	each(m, st, func(name, text string) {
		b.WriteByte(' ')
		b.WriteString(name)
		b.WriteByte('=')
		b.WriteString(text)
	})
	return b.String()
}

// Describe is the message on several lines, one for each option, without a
// final newline. Times are written absolute and relative to base, which is
// the sender's own time if zero.
func Describe(m Message, base lease.Time) string {
	if base == 0 {
		base = m.Head().Time
	}
	st := style{base: base, both: true}
	var b strings.Builder
	fmt.Fprintf(&b, "%v xid %d, sent %s", m.Kind(), m.Head().XID, st.time(m.Head().Time))
	each(m, st, func(name, text string) {
		fmt.Fprintf(&b, "\n  %-28s %s", name, text)
	})
	return b.String()
}

// each gives name and text of everything that m carries beside the header.
func each(m Message, st style, fn func(name, text string)) {
	over := m.Over()
	if over.Pad != "" {
		fn("header-extension", showOctets(over.Pad))
	}
	for _, f := range m.Kind().fields() {
		if _, ok := f.put(m, nil); ok {
			fn(f.code.String(), f.text(m, st))
		}
	}
	for _, o := range over.Others {
		fn(o.Code.String(), showOctets(o.Data)+" (not used)")
	}
}

func showTime(t lease.Time, st style) string { return st.time(t) }

func showNumber[T ~uint8 | ~uint32](n T, _ style) string { return strconv.FormatUint(uint64(n), 10) }

func showSeconds(d lease.Seconds, _ style) string {
	if d == lease.Infinite {
		return "infinite"
	}
	return strconv.FormatUint(uint64(d), 10) + "s"
}

func showIP(ip lease.IP, _ style) string { return ip.String() }

func showStatus(s lease.State, _ style) string {
	return fmt.Sprintf("%s(%d)", strings.ToUpper(s.String()), uint8(s))
}

func showServerState(s lease.ServerState, _ style) string {
	return fmt.Sprintf("%s(%d)", strings.ToUpper(s.String()), uint8(s))
}

func showReject(r Reject, _ style) string { return fmt.Sprintf("%d(%v)", uint8(r), r) }

func showTLSRequest(t TLSRequest, _ style) string { return fmt.Sprintf("%d(%v)", uint8(t), t) }

func showFlags[T interface {
	~uint8 | ~uint16
	fmt.Stringer
}](f T, _ style) string {
	return fmt.Sprintf("%d(%v)", uint16(f), f)
}

func showText(s string) string { return strconv.Quote(s) }

// showOctets is hexadecimal, with the text behind it if it is all printable.
func showOctets(s string) string {
	if s == "" {
		return `""`
	}
	if printable(s) {
		return fmt.Sprintf("%x(%q)", s, s)
	}
	return fmt.Sprintf("%x", s)
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// showHW is a hardware address with colons, after its type unless Ethernet.
func showHW(hw string) string {
	if len(hw) < 2 {
		return showOctets(hw)
	}
	var b strings.Builder
	if hw[0] != 1 {
		fmt.Fprintf(&b, "htype %d ", hw[0])
	}
	for i := 1; i < len(hw); i++ {
		if i > 1 {
			b.WriteByte(':')
		}
		fmt.Fprintf(&b, "%02x", hw[i])
	}
	return b.String()
}

// showDHCP lists DHCP options by number.
func showDHCP(s string) string {
	rest, ok := strings.CutPrefix(s, dhcpCookie)
	if !ok {
		return showOctets(s)
	}
	var parts []string
	err := eachDHCP(rest, func(code byte, data string) {
		parts = append(parts, fmt.Sprintf("%d:%s", code, showOctets(data)))
	})
	if err != nil {
		return showOctets(s)
	}
	return "{" + strings.Join(parts, " ") + "}"
}

// showVendor lists our own elements by name; those of others are octets.
func showVendor(s string, st style) string {
	var parts []string
	ours, err := eachElement(s, func(e element, data string) error {
		parts = append(parts, e.show(data, st))
		return nil
	})
	if !ours || err != nil {
		return showOctets(s)
	}
	return "tandem{" + strings.Join(parts, " ") + "}"
}

// String is the assignment as dhcpd.conf writes it: "split n" where this is
// enough, else "hba" with its octets.
func (h HBA) String() string {
	if n := h.Buckets(); h == Split(n) {
		return fmt.Sprintf("split %d", n)
	}
	return fmt.Sprintf("hba %x", h[:])
}

// String is Line with absolute times.
func (m *Poolreq) String() string { return Line(m, 0) }

// String is Line with absolute times.
func (m *Poolresp) String() string { return Line(m, 0) }

// String is Line with absolute times.
func (m *Bndupd) String() string { return Line(m, 0) }

// String is Line with absolute times.
func (m *Bndack) String() string { return Line(m, 0) }

// String is Line with absolute times.
func (m *Connect) String() string { return Line(m, 0) }

// String is Line with absolute times.
func (m *Connectack) String() string { return Line(m, 0) }

// String is Line with absolute times.
func (m *UpdreqAll) String() string { return Line(m, 0) }

// String is Line with absolute times.
func (m *Upddone) String() string { return Line(m, 0) }

// String is Line with absolute times.
func (m *Updreq) String() string { return Line(m, 0) }

// String is Line with absolute times.
func (m *State) String() string { return Line(m, 0) }

// String is Line with absolute times.
func (m *Contact) String() string { return Line(m, 0) }

// String is Line with absolute times.
func (m *Disconnect) String() string { return Line(m, 0) }

// String is Line with absolute times.
func (m *Unknown) String() string { return Line(m, 0) }
