package daemon

import (
	"maps"
	"slices"

	"tandem/failover/lease"
)

// facts are the latest records that are not leases. The node's table keeps
// the leases; these few are kept here for the next snapshot.
type facts map[string]lease.Record

// note keeps a record, unless it is a lease.
func (f facts) note(r lease.Record) {
	switch r := r.(type) {
	case *lease.Peer:
		f["peer "+r.Name] = r
	case *lease.Boot:
		f["boot"] = r
	case *lease.Object:
		f["object "+r.Kind+" "+r.Name] = r
	}
}

// list gives them in a fixed order.
func (f facts) list() []lease.Record {
	out := make([]lease.Record, 0, len(f))
	for _, key := range slices.Sorted(maps.Keys(f)) {
		out = append(out, f[key])
	}
	return out
}
