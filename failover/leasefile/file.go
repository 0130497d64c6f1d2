// Package leasefile reads and writes the lease files of ISC dhcpd
// (dhcpd.leases(5), DHCPv4) as dhcpd 4.4.3 does, so that a server can be
// taken over from dhcpd and given back to it.
//
// A lease file is a log: of several records about one thing the last one is
// valid, as a whole. Reading never gives up at damage. A record that can not be
// read is dropped, counted and reported with its line, and an earlier record
// about the same thing stays valid, as it does in dhcpd.
//
// # How a lease is mapped
//
//	starts          Starts and STOS: dhcpd has one field for both
//	ends tstp tsfp atsfp cltt   the field of that name; tstp is ends if absent
//	binding state   State             rewind binding state   Rewind
//	reserved        FlagReserved      dynamic-bootp          FlagBOOTP
//	billing class   Extra.Billing     billing subclass       and BillingSub
//	set             Extra.Vars; vendor-class-identifier is VendorClass as well,
//	                ddns-client-fqdn is FQDN as well
//	option agent.*  Extra.RelayAgent, as on the wire
//
// In a file with a failover record, a lease whose atsfp is before its tstp is
// FlagPending: the partner has not acknowledged it. "next binding state"
// follows from the state; "on expiry" and its like are passed over.
package leasefile

import (
	"cmp"
	"fmt"
	"slices"

	"tandem/failover/lease"
)

// File is the contents of a lease file.
type File struct {
	// Name is the file's name, for messages.
	Name string
	// Leases are in the order of their addresses, one for each.
	Leases []lease.Lease
	// Peers and Objects are in the order in which they first appear. The
	// Name of a subclass is its class in quotes and its data; the Text of an
	// Object is its statements, one a line, without "deleted;".
	Peers   []lease.Peer
	Objects []lease.Object

	Report Report
}

// maxProblems bounds the list of a Report; its counters go on.
const maxProblems = 10000

// Report says how the reading went.
type Report struct {
	Records    int // that could be read, superseded ones included
	Superseded int // by a later record about the same thing
	Dropped    int // records, and pieces of text that are none
	Skipped    int // IPv6 records
	Warnings   int // places that could be read, but not as they are
	Incomplete bool
	Problems   []Problem
}

// Problem is one place that could not be read as it is.
type Problem struct {
	Line    int    // counted from 1
	What    string // the record, such as "lease 10.0.0.1"
	Reason  string
	Dropped bool
}

// String is "line N: lease A: dropped: reason".
func (p Problem) String() string {
	what := p.What
	if p.Dropped {
		what += ": dropped"
	}
	return fmt.Sprintf("line %d: %s: %s", p.Line, what, p.Reason)
}

// Summary gives the report as lines of text, the problems first.
func (f *File) Summary() []string {
	var lines []string
	for _, p := range f.Report.Problems {
		lines = append(lines, f.Name+": "+p.String())
	}
	r := &f.Report
	if more := r.Dropped + r.Warnings - len(r.Problems); more > 0 {
		lines = append(lines, fmt.Sprintf("%s: ... and %d more", f.Name, more))
	}
	lines = append(lines, fmt.Sprintf("%s: %d leases, %d failover peers, %d hosts, groups and classes from %d records (%d superseded); %d dropped, %d warnings",
		f.Name, len(f.Leases), len(f.Peers), len(f.Objects), r.Records, r.Superseded, r.Dropped, r.Warnings))
	if r.Skipped > 0 {
		lines = append(lines, fmt.Sprintf("%s: %d IPv6 records skipped", f.Name, r.Skipped))
	}
	return lines
}

// Records hands everything in the file to fn, as the store and the node take
// it; it ends at the first error of fn.
func (f *File) Records(fn func(lease.Record) error) error {
	for i := range f.Peers {
		if err := fn(&f.Peers[i]); err != nil {
			return err
		}
	}
	for i := range f.Objects {
		if err := fn(&f.Objects[i]); err != nil {
			return err
		}
	}
	for i := range f.Leases {
		if err := fn(&f.Leases[i]); err != nil {
			return err
		}
	}
	return nil
}

// JoinFree makes every BACKUP address FREE: for a server that starts without a
// partner, or a pair that divides its addresses anew.
func (f *File) JoinFree() {
	for i := range f.Leases {
		l := &f.Leases[i]
		if l.State == lease.Backup {
			l.State = lease.Free
		}
		if l.Rewind == lease.Backup {
			l.Rewind = lease.Free
		}
	}
}

func (f *File) sort() {
	slices.SortFunc(f.Leases, func(a, b lease.Lease) int { return cmp.Compare(a.IP, b.IP) })
}

func (r *Report) add(p Problem) {
	if p.Dropped {
		r.Dropped++
	} else {
		r.Warnings++
	}
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, p)
	}
}
