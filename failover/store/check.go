package store

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"tandem/failover/lease"
)

// Check reads the whole store, changes nothing and needs no lock. Its error is
// a *CorruptError about the first damage; the Report has all of it.
func Check(fs FS) (Report, error) {
	return look(fs, func(string, int64, lease.Record) error { return nil })
}

// Read hands every record to fn, oldest first, changes nothing and needs no
// lock, so that a tool can look into the store of a running server. It goes on
// behind damage; its error is then as that of Check. A *lease.Lease is valid
// during the call only.
func Read(fs FS, fn func(lease.Record) error) (Report, error) {
	return look(fs, func(_ string, _ int64, rec lease.Record) error { return fn(rec) })
}

// Dump writes every record in order, one line each, and goes on behind damage.
func Dump(fs FS, w io.Writer) error {
	out := bufio.NewWriter(w)
	rep, err := look(fs, func(name string, off int64, rec lease.Record) error {
		_, err := fmt.Fprintf(out, "%s %d %s\n", name, off, Describe(rec))
		return err
	})
	for _, line := range rep.Lines() {
		fmt.Fprintf(out, "# %s\n", line)
	}
	if flush := out.Flush(); flush != nil {
		return flush
	}
	return err
}

func look(fs FS, record func(string, int64, lease.Record) error) (Report, error) {
	rep := Report{Dir: fs.Name()}
	lay, err := readLayout(fs)
	if err != nil {
		return rep, err
	}
	w := walker{fs: fs, lay: lay, rep: &rep, record: record}
	if _, err = w.all(); err != nil {
		return rep, err
	}
	if len(rep.Damage) > 0 {
		d := rep.Damage[0]
		return rep, &CorruptError{fs.Name(), d.File, d.Offset, d.Reason}
	}
	return rep, nil
}

// Describe gives a record as one line of text.
func Describe(rec lease.Record) string {
	switch r := rec.(type) {
	case *lease.Lease:
		return describeLease(r)
	case *lease.Peer:
		return fmt.Sprintf("peer %q %s since %s partner %s since %s mclt %d contact %s authority %d epoch %d down-from %s lost %s facts %#x hba %x",
			r.Name, r.State, r.Since, r.Partner, r.PartnerSince, r.MCLT, r.LastContact, r.Authority, r.Epoch,
			r.DownFrom, r.Lost, r.Facts, r.HBA)
	case *lease.Boot:
		return fmt.Sprintf("boot %q %s started %s alive %s store %s resets %v",
			r.ID, r.Reason, r.Started, r.LastAlive, r.StoreOrigin, r.Resets)
	case *lease.Object:
		return describeObject(r)
	}
	return fmt.Sprintf("%T", rec)
}

func describeObject(r *lease.Object) string {
	line := fmt.Sprintf("%s %q", r.Kind, r.Name)
	switch {
	case r.Gone:
		line += " gone"
	case r.Deleted:
		line += " deleted"
	default:
		line += fmt.Sprintf(" %q", r.Text)
	}
	if r.Epoch != 0 || r.Changed != 0 {
		line += fmt.Sprintf(" changed %s epoch %d", r.Changed, r.Epoch)
	}
	return line
}

func describeLease(l *lease.Lease) string {
	var b strings.Builder
	fmt.Fprintf(&b, "lease %s %s", l.IP, l.State)
	if l.Rewind != l.State {
		fmt.Fprintf(&b, " rewind %s", l.Rewind)
	}
	for _, f := range []struct {
		name string
		at   lease.Time
	}{{"starts", l.Starts}, {"stos", l.STOS}, {"ends", l.Ends}, {"cltt", l.CLTT},
		{"tstp", l.TSTP}, {"tsfp", l.TSFP}, {"atsfp", l.ATSFP}} {
		if f.at != 0 {
			fmt.Fprintf(&b, " %s %s", f.name, f.at)
		}
	}
	if l.Flags != 0 {
		fmt.Fprintf(&b, " flags %#x", l.Flags)
	}
	if l.Epoch != 0 {
		fmt.Fprintf(&b, " epoch %d", l.Epoch)
	}
	if l.HW != "" {
		fmt.Fprintf(&b, " hw %x", l.HW)
	}
	if l.UID != "" {
		fmt.Fprintf(&b, " uid %x", l.UID)
	}
	if x := l.Extra; x != nil {
		names := [...]string{"hostname", "fqdn", "vendor-class", "user-class", "relay-agent", "requested", "billing", "billing-sub"}
		for i, s := range extraTexts(x) {
			if *s != "" {
				fmt.Fprintf(&b, " %s %q", names[i], *s)
			}
		}
		for _, v := range x.Vars {
			fmt.Fprintf(&b, " set %s=%q", v.Name, v.Value)
		}
	}
	return b.String()
}
