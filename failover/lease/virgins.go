package lease

import "math/bits"

// bitset is a set of small integers that finds its next member in constant
// time: every level holds one bit for each word of the level below, so a set
// of 2^24 numbers is four words deep.
type bitset struct {
	levels [][]uint64
	n      int // members
}

// newBitset makes the set of all integers in [0, size).
func newBitset(size int) *bitset {
	b := &bitset{n: size}
	for {
		words := (size + 63) / 64
		level := make([]uint64, words)
		for i := range level {
			level[i] = ^uint64(0)
		}
		if rest := size % 64; rest != 0 {
			level[words-1] = 1<<rest - 1
		}
		b.levels = append(b.levels, level)
		if words <= 1 {
			return b
		}
		size = words
	}
}

func (b *bitset) has(i int) bool { return b.levels[0][i>>6]>>(i&63)&1 != 0 }

// add puts i into the set.
func (b *bitset) add(i int) {
	if b.has(i) {
		return
	}
	b.n++
	for _, level := range b.levels {
		was := level[i>>6]
		level[i>>6] = was | 1<<(i&63)
		if was != 0 {
			return
		}
		i >>= 6
	}
}

// remove takes i out of the set.
func (b *bitset) remove(i int) {
	if !b.has(i) {
		return
	}
	b.n--
	for _, level := range b.levels {
		level[i>>6] &^= 1 << (i & 63)
		if level[i>>6] != 0 {
			return
		}
		i >>= 6
	}
}

// next gives the smallest member that is at least i, or -1.
func (b *bitset) next(i int) int {
	for up := 0; up < len(b.levels); up++ {
		level := b.levels[up]
		if i>>6 >= len(level) {
			return -1
		}
		if word := level[i>>6] >> (i & 63); word != 0 {
			return b.descend(up, i+bits.TrailingZeros64(word))
		}
		i = i>>6 + 1
	}
	return -1
}

// descend finds the first member below bit i of level up.
func (b *bitset) descend(up, i int) int {
	for up--; up >= 0; up-- {
		i = i<<6 + bits.TrailingZeros64(b.levels[up][i])
	}
	return i
}
