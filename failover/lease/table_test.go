package lease

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// model is the table done the slow and obvious way.
type model struct {
	leases map[IP]Lease
	held   map[IP]bool
	pools  [][]Range
}

func (m *model) poolOf(ip IP) int {
	for id, ranges := range m.pools {
		for _, r := range ranges {
			if r.Contains(ip) {
				return id
			}
		}
	}
	return -1
}

func (m *model) count(pool int, s State) (n int) {
	for _, r := range m.pools[pool] {
		for ip := r.Low; ip <= r.High; ip++ {
			l, ok := m.leases[ip]
			if ok && l.State == s || !ok && s == Free {
				n++
			}
		}
	}
	return n
}

func (m *model) candidates(pool int, s State) map[IP]bool {
	set := map[IP]bool{}
	for _, r := range m.pools[pool] {
		for ip := r.Low; ip <= r.High; ip++ {
			l, ok := m.leases[ip]
			waits := l.State == Expired || l.State == Released || l.State == Reset
			switch {
			case !ok:
				set[ip] = s == Free && !m.held[ip]
			case waits:
				set[ip] = l.State == s
			default:
				set[ip] = l.State == s && s != Active && !m.held[ip] && !l.Flags.Has(FlagReserved)
			}
			if !set[ip] {
				delete(set, ip)
			}
		}
	}
	return set
}

func compare(t *testing.T, tb *Table, m *model) {
	t.Helper()
	for pool := range m.pools {
		for s := Free; s <= Backup; s++ {
			if got, want := tb.Count(pool, s), m.count(pool, s); got != want {
				t.Fatalf("pool %d: Count(%v) = %d, want %d", pool, s, got, want)
			}
			want := m.candidates(pool, s)
			tb.Candidates(pool, s, func(l Lease) bool {
				if !want[l.IP] {
					t.Fatalf("pool %d: candidate %v in state %v is not one, or came twice", pool, l.IP, s)
				}
				delete(want, l.IP)
				return true
			})
			if len(want) != 0 {
				t.Fatalf("pool %d state %v: candidates missing: %v", pool, s, want)
			}
		}
	}
	for i := range 12 {
		key := fmt.Sprint("key", i)
		checkChain(t, m, key, func(l Lease) string { return l.UID }, tb.EachByUID)
		checkChain(t, m, key, func(l Lease) string { return l.HW }, tb.EachByHW)
	}
}

func checkChain(t *testing.T, m *model, key string, of func(Lease) string, each func(string, func(*Lease) bool)) {
	t.Helper()
	want := map[IP]bool{}
	for ip, l := range m.leases {
		if of(l) == key {
			want[ip] = true
		}
	}
	each(key, func(l *Lease) bool {
		if !want[l.IP] {
			t.Fatalf("%v listed for %q, or listed twice", l.IP, key)
		}
		delete(want, l.IP)
		return true
	})
	if len(want) != 0 {
		t.Fatalf("not listed for %q: %v", key, want)
	}
}

func randomLease(rng *rand.Rand, ip IP) Lease {
	l := Lease{IP: ip, State: State(1 + rng.IntN(7)), Ends: Time(rng.IntN(1000))}
	if rng.IntN(3) > 0 {
		l.UID = fmt.Sprint("key", rng.IntN(12))
	}
	if rng.IntN(3) > 0 {
		l.HW = fmt.Sprint("key", rng.IntN(12))
	}
	if rng.IntN(8) == 0 {
		l.Flags |= FlagReserved
	}
	if rng.IntN(20) == 0 {
		l.Ends = Never
	}
	return l
}

func TestTableAgreesWithModel(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		tb := NewTable()
		m := &model{leases: map[IP]Lease{}, held: map[IP]bool{}}
		m.pools = [][]Range{{{100, 170}, {300, 310}}, {{200, 200}}, {{171, 180}}}
		tb.SetPools(m.pools)
		for step := range 400 {
			ip := IP(95 + rng.IntN(220))
			switch rng.IntN(6) {
			case 0:
				if got, want := tb.Hold(ip), !m.held[ip]; got != want {
					t.Fatalf("Hold(%v) = %v, want %v", ip, got, want)
				}
				m.held[ip] = true
			case 1:
				tb.Unhold(ip)
				delete(m.held, ip)
			default:
				l := randomLease(rng, ip)
				m.leases[ip] = l
				if got := *tb.Apply(l); got != l {
					t.Fatalf("Apply(%v) gave %v", l, got)
				}
			}
			if step == 250 {
				m.pools = [][]Range{{{100, 150}}, {{160, 210}, {90, 99}}}
				m.held = map[IP]bool{}
				tb.SetPools(m.pools)
			}
			if got, want := tb.PoolOf(ip), m.poolOf(ip); got != want {
				t.Fatalf("PoolOf(%v) = %d, want %d", ip, got, want)
			}
			if step%10 == 0 {
				compare(t, tb, m)
			}
		}
		compare(t, tb, m)
	}
}

func TestEndedComesOnceAndInOrder(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 2))
		tb := NewTable()
		want := map[IP]Time{}
		for range 300 {
			l := randomLease(rng, IP(rng.IntN(120)))
			tb.Apply(l)
			delete(want, l.IP)
			if (l.State == Active || l.State == Abandoned) && l.Ends != Never {
				want[l.IP] = l.Ends
			}
		}
		last := Time(0)
		for now := Time(0); now <= 1000; now += 50 {
			tb.Ended(now, func(l *Lease) {
				if want[l.IP] > now || want[l.IP] < last {
					t.Fatalf("%v ended at %d, but is due at %d", l.IP, now, want[l.IP])
				}
				last = want[l.IP]
				if rng.IntN(4) == 0 {
					want[l.IP] = now + 30
					tb.Defer(l.IP, now+30)
					return
				}
				delete(want, l.IP)
				freed := *l
				freed.State = Free
				tb.Apply(freed)
			})
			last = 0
			for ip, due := range want {
				if due <= now {
					t.Fatalf("%v was due at %d and did not come by %d", ip, due, now)
				}
			}
		}
	}
}

func TestEndedLeftAloneComesAgainLater(t *testing.T) {
	tb := NewTable()
	tb.Apply(Lease{IP: 1, State: Active, Ends: 10})
	calls := 0
	for range 3 {
		tb.Ended(10, func(*Lease) { calls++ })
	}
	if at, ok := tb.NextEnd(); calls != 1 || !ok || at != 10+Time(deferAgain) {
		t.Fatalf("%d calls, next at %d %v; want 1 call, next at 70", calls, at, ok)
	}
}

func TestLeastRecentlyUsedFirst(t *testing.T) {
	tb := NewTable()
	tb.SetPools([][]Range{{{1, 4}}})
	for _, ip := range []IP{3, 1, 2} {
		tb.Apply(Lease{IP: ip, State: Active, HW: "x", Ends: 100})
		tb.Apply(Lease{IP: ip, State: Free, HW: "x", Ends: 50})
	}
	wantOrder := func(want ...IP) {
		t.Helper()
		var got []IP
		tb.Candidates(0, Free, func(l Lease) bool { got = append(got, l.IP); return true })
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("order %v, want %v", got, want)
		}
	}
	wantOrder(4, 3, 1, 2)
	tb.Hold(3)
	wantOrder(4, 1, 2)
	tb.Unhold(3)
	wantOrder(4, 3, 1, 2)
	tb.SetPools([][]Range{{{1, 4}}})
	wantOrder(4, 1, 2, 3)
}

func TestBitset(t *testing.T) {
	for _, size := range []int{0, 1, 63, 64, 65, 4096, 4097, 300_000} {
		b := newBitset(size)
		rng := rand.New(rand.NewPCG(uint64(size), 3))
		in := make([]bool, size)
		for i := range in {
			in[i] = true
		}
		for range 2 * size {
			i := rng.IntN(size)
			if rng.IntN(3) == 0 {
				b.add(i)
				in[i] = true
			} else {
				b.remove(i)
				in[i] = false
			}
		}
		want := 0
		at := b.next(0)
		for i, member := range in {
			if !member {
				continue
			}
			want++
			if at != i {
				t.Fatalf("size %d: next gives %d, want %d", size, at, i)
			}
			at = b.next(i + 1)
		}
		if at != -1 || b.n != want {
			t.Fatalf("size %d: after the last member %d, %d members, want -1 and %d", size, at, b.n, want)
		}
	}
}

// BenchmarkPickFromFullSlash12 finds the only free address of a /12.
func BenchmarkPickFromFullSlash12(b *testing.B) {
	tb := NewTable()
	low := MustIP("10.16.0.0")
	tb.SetPools([][]Range{{{low, low + 1<<20 - 1}}})
	for i := range IP(1 << 20) {
		if i != 777_777 {
			tb.Hold(low + i)
		}
	}
	for b.Loop() {
		tb.Candidates(0, Free, func(l Lease) bool {
			if l.IP != low+777_777 {
				b.Fatal(l.IP)
			}
			return false
		})
	}
}

func BenchmarkApplyRenewal(b *testing.B) {
	tb := NewTable()
	const n = 100_000
	for i := range IP(n) {
		hw := string([]byte{1, 2, 0, byte(i >> 16), byte(i >> 8), byte(i), 0})
		tb.Apply(Lease{IP: i, State: Active, HW: hw, UID: hw, Ends: Time(i)})
	}
	i := IP(0)
	for b.Loop() {
		l := tb.Look(i % n)
		l.Ends += 1000
		tb.Apply(l)
		i++
	}
}
