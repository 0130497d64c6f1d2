package omapi

import "slices"

// kind is a type of object.
type kind uint8

const (
	kindNone kind = iota
	kindAuthenticator
	kindPeer
	kindLease
	kindHost
	kindGroup
	kindControl
	kindSubnet
	kindPool
	kindOther // known to dhcpd; nothing can be opened
)

// object names one thing that a handle can stand for: the name of a key,
// peer, host or group, the address of a lease, the number of a subnet or pool.
type object struct {
	kind   kind
	name   string
	number uint32
}

// handles are the handles of one session. They are drawn at random and mean
// nothing on another connection.
type handles struct {
	draw  func() uint32
	of    map[object]uint32
	named map[uint32]object
	used  []uint32 // least recently used first
	lost  *uint64  // counts handles that were forgotten
}

// drawings is how often a number is drawn before the source counts as broken.
const drawings = 64

// give finds the handle of o or makes one; zero if there is no randomness.
func (h *handles) give(o object) uint32 {
	if n, ok := h.of[o]; ok {
		h.touch(n)
		return n
	}
	for range drawings {
		n := h.draw()
		if _, taken := h.named[n]; n == 0 || taken {
			continue
		}
		h.makeRoom()
		h.of[o], h.named[n] = n, o
		h.used = append(h.used, n)
		return n
	}
	return 0
}

// object finds what a handle stands for.
func (h *handles) object(n uint32) (object, bool) {
	o, ok := h.named[n]
	if ok {
		h.touch(n)
	}
	return o, ok
}

// drop forgets o.
func (h *handles) drop(o object) {
	if n, ok := h.of[o]; ok {
		delete(h.of, o)
		delete(h.named, n)
		h.used = slices.DeleteFunc(h.used, func(u uint32) bool { return u == n })
	}
}

func (h *handles) touch(n uint32) {
	if i := slices.Index(h.used, n); i >= 0 {
		copy(h.used[i:], h.used[i+1:])
		h.used[len(h.used)-1] = n
	}
}

// makeRoom forgets the handle that was not used for the longest time. The
// session's key stays: without it there is no session.
func (h *handles) makeRoom() {
	if len(h.used) < MaxHandles {
		return
	}
	for _, n := range h.used {
		if o := h.named[n]; o.kind != kindAuthenticator {
			h.drop(o)
			*h.lost++
			return
		}
	}
}
