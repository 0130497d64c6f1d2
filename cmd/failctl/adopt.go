package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"tandem/failover/lease"
	"tandem/failover/leasefile"
)

// maxFindings bounds what is printed of a bad lease file.
const maxFindings = 10

// takeover is what is said about the lease file of a server whose place this
// one takes.
type takeover struct {
	Leases int       `json:"leases"`
	Bound  int       `json:"bound"`            // held by a client at Newest
	Newest time.Time `json:"newest,omitzero"`  // latest moment of service in it
	Store  int       `json:"store,omitempty"`  // 1: the store had records before, nothing was taken
	Bad    []string  `json:"bad,omitempty"`    // why the file is refused
	Notes  []string  `json:"notes,omitempty"`  // what should be known
	Remedy string    `json:"remedy,omitempty"` // against Bad
}

// checkLeases tells what is in a lease file and whether it can be adopted.
func checkLeases(out *output, o options, args []string) error {
	if len(args) != 1 {
		return usageError("leases check takes a file")
	}
	_, t, err := examine(args[0], o.partnerStays)
	if err != nil {
		return err
	}
	return t.print(out, args[0])
}

// adoptLeases takes the leases of a server whose place this one takes into an
// empty store, all of them or none. A store with records is left as it is, so
// that adopting twice is adopting once.
func adoptLeases(out *output, o options, args []string) error {
	if len(args) != 2 {
		return usageError("leases adopt takes a file and a directory")
	}
	f, t, err := examine(args[0], o.partnerStays)
	if err != nil {
		return err
	}
	if len(t.Bad) == 0 {
		err = fill(args[1], f)
	}
	if errors.Is(err, errNotEmpty) {
		t.Store, err = 1, nil
	}
	if err != nil {
		return err
	}
	return t.print(out, args[0])
}

// examine reads a lease file. Import leaves damaged records out; here each of
// them may be a promise that would be forgotten, so the file is refused.
//
// Unless the partner of the old server stays, its failover relationship ends
// with it: a new pair begins as new (both RECOVER, R4) and tells each other
// everything, which passes the leases on, and divides the free addresses anew.
func examine(name string, partnerStays bool) (*leasefile.File, takeover, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, takeover{}, err
	}
	f, err := leasefile.Parse("dhcpd.leases", string(text), lease.FromUTC(time.Now()))
	if f == nil {
		return nil, takeover{}, err
	}
	t := takeover{Leases: len(f.Leases)}
	t.findDamage(&f.Report)
	if !partnerStays {
		t.askPeers(f.Peers)
		f.Peers = nil
		f.JoinFree()
	}
	var newest lease.Time
	for i := range f.Leases {
		newest = max(newest, f.Leases[i].CLTT, f.Leases[i].Starts)
	}
	for i := range f.Leases {
		if f.Leases[i].Binding(newest) {
			t.Bound++
		}
	}
	if newest != 0 {
		t.Newest = newest.UTC()
	}
	return f, t, nil
}

// findDamage refuses a file with records that could not be read as a whole.
func (t *takeover) findDamage(r *leasefile.Report) {
	for _, p := range r.Problems {
		if p.Dropped {
			t.Bad = append(t.Bad, p.String())
		} else {
			t.note("%s", p)
		}
	}
	if r.Incomplete {
		t.Bad = append(t.Bad, "the file ends within its last record")
	}
	if more := len(t.Bad) - maxFindings; more > 0 {
		t.Bad = append(t.Bad[:maxFindings], fmt.Sprintf("... and %d more", more))
	}
	if len(t.Bad) > 0 {
		t.Remedy = "stop dhcpd and copy the file again, or mend these records with an editor; an address whose record is missing would be given to somebody else"
	}
}

func (t *takeover) note(format string, args ...any) {
	if len(t.Notes) < maxFindings {
		t.Notes = append(t.Notes, fmt.Sprintf(format, args...))
	}
}

// ignorant are states of a server that had still to hear something from its
// partner.
var ignorant = []lease.ServerState{lease.Recover, lease.RecoverWait, lease.PotentialConflict, lease.ResolutionInterrupted}

// askPeers refuses the file of one half of a pair if the other half knew more.
func (t *takeover) askPeers(peers []lease.Peer) {
	for _, p := range peers {
		if slices.Contains(ignorant, p.State) {
			t.Bad = append(t.Bad, fmt.Sprintf("failover peer %q: this server was in %v since %v: its partner knew leases that are not in this file", p.Name, p.State, p.Since))
			t.Remedy = "take the dhcpd.leases of its partner; if it never had one, remove the failover records"
			continue
		}
		t.note("failover peer %q: the file is one half of a pair, in %v since %v; take that of the half that stopped last, and start no sooner than the pair's MCLT after the other stopped",
			p.Name, p.State, p.Since)
	}
}

// print tells it; errBad if the file is refused.
func (t takeover) print(out *output, name string) error {
	if out.json {
		raw, err := json.Marshal(t)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\n", raw)
	} else {
		fmt.Fprintln(out, strings.Join(t.lines(name), "\n"))
	}
	if len(t.Bad) > 0 {
		return errBad
	}
	return nil
}

func (t takeover) lines(name string) (lines []string) {
	for _, n := range t.Notes {
		lines = append(lines, name+": "+n)
	}
	for _, b := range t.Bad {
		lines = append(lines, name+": "+b)
	}
	if len(t.Bad) > 0 {
		return append(lines, "refused: "+t.Remedy)
	}
	said := fmt.Sprintf("%s: %d leases, %d of them in use", name, t.Leases, t.Bound)
	if !t.Newest.IsZero() {
		said += ", the newest of " + t.Newest.Format(time.DateTime) + " UTC"
	}
	if t.Store != 0 {
		said += "; the store has records already and stays as it is"
	}
	return append(lines, said)
}
