package daemon

import (
	"maps"
	"slices"

	"tandem/failover/lease"
)

// facts are the latest records that are not leases. The node's table keeps
// the leases; these few are kept here for the next snapshot.
type facts map[string]lease.Record

// note keeps a record, unless it is a lease, and forgets an object that is gone.
func (f facts) note(r lease.Record) {
	if o, ok := r.(*lease.Object); ok && o.Gone {
		delete(f, factKey(r))
		return
	}
	f.hold(r)
}

// hold keeps a record, unless it is a lease.
func (f facts) hold(r lease.Record) {
	if key := factKey(r); key != "" {
		f[key] = r
	}
}

// factKey says what a record is about; empty for leases.
func factKey(r lease.Record) string {
	switch r := r.(type) {
	case *lease.Peer:
		return "peer " + r.Name
	case *lease.Boot:
		return "boot"
	case *lease.Object:
		return "object " + r.Kind + " " + r.Name
	}
	return ""
}

// list gives them in a fixed order.
func (f facts) list() []lease.Record {
	out := make([]lease.Record, 0, len(f))
	for _, key := range slices.Sorted(maps.Keys(f)) {
		out = append(out, f[key])
	}
	return out
}
