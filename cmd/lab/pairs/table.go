package pairs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"tandem/cmd/lab/peers"
	"tandem/failover/lease"
	"tandem/failover/leasefile"
	"tandem/failover/node"
)

// Entry is one address in a lease table, as far as both programs know it.
type Entry struct {
	State string
	HW    string // of an active lease
	UID   string
	Ends  lease.Time
}

// Table is a lease table by address; an address without an entry is free and
// was never used.
type Table map[lease.IP]Entry

// Leases is the table of a running server, or of a dhcpd that has ended.
func (b *Box) Leases() (Table, error) {
	if b.Kind == peers.Dhcpd {
		return readLeaseFile(b.leaseFile())
	}
	out, err := b.Failctl("leases", "--json", "all")
	if err != nil {
		return nil, err
	}
	var list []node.LeaseInfo
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		return nil, err
	}
	t := Table{}
	for _, l := range list {
		ip, err := lease.ParseIP(l.IP)
		if err != nil {
			return nil, err
		}
		t[ip] = Entry{State: l.State, HW: l.HW, UID: l.UID, Ends: l.Ends}
	}
	return t, nil
}

// endOfRecord ends every record of dhcpd.leases.
var endOfRecord = []byte("\n}\n")

// readLeaseFile reads dhcpd.leases, which the server may be writing to.
func readLeaseFile(name string) (Table, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	// The last record may be half there.
	var whole []byte
	if i := bytes.LastIndex(text, endOfRecord); i >= 0 {
		whole = text[:i+len(endOfRecord)]
	}
	f, err := leasefile.Parse(name, string(whole), lease.FromUTC(time.Now()))
	if err != nil {
		return nil, err
	}
	t := Table{}
	for i := range f.Leases {
		d := node.Describe(&f.Leases[i])
		t[f.Leases[i].IP] = Entry{State: d.State, HW: d.HW, UID: d.UID, Ends: d.Ends}
	}
	return t, nil
}

// endsApart is how far two ends of one lease may be apart: whole seconds are
// counted on two machines.
const endsApart = 1

// Differences compares two tables lease by lease and says in words where they
// differ: state, client, or the end of an active lease.
func Differences(a, b Table) []string {
	all := slices.Collect(maps.Keys(a))
	for ip := range b {
		if _, ok := a[ip]; !ok {
			all = append(all, ip)
		}
	}
	slices.Sort(all)
	var list []string
	for _, ip := range all {
		x, y := a.at(ip), b.at(ip)
		if !x.same(y) {
			list = append(list, fmt.Sprintf("%v: %v against %v", ip, x, y))
		}
	}
	return list
}

func (t Table) at(ip lease.IP) Entry {
	if e, ok := t[ip]; ok {
		return e
	}
	return Entry{State: lease.Free.String()}
}

func (e Entry) same(o Entry) bool {
	if e.State != o.State {
		return false
	}
	if e.State != lease.Active.String() {
		return true
	}
	apart := max(e.Ends, o.Ends) - min(e.Ends, o.Ends)
	return e.HW == o.HW && e.UID == o.UID && apart <= endsApart
}

// String is "active aa:bb... until 12:00:00".
func (e Entry) String() string {
	if e.State != lease.Active.String() {
		return e.State
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", e.State, e.HW, e.UID)) + " until " + time.Unix(int64(e.Ends), 0).UTC().Format(time.TimeOnly)
}

// Count is how many addresses are in a state.
func (t Table) Count(state lease.State) int {
	n := 0
	for _, e := range t {
		if e.State == state.String() {
			n++
		}
	}
	return n
}

// look is how often tables that should become equal are compared.
const look = 200 * time.Millisecond

// AwaitEqual waits until the tables of both servers are equal lease by lease.
func (p *Pair) AwaitEqual(patience time.Duration) error {
	var diff []string
	err := poll(patience, func() (bool, error) {
		a, err := p.Primary.Leases()
		if err != nil {
			return false, err
		}
		b, err := p.Secondary.Leases()
		if err != nil {
			return false, err
		}
		diff = Differences(a, b)
		return len(diff) == 0, nil
	})
	if err != nil && len(diff) > 0 {
		return fmt.Errorf("%d leases differ (primary against secondary):\n%s\n%w", len(diff), strings.Join(diff[:min(len(diff), 20)], "\n"), err)
	}
	return err
}

// AwaitTold waits until each server knows of every lease that the other one had
// given when the wait began, as long or longer: while clients come all the time
// the tables are never equal.
func (p *Pair) AwaitTold(patience time.Duration) error {
	then, err := p.tables()
	if err != nil {
		return err
	}
	var missing []string
	err = poll(patience, func() (bool, error) {
		now, err := p.tables()
		if err != nil {
			return false, err
		}
		missing = append(untold(then[0], now[0], now[1]), untold(then[1], now[1], now[0])...)
		return len(missing) == 0, nil
	})
	if err != nil && len(missing) > 0 {
		return fmt.Errorf("%d leases are not known to both:\n%s\n%w", len(missing), strings.Join(missing[:min(len(missing), 20)], "\n"), err)
	}
	return err
}

// tables are those of both servers.
func (p *Pair) tables() (both [2]Table, err error) {
	for i, b := range p.Boxes() {
		if both[i], err = b.Leases(); err != nil {
			return both, err
		}
	}
	return both, nil
}

// untold lists the leases that a server had then, and that the other one does
// not know now; own is what became of them at the first one.
func untold(then, own, other Table) []string {
	var list []string
	for _, ip := range slices.Sorted(maps.Keys(then)) {
		had, knows := then[ip], other.at(ip)
		ended := own.at(ip).State != lease.Active.String() && knows.State != lease.Active.String()
		if had.State == lease.Active.String() && !ended && knows.Ends+endsApart < had.Ends {
			list = append(list, fmt.Sprintf("%v: %v, the other one has %v", ip, had, knows))
		}
	}
	return list
}

// poll asks again and again until the answer is yes: for what no program
// tells by itself.
func poll(patience time.Duration, done func() (bool, error)) error {
	for deadline := time.Now().Add(patience); ; {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %v", patience)
		}
		time.Sleep(look)
	}
}
