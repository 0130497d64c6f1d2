package store

import "tandem/failover/lease"

// Fill gives an empty store its first contents, all or nothing: if the machine
// stops in the middle, the store is as empty as before. records calls its
// argument with one record after the other. Replay must have been called.
func (l *Log) Fill(records func(add func(lease.Record) error) error) error {
	snap, err := l.BeginSnapshot()
	if err != nil {
		return err
	}
	if err := records(func(r lease.Record) error { return snap.Add(r) }); err != nil {
		snap.Abort()
		return err
	}
	return snap.Commit()
}
