package lease

import (
	"cmp"
	"slices"
)

// Table is every binding in memory: found by address, client identifier and
// hardware address, counted by state, with the available addresses of every
// pool in the order in which they should be given out, and the moments at
// which leases end.
//
// An address of a pool that has no record is a virgin: it is FREE and was
// never used. Finding an available address, counting and looking up take
// constant time; applying a change takes time logarithmic in the number of
// leases that can end.
type Table struct {
	chunks [][]entry
	n      int

	byIP  map[IP]int32
	byUID map[string]int32
	byHW  map[string]int32

	pools []pool
	spans []span
	held  map[IP]struct{}
	ends  []int32 // heap of entries by due
}

// chunkSize is the number of entries allocated together, which fill 16 KB;
// entries never move, so that pointers to their leases stay good.
const chunkSize = 146

// endedAtOnce bounds the work of one call of Ended.
const endedAtOnce = 4096

// deferAgain is how long a lease rests that Ended offered and nobody changed.
const deferAgain Seconds = 60

// none is the index that stands for no entry.
const none int32 = -1

type entry struct {
	Lease
	uidNext, hwNext int32 // next entry with the same key
	prev, next      int32 // neighbours in the list of available addresses
	pool            int32
	heapAt          int32 // place in Table.ends
	due             Time
	list            int8 // which list of its pool, or -1
}

// The lists of available addresses of a pool: fresh addresses never had a
// client, used ones are ordered by the moment they became available.
const (
	listFreshFree int8 = iota
	listUsedFree
	listFreshBackup
	listUsedBackup
	listAbandoned
	listEnded // EXPIRED, RELEASED, RESET: waiting for the partner
	lists
)

type pool struct {
	size    int
	spans   []span // in ascending order
	virgins *bitset
	lists   [lists]list
	counts  [Backup + 1]int // records by state, virgins not included
}

type list struct{ head, tail int32 }

// span is one range of a pool; base is the bit of its first address.
type span struct {
	Range
	pool int32
	base int
}

// NewTable makes an empty table without pools.
func NewTable() *Table {
	return &Table{
		byIP:  map[IP]int32{},
		byUID: map[string]int32{},
		byHW:  map[string]int32{},
		held:  map[IP]struct{}{},
	}
}

// SetPools says which addresses belong to which pool; the pool's number is
// the index. Ranges must not overlap. It may be called again at any time:
// bindings stay, holds are dropped, and every list of available addresses is
// made anew in the order of the leases' ends.
func (t *Table) SetPools(pools [][]Range) {
	t.pools = make([]pool, len(pools))
	t.spans = t.spans[:0]
	clear(t.held)
	for id, ranges := range pools {
		size := 0
		for _, r := range ranges {
			t.spans = append(t.spans, span{Range: r, pool: int32(id), base: size})
			size += r.Size()
		}
		p := &t.pools[id]
		p.size, p.virgins = size, newBitset(size)
		for i := range p.lists {
			p.lists[i] = list{none, none}
		}
	}
	slices.SortFunc(t.spans, func(a, b span) int { return cmp.Compare(a.Low, b.Low) })
	for _, s := range t.spans {
		t.pools[s.pool].spans = append(t.pools[s.pool].spans, s)
	}
	order := make([]int32, t.n)
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		x, y := &t.at(a).Lease, &t.at(b).Lease
		return cmp.Or(cmp.Compare(x.Ends, y.Ends), cmp.Compare(x.IP, y.IP))
	})
	for _, i := range order {
		e := t.at(i)
		e.list, e.pool = -1, none
		t.place(e)
		t.enlist(i, e)
	}
}

// PoolOf gives the number of the pool that ip belongs to, -1 if none.
func (t *Table) PoolOf(ip IP) int {
	if s := t.spanOf(ip); s != nil {
		return int(s.pool)
	}
	return -1
}

func (t *Table) spanOf(ip IP) *span {
	lo, hi := 0, len(t.spans)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if t.spans[mid].High < ip {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(t.spans) && t.spans[lo].Low <= ip {
		return &t.spans[lo]
	}
	return nil
}

// bit is the place of ip among the virgins of its pool.
func (s *span) bit(ip IP) int { return s.base + int(ip-s.Low) }

// Len is the number of records.
func (t *Table) Len() int { return t.n }

// At gives record i in [0, Len()). Records keep their index for ever; they
// are in the order of their first Apply.
func (t *Table) At(i int) *Lease { return &t.at(int32(i)).Lease }

func (t *Table) at(i int32) *entry { return &t.chunks[i/chunkSize][i%chunkSize] }

// Get gives the record of ip, nil if there is none. It is the table's own
// copy: read it, and change it only through Apply.
func (t *Table) Get(ip IP) *Lease {
	if i, ok := t.byIP[ip]; ok {
		return &t.at(i).Lease
	}
	return nil
}

// Look gives a copy of the record of ip, or the virgin FREE lease.
func (t *Table) Look(ip IP) Lease {
	if l := t.Get(ip); l != nil {
		return *l
	}
	return Lease{IP: ip, State: Free, Rewind: Free}
}

// EachByUID calls fn for every record whose client identifier is uid, until
// fn returns false. fn must not change the table.
func (t *Table) EachByUID(uid string, fn func(*Lease) bool) {
	i, ok := t.byUID[uid]
	for ; ok && i != none; i = t.at(i).uidNext {
		if !fn(&t.at(i).Lease) {
			return
		}
	}
}

// EachByHW calls fn for every record whose hardware type and address are hw,
// until fn returns false. fn must not change the table.
func (t *Table) EachByHW(hw string, fn func(*Lease) bool) {
	i, ok := t.byHW[hw]
	for ; ok && i != none; i = t.at(i).hwNext {
		if !fn(&t.at(i).Lease) {
			return
		}
	}
}

// Apply puts l in the place of the record of its address and returns the
// table's copy. Recovery, clients and the partner's updates all come here.
func (t *Table) Apply(l Lease) *Lease {
	i, ok := t.byIP[l.IP]
	if !ok {
		i = t.add(l.IP)
	}
	e := t.at(i)
	if ok {
		t.unlist(e)
		if e.pool != none {
			t.pools[e.pool].counts[e.State]--
		}
	}
	if e.UID != l.UID {
		t.unchain(t.byUID, e.UID, i, uidLink)
		t.chain(t.byUID, l.UID, i, uidLink)
	}
	if e.HW != l.HW {
		t.unchain(t.byHW, e.HW, i, hwLink)
		t.chain(t.byHW, l.HW, i, hwLink)
	}
	if !l.State.Valid() {
		l.State = Free
	}
	e.Lease = l
	t.place(e)
	t.enlist(i, e)
	t.schedule(i, e)
	return &e.Lease
}

// add makes an empty entry for ip.
func (t *Table) add(ip IP) int32 {
	i := int32(t.n)
	if t.n%chunkSize == 0 {
		t.chunks = append(t.chunks, make([]entry, chunkSize))
	}
	t.n++
	t.byIP[ip] = i
	e := t.at(i)
	e.uidNext, e.hwNext, e.prev, e.next = none, none, none, none
	e.pool, e.heapAt, e.list = none, none, -1
	return i
}

// place finds the pool of e and counts e there.
func (t *Table) place(e *entry) {
	if e.pool == none {
		s := t.spanOf(e.IP)
		if s == nil {
			return
		}
		e.pool = s.pool
		t.pools[s.pool].virgins.remove(s.bit(e.IP))
	}
	t.pools[e.pool].counts[e.State]++
}

// Count is the number of addresses of the pool in state s; virgins are FREE.
func (t *Table) Count(pool int, s State) int {
	n := t.pools[pool].counts[s]
	if s == Free {
		n += t.Virgins(pool)
	}
	return n
}

// Virgins is the number of addresses of the pool that have no record, the
// held ones included.
func (t *Table) Virgins(pool int) int {
	n := t.pools[pool].size
	for _, records := range t.pools[pool].counts {
		n -= records
	}
	return n
}

// link selects one of the two chains that an entry is on.
type link func(*entry) *int32

func uidLink(e *entry) *int32 { return &e.uidNext }
func hwLink(e *entry) *int32  { return &e.hwNext }

func (t *Table) chain(index map[string]int32, key string, i int32, next link) {
	if key == "" {
		return
	}
	if head, ok := index[key]; ok {
		*next(t.at(i)) = head
	}
	index[key] = i
}

func (t *Table) unchain(index map[string]int32, key string, i int32, next link) {
	if key == "" {
		return
	}
	e := t.at(i)
	rest := *next(e)
	*next(e) = none
	if index[key] != i {
		for j := index[key]; j != none; j = *next(t.at(j)) {
			if p := next(t.at(j)); *p == i {
				*p = rest
				return
			}
		}
		return
	}
	if rest == none {
		delete(index, key)
		return
	}
	index[key] = rest
}
