package lease

// NextEnd gives the earliest moment at which a lease ends or a deferred one
// is due; ok is false if there is none.
func (t *Table) NextEnd() (at Time, ok bool) {
	if len(t.ends) == 0 {
		return 0, false
	}
	return t.at(t.ends[0]).due, true
}

// Ended calls fn once for each ACTIVE or ABANDONED lease whose end, or
// deferred moment, has come. fn must give it a new state through Apply, or
// Defer it; a lease that fn leaves alone comes again after a minute. At most
// endedAtOnce leases are looked at in one call: NextEnd tells if more wait.
func (t *Table) Ended(now Time, fn func(*Lease)) {
	for range endedAtOnce {
		if len(t.ends) == 0 {
			return
		}
		i := t.ends[0]
		e := t.at(i)
		if e.due > now {
			return
		}
		// Moved out of the way first, so that each turn makes progress
		// whatever fn does.
		t.setDue(i, e, now.Add(deferAgain))
		fn(&e.Lease)
	}
}

// Defer has Ended look at ip again at until instead of at its end.
func (t *Table) Defer(ip IP, until Time) {
	if i, ok := t.byIP[ip]; ok && t.at(i).heapAt != none {
		t.setDue(i, t.at(i), until)
	}
}

// schedule puts e into the heap if it can end, else takes it out.
func (t *Table) schedule(i int32, e *entry) {
	if (e.State == Active || e.State == Abandoned) && e.Ends != Never {
		t.setDue(i, e, e.Ends)
		return
	}
	if e.heapAt == none {
		return
	}
	at := e.heapAt
	last := int32(len(t.ends) - 1)
	t.swapEnds(at, last)
	t.ends = t.ends[:last]
	e.heapAt = none
	if at < last {
		t.fixEnd(at)
	}
}

func (t *Table) setDue(i int32, e *entry, due Time) {
	e.due = due
	if e.heapAt == none {
		e.heapAt = int32(len(t.ends))
		t.ends = append(t.ends, i)
	}
	t.fixEnd(e.heapAt)
}

// fixEnd moves the entry at place p of the heap to where it belongs.
func (t *Table) fixEnd(p int32) {
	for p > 0 {
		up := (p - 1) / 2
		if !t.sooner(p, up) {
			break
		}
		t.swapEnds(p, up)
		p = up
	}
	for {
		first := 2*p + 1
		if first >= int32(len(t.ends)) {
			return
		}
		if second := first + 1; second < int32(len(t.ends)) && t.sooner(second, first) {
			first = second
		}
		if !t.sooner(first, p) {
			return
		}
		t.swapEnds(p, first)
		p = first
	}
}

// sooner orders by due, then by address so that replays agree.
func (t *Table) sooner(a, b int32) bool {
	x, y := t.at(t.ends[a]), t.at(t.ends[b])
	if x.due != y.due {
		return x.due < y.due
	}
	return x.IP < y.IP
}

func (t *Table) swapEnds(a, b int32) {
	t.ends[a], t.ends[b] = t.ends[b], t.ends[a]
	t.at(t.ends[a]).heapAt = a
	t.at(t.ends[b]).heapAt = b
}
