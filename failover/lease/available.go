package lease

// Candidates calls fn with the addresses of the pool that are in state s
// (FREE, BACKUP or ABANDONED) and that nobody holds or has reserved, the best
// one first: never used, then least recently used. For EXPIRED, RELEASED and
// RESET it gives every address that waits for the partner in that state. It
// goes on until fn returns false. fn may Hold or Apply the address that it
// was given.
func (t *Table) Candidates(pool int, s State, fn func(Lease) bool) {
	p := &t.pools[pool]
	if s == Free && !t.eachVirgin(pool, fn) {
		return
	}
	for l := int8(0); l < lists; l++ {
		if !listHas(l, s) {
			continue
		}
		for i := p.lists[l].head; i != none; {
			e := t.at(i)
			next := e.next
			if e.State == s && !fn(e.Lease) {
				return
			}
			i = next
		}
	}
}

func (t *Table) eachVirgin(pool int, fn func(Lease) bool) bool {
	virgins := t.pools[pool].virgins
	for _, s := range t.pools[pool].spans {
		for i := virgins.next(s.base); i >= 0 && i < s.base+s.Size(); i = virgins.next(i + 1) {
			ip := s.Low + IP(i-s.base)
			if !fn(Lease{IP: ip, State: Free, Rewind: Free}) {
				return false
			}
		}
	}
	return true
}

// listHas tells whether list l may hold addresses in state s.
func listHas(l int8, s State) bool {
	switch s {
	case Free:
		return l == listFreshFree || l == listUsedFree
	case Backup:
		return l == listFreshBackup || l == listUsedBackup
	case Abandoned:
		return l == listAbandoned
	case Expired, Released, Reset:
		return l == listEnded
	}
	return false
}

// Hold keeps ip out of Candidates: it is being probed, or offered. The result
// is false if it was held already.
func (t *Table) Hold(ip IP) bool {
	if _, ok := t.held[ip]; ok {
		return false
	}
	t.held[ip] = struct{}{}
	if i, ok := t.byIP[ip]; ok {
		if e := t.at(i); t.listOf(e) < 0 {
			t.unlist(e)
		}
	} else if s := t.spanOf(ip); s != nil {
		t.pools[s.pool].virgins.remove(s.bit(ip))
	}
	return true
}

// Unhold ends a Hold; the address is the next to be given out again.
func (t *Table) Unhold(ip IP) {
	if _, ok := t.held[ip]; !ok {
		return
	}
	delete(t.held, ip)
	if i, ok := t.byIP[ip]; ok {
		e := t.at(i)
		if l := t.listOf(e); l >= 0 && e.list < 0 {
			t.insert(i, e, l, true)
		}
	} else if s := t.spanOf(ip); s != nil {
		t.pools[s.pool].virgins.add(s.bit(ip))
	}
}

// Held tells whether ip is held.
func (t *Table) Held(ip IP) bool { _, ok := t.held[ip]; return ok }

// listOf gives the list that e belongs on now, -1 for none.
func (t *Table) listOf(e *entry) int8 {
	switch {
	case e.pool == none:
		return -1
	case e.State == Expired || e.State == Released || e.State == Reset:
		return listEnded
	case e.Flags.Has(FlagReserved) || t.Held(e.IP):
		return -1
	}
	fresh := e.UID == "" && e.HW == ""
	switch e.State {
	case Free:
		if fresh {
			return listFreshFree
		}
		return listUsedFree
	case Backup:
		if fresh {
			return listFreshBackup
		}
		return listUsedBackup
	case Abandoned:
		return listAbandoned
	}
	return -1
}

// enlist puts e at the end of the list it belongs on.
func (t *Table) enlist(i int32, e *entry) {
	if l := t.listOf(e); l >= 0 {
		t.insert(i, e, l, false)
	}
}

func (t *Table) insert(i int32, e *entry, l int8, front bool) {
	q := &t.pools[e.pool].lists[l]
	e.list, e.prev, e.next = l, q.tail, none
	switch {
	case q.head == none:
		q.head, q.tail, e.prev = i, i, none
	case front:
		e.prev, e.next = none, q.head
		t.at(q.head).prev = i
		q.head = i
	default:
		t.at(q.tail).next = i
		q.tail = i
	}
}

// unlist takes e off its list, if it is on one.
func (t *Table) unlist(e *entry) {
	if e.list < 0 {
		return
	}
	q := &t.pools[e.pool].lists[e.list]
	if e.prev == none {
		q.head = e.next
	} else {
		t.at(e.prev).next = e.next
	}
	if e.next == none {
		q.tail = e.prev
	} else {
		t.at(e.next).prev = e.prev
	}
	e.list, e.prev, e.next = -1, none, none
}
