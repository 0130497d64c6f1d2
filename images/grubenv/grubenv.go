// Package grubenv is the memory of the boot loader: which slot is started first
// and how many starts each has left. GRUB takes one start from a slot before
// it loads it; init gives them back once the system is well. A slot that never
// gets well is used up and the other one is started.
//
// It is GRUB's environment block, 1024 bytes at /grub/grubenv:
//
//	# GRUB Environment Block
//	order=a
//	a_tries=3
//	b_tries=3
//	########...
//
// GRUB writes the block in place, so the file must keep its size and its place
// on the disk: write it with WriteAt and fsync, never by rename.
package grubenv

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tandem/images/layout"
)

// Size of the block in bytes, fixed by GRUB.
const Size = 1024

// Full is the number of starts of a slot that is known to be good. GRUB has no
// arithmetic; its script knows the numbers from 0 to Full.
const Full = 3

const header = "# GRUB Environment Block\n"

// State is what the block says.
type State struct {
	Order string         // slot that is tried first
	Tries map[string]int // starts left, by slot, 0 to Full
}

// Fresh is the state of a new image: slot a first, both slots with all starts.
func Fresh() State {
	s := State{Order: layout.Slots[0], Tries: map[string]int{}}
	for _, slot := range layout.Slots {
		s.Tries[slot] = Full
	}
	return s
}

// Parse reads a block. A damaged one gives an error; Fresh is the remedy.
func Parse(block []byte) (State, error) {
	rest, ok := bytes.CutPrefix(block, []byte(header))
	if !ok || len(block) != Size {
		return State{}, fmt.Errorf("grubenv: no environment block of %d bytes", Size)
	}
	values := map[string]string{}
	for line := range strings.SplitSeq(string(rest), "\n") {
		if key, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			values[key] = value
		}
	}
	s := State{Order: values["order"], Tries: map[string]int{}}
	if !slices.Contains(layout.Slots, s.Order) {
		return State{}, fmt.Errorf("grubenv: order=%q names no slot", s.Order)
	}
	for _, slot := range layout.Slots {
		n, err := strconv.Atoi(values[slot+"_tries"])
		if err != nil || n < 0 || n > Full {
			return State{}, fmt.Errorf("grubenv: %s_tries=%q is not 0 to %d", slot, values[slot+"_tries"], Full)
		}
		s.Tries[slot] = n
	}
	return s, nil
}

// Encode returns the block.
func (s State) Encode() []byte {
	var b strings.Builder
	b.WriteString(header)
	fmt.Fprintf(&b, "order=%s\n", s.Order)
	for _, slot := range layout.Slots {
		fmt.Fprintf(&b, "%s_tries=%d\n", slot, s.Tries[slot])
	}
	b.WriteString(strings.Repeat("#", Size-b.Len()))
	return []byte(b.String())
}

// Well is the state after a slot has proven itself: it is started first from
// now on, with all its starts.
func (s State) Well(slot string) State { return s.with(slot, Full) }

// Try is the state that gives a slot, fresh from an update, a number of starts
// to prove itself.
func (s State) Try(slot string, starts int) State { return s.with(slot, min(max(starts, 0), Full)) }

func (s State) with(slot string, tries int) State {
	t := State{Order: slot, Tries: map[string]int{}}
	for _, other := range layout.Slots {
		t.Tries[other] = s.Tries[other]
	}
	t.Tries[slot] = tries
	return t
}

// Other returns the slot that is not the given one.
func Other(slot string) string {
	if slot == layout.Slots[0] {
		return layout.Slots[1]
	}
	return layout.Slots[0]
}

// Next tells what GRUB does at the next start: the slot that it loads, and the
// block afterwards. With no start left anywhere the slots take turns, so that
// a box is never given up.
func (s State) Next() (slot string, after State) {
	for _, slot := range []string{s.Order, Other(s.Order)} {
		if n := s.Tries[slot]; n > 0 {
			after := s.with(slot, n-1)
			after.Order = s.Order
			return slot, after
		}
	}
	after = s.with(s.Order, 0)
	after.Order = Other(s.Order)
	return s.Order, after
}
