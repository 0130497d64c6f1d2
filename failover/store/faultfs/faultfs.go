// Package faultfs is a directory in memory that fails like a real one: the
// power goes at any operation, what was not synced is lost, torn or written
// out of order, the n-th operation fails, the disk is full. The same seed and
// the same calls give the same contents.
//
// The model is that of POSIX, read pessimistically. Contents become durable by
// File.Sync, names by FS.SyncDir. At a power cut each write that waits may be
// there as a whole, in part (sectors of 512 octets in any order, or a prefix)
// or not at all, and so may each change of a name. After a failed Sync the
// contents still read as written but are not on disk, and a later Sync does
// not bring them there. Worse than POSIX is a disk that lies (Lie): it says
// that it has synced and forgets everything at the next power cut.
package faultfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"

	"tandem/failover/store"
)

// ErrPowerCut is what every operation gives after the power is gone.
var ErrPowerCut = errors.New("faultfs: the power is gone")

// ErrKilled is what every operation gives after Kill.
var ErrKilled = errors.New("faultfs: the process is gone")

const sector = 512

// FS is a store.FS. The zero value is not usable; see New.
type FS struct {
	mu     sync.Mutex
	rng    *rand.Rand
	dir    map[string]*inode // as the process sees it
	disk   map[string]*inode // as it is after a power cut
	moves  []move            // what SyncDir has still to do
	limit  int64             // octets that fit; negative = no limit
	spare  [][]byte          // memory for what waits
	locked bool
	lies   bool  // see Lie
	gone   error // set when the power or the process is gone

	ops     int
	cutAt   int
	failAt  int
	failErr error
}

// inode is a file's contents.
type inode struct {
	live    []byte
	durable []byte
	one     bool // live is durable, the same memory, until the next change
	waiting []change
	written []byte // what they write
}

// durableFile is a file on which nothing waits; it takes data.
func durableFile(data []byte) *inode { return &inode{live: data, durable: data, one: true} }

// change is a write, or with data == nil a truncation to off.
type change struct {
	off  int64
	data []byte
}

// move is a change of names: to now names node, and from nothing. An empty
// name is left alone.
type move struct {
	from, to string
	node     *inode
}

// New gives an empty directory.
func New(seed uint64) *FS {
	return &FS{rng: rand.New(rand.NewPCG(seed, 1)), dir: map[string]*inode{}, disk: map[string]*inode{}, limit: -1}
}

// Ops is the number of operations so far.
func (f *FS) Ops() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ops
}

// CutAt takes the power away in operation n, counted from 1 at New, Kill or
// PowerCut. Zero means never.
func (f *FS) CutAt(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cutAt = n
}

// FailAt lets operation n fail with err.
func (f *FS) FailAt(n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failAt, f.failErr = n, err
}

// Lie has every Sync and SyncDir from now on do nothing and say that all went
// well; a power cut takes what was written since. The same goes for the
// directories that Kill and PowerCut give.
func (f *FS) Lie() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lies = true
}

// Lies tells whether Lie was called.
func (f *FS) Lies() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lies
}

// Limit makes the disk n octets large; negative means without limit.
func (f *FS) Limit(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.limit = n
}

// Used is the number of octets that all files hold.
func (f *FS) Used() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.used()
}

func (f *FS) used() (n int64) {
	for _, node := range f.dir {
		n += int64(len(node.live))
	}
	return n
}

// Kill ends the process that used f, as kill -9 does: the lock is free, what
// was written is still there, synced or not. It gives the directory as the
// next process finds it.
func (f *FS) Kill() *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone == nil {
		f.gone = ErrKilled
	}
	return &FS{rng: f.rng, dir: f.dir, disk: f.disk, moves: f.moves, limit: f.limit, spare: f.spare, lies: f.lies}
}

// PowerCut takes the power away, if it is not gone yet, and gives the
// directory as the box finds it when it is back.
func (f *FS) PowerCut() *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone = ErrPowerCut
	luck := luck(f.rng.IntN(int(lucks)))
	if f.lies {
		luck = lost
	}
	dir := map[string]*inode{}
	for _, name := range sortedNames(f.disk) {
		dir[name] = f.disk[name]
	}
	for i, whole := 0, f.rng.IntN(len(f.moves)+1); i < len(f.moves); i++ {
		if f.survives(luck, i < whole) {
			f.moves[i].apply(dir)
		}
	}
	after := &FS{rng: f.rng, dir: map[string]*inode{}, disk: map[string]*inode{}, limit: f.limit, spare: f.spare, lies: f.lies}
	for _, name := range sortedNames(dir) {
		node := durableFile(f.remains(dir[name], luck))
		after.dir[name], after.disk[name] = node, node
	}
	return after
}

// luck is what becomes of unsynced changes at a power cut.
type luck int

const (
	lost   luck = iota // none is there
	kept               // all are there
	prefix             // those before a certain moment, the last one torn
	mixed              // any of them, torn in sectors
	lucks
)

// survives decides about a change of names; early is for those before the
// moment up to which a journal got.
func (f *FS) survives(l luck, early bool) bool {
	switch l {
	case lost:
		return false
	case kept:
		return true
	case prefix:
		return early
	}
	return f.rng.IntN(2) == 0
}

// remains gives what is on disk of a file.
func (f *FS) remains(node *inode, l luck) []byte {
	data := slices.Clone(node.durable)
	switch l {
	case lost:
	case kept:
		for _, c := range node.waiting {
			data = c.apply(data)
		}
	case prefix:
		n := f.rng.IntN(len(node.waiting) + 1)
		for _, c := range node.waiting[:n] {
			data = c.apply(data)
		}
		if n < len(node.waiting) {
			if c := node.waiting[n]; c.data != nil {
				c.data = c.data[:f.rng.IntN(len(c.data)+1)]
				data = c.apply(data)
			}
		}
	case mixed:
		for _, c := range node.waiting {
			data = f.applySectors(c, data)
		}
	}
	return data
}

// applySectors applies some of the sectors that c touches.
func (f *FS) applySectors(c change, data []byte) []byte {
	if c.data == nil {
		if f.rng.IntN(2) == 0 {
			return c.apply(data)
		}
		return data
	}
	for len(c.data) > 0 {
		n := min(int64(len(c.data)), sector-c.off%sector)
		if f.rng.IntN(2) == 0 {
			data = change{c.off, c.data[:n]}.apply(data)
		}
		c.off, c.data = c.off+n, c.data[n:]
	}
	return data
}

func (c change) apply(data []byte) []byte {
	if c.data == nil {
		return resize(data, c.off)
	}
	if len(c.data) == 0 {
		return data
	}
	if end := c.off + int64(len(c.data)); end > int64(len(data)) {
		data = resize(data, end)
	}
	copy(data[c.off:], c.data)
	return data
}

func resize(data []byte, n int64) []byte {
	if n <= int64(len(data)) {
		return data[:n:n]
	}
	if n > int64(cap(data)) {
		data = append(make([]byte, 0, max(n, 2*int64(cap(data)))), data...)
	}
	return append(data, make([]byte, n-int64(len(data)))...)
}

func (m move) apply(dir map[string]*inode) {
	if m.from != "" {
		delete(dir, m.from)
	}
	if m.to != "" {
		dir[m.to] = m.node
	}
}

// op counts an operation and decides about its fate: cut means that the power
// goes while it is under way, so that it may or may not have an effect.
func (f *FS) op() (cut bool, err error) {
	if f.gone != nil {
		return false, f.gone
	}
	f.ops++
	if f.ops == f.cutAt {
		f.gone = ErrPowerCut
		return true, ErrPowerCut
	}
	if f.ops == f.failAt {
		return false, f.failErr
	}
	return false, nil
}

// Name is "faultfs".
func (f *FS) Name() string { return "faultfs" }

// Lock takes the one lock.
func (f *FS) Lock() (io.Closer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.op(); err != nil {
		return nil, err
	}
	if f.locked {
		return nil, store.ErrLocked
	}
	f.locked = true
	return unlocker{f}, nil
}

type unlocker struct{ f *FS }

func (u unlocker) Close() error {
	u.f.mu.Lock()
	defer u.f.mu.Unlock()
	u.f.locked = false
	return nil
}

// List gives the names in order.
func (f *FS) List() ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.op(); err != nil {
		return nil, err
	}
	return sortedNames(f.dir), nil
}

func sortedNames(dir map[string]*inode) []string {
	names := make([]string, 0, len(dir))
	for name := range dir {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// change counts an operation that changes names, and does it.
func (f *FS) change(m move) error {
	cut, err := f.op()
	if err == nil || cut {
		m.apply(f.dir)
		f.moves = append(f.moves, m)
	}
	return err
}

// Create makes an empty file.
func (f *FS) Create(name string) (store.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	node := &inode{}
	if err := f.change(move{to: name, node: node}); err != nil {
		return nil, err
	}
	return &file{fs: f, node: node, write: true}, nil
}

// Open opens a file for reading.
func (f *FS) Open(name string) (store.File, error) { return f.open(name, false) }

// Edit opens a file for reading and writing.
func (f *FS) Edit(name string) (store.File, error) { return f.open(name, true) }

func (f *FS) open(name string, write bool) (store.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.op(); err != nil {
		return nil, err
	}
	node := f.dir[name]
	if node == nil {
		return nil, notThere("open", name)
	}
	return &file{fs: f, node: node, write: write}, nil
}

func notThere(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: syscall.ENOENT}
}

// Rename replaces to by from.
func (f *FS) Rename(from, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dir[from] == nil && f.gone == nil {
		return notThere("rename", from)
	}
	return f.change(move{from: from, to: to, node: f.dir[from]})
}

// Remove removes a name.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dir[name] == nil && f.gone == nil {
		return notThere("remove", name)
	}
	return f.change(move{from: name})
}

// SyncDir makes the names durable.
func (f *FS) SyncDir() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.op(); err != nil {
		return err
	}
	if f.lies {
		return nil
	}
	for _, m := range f.moves {
		m.apply(f.disk)
	}
	f.moves = nil
	return nil
}

// file is an open file.
type file struct {
	fs    *FS
	node  *inode
	write bool
}

func (h *file) ReadAt(p []byte, off int64) (int, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if _, err := h.fs.op(); err != nil {
		return 0, err
	}
	if off >= int64(len(h.node.live)) {
		return 0, io.EOF
	}
	n := copy(p, h.node.live[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt may have written a part of p when it fails.
func (h *file) WriteAt(p []byte, off int64) (int, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if !h.write {
		return 0, syscall.EBADF
	}
	cut, err := h.fs.op()
	if h.fs.gone != nil && !cut {
		return 0, err
	}
	n := len(p)
	if err != nil {
		n = h.fs.rng.IntN(len(p) + 1)
	} else if room := h.room(off); int64(n) > room {
		n, err = int(room), syscall.ENOSPC
	}
	if n > 0 {
		h.change(change{off, h.wait(p[:n])})
	}
	return n, err
}

// wait keeps what a write has still to bring to the disk.
func (h *file) wait(data []byte) []byte {
	node, spare := h.node, &h.fs.spare
	if last := len(*spare) - 1; node.written == nil && last >= 0 {
		node.written, *spare = (*spare)[last], (*spare)[:last]
	}
	at := len(node.written)
	node.written = append(node.written, data...)
	return node.written[at:]
}

// room is how many octets can be written at off.
func (h *file) room(off int64) int64 {
	if h.fs.limit < 0 {
		return 1 << 62
	}
	free := max(h.fs.limit-h.fs.used(), 0)
	return max(int64(len(h.node.live))+free-off, 0)
}

func (h *file) change(c change) {
	node := h.node
	if node.one {
		node.live, node.one = slices.Clone(node.live), false
	}
	node.live = c.apply(node.live)
	node.waiting = append(node.waiting, c)
}

func (h *file) Truncate(size int64) error {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if !h.write {
		return syscall.EBADF
	}
	if _, err := h.fs.op(); err != nil {
		return err
	}
	h.change(change{off: size})
	return nil
}

func (h *file) Sync() error {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	cut, err := h.fs.op()
	switch {
	case cut:
		return err // what waits is torn by PowerCut
	case h.fs.gone != nil:
		return err
	case err != nil: // all is shown as written, but only some of it is on disk
		for _, c := range h.node.waiting {
			h.node.durable = h.fs.applySectors(c, h.node.durable)
		}
		h.settled()
		return err
	case h.fs.lies:
		return nil
	}
	for _, c := range h.node.waiting {
		h.node.durable = c.apply(h.node.durable)
	}
	h.settled()
	return nil
}

// settled forgets what waited; its memory is used again.
func (h *file) settled() {
	node := h.node
	node.waiting = node.waiting[:0]
	if node.written != nil {
		h.fs.spare, node.written = append(h.fs.spare, node.written[:0]), nil
	}
}

func (h *file) Size() (int64, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	return int64(len(h.node.live)), h.fs.gone
}

func (h *file) Close() error { return nil }

// Bytes gives the contents of a file as the process sees it, or nil.
func (f *FS) Bytes(name string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if node := f.dir[name]; node != nil {
		return slices.Clone(node.live)
	}
	return nil
}

// Put makes a file with these contents, durable, as if it had always been
// there: a restored backup, a stray file, a flipped bit.
func (f *FS) Put(name string, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	node := durableFile(slices.Clone(data))
	f.dir[name], f.disk[name] = node, node
}

// String tells what is there, for messages of tests.
func (f *FS) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := fmt.Sprintf("after %d operations:", f.ops)
	for _, name := range sortedNames(f.dir) {
		s += fmt.Sprintf(" %s (%d)", name, len(f.dir[name].live))
	}
	return s
}
