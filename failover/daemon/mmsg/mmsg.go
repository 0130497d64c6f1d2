// Package mmsg moves datagrams between the kernel and memory many at a time,
// with recvmmsg(2) and sendmmsg(2), over any kind of socket. It waits through
// the runtime's poller, so a waiting reader costs no thread.
package mmsg

import (
	"errors"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// header is struct mmsghdr of recvmmsg(2).
type header struct {
	msg unix.Msghdr
	n   uint32
}

// oobLen is room for the control messages asked for: packet info, or the
// auxiliary data of a packet socket.
const oobLen = 64

// Conn is a socket for whole batches. One reader and one sender may use it at
// the same time.
type Conn struct {
	file *os.File
	raw  syscall.RawConn
}

// NewConn takes over fd, which must be a socket in non-blocking mode. The
// name is for messages.
func NewConn(fd int, name string) (*Conn, error) {
	file := os.NewFile(uintptr(fd), name)
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &Conn{file: file, raw: raw}, nil
}

// Close ends the socket; a waiting reader returns os.ErrClosed.
func (c *Conn) Close() error { return c.file.Close() }

// SetReadDeadline makes reads that wait beyond t return
// os.ErrDeadlineExceeded.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.file.SetReadDeadline(t) }

// Control runs fn on the socket's descriptor, for socket options.
func (c *Conn) Control(fn func(fd uintptr)) error { return c.raw.Control(fn) }

// closed turns the poller's private error into the public one.
func closed(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return os.ErrClosed
}

// Reader receives batches. Its buffers are given for each batch, so that a
// datagram may stay where it was received.
type Reader struct {
	conn  *Conn
	hdrs  []header
	iovs  []unix.Iovec
	names []unix.RawSockaddrAny
	oobs  [][oobLen]byte

	recv func(fd uintptr) bool // made once: a closure for each call would allocate
	want int
	got  int
	errn syscall.Errno
}

// NewReader makes a reader of at most size datagrams a batch.
func NewReader(c *Conn, size int) *Reader {
	r := &Reader{
		conn:  c,
		hdrs:  make([]header, size),
		iovs:  make([]unix.Iovec, size),
		names: make([]unix.RawSockaddrAny, size),
		oobs:  make([][oobLen]byte, size),
	}
	r.recv = func(fd uintptr) bool {
		n, _, errn := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.hdrs[0])), uintptr(r.want),
			unix.MSG_DONTWAIT, 0, 0)
		r.got, r.errn = int(n), errn
		return errn != unix.EAGAIN && errn != unix.EINTR
	}
	return r
}

// Read waits for at least one datagram and receives what has come, into
// bufs[0], bufs[1] ... ; it gives their number. The datagrams' own data are
// found by Message.
func (r *Reader) Read(bufs [][]byte) (int, error) {
	r.want = min(len(bufs), len(r.hdrs))
	for i := range r.want {
		r.iovs[i].Base = unsafe.SliceData(bufs[i])
		r.iovs[i].SetLen(len(bufs[i]))
		h := &r.hdrs[i]
		h.n = 0
		h.msg = unix.Msghdr{
			Name:    (*byte)(unsafe.Pointer(&r.names[i])),
			Namelen: unix.SizeofSockaddrAny,
			Iov:     &r.iovs[i],
			Control: &r.oobs[i][0],
		}
		h.msg.SetIovlen(1)
		h.msg.SetControllen(oobLen)
	}
	if err := r.conn.raw.Read(r.recv); err != nil {
		return 0, closed(err)
	}
	if r.errn != 0 {
		return 0, os.NewSyscallError("recvmmsg", r.errn)
	}
	return r.got, nil
}

// Message is what came with one datagram of the latest batch.
type Message struct {
	Len       int
	Truncated bool // the buffer was too small
	Name      *unix.RawSockaddrAny
	OOB       []byte
}

// Message describes datagram i of the latest batch.
func (r *Reader) Message(i int) Message {
	h := &r.hdrs[i]
	return Message{
		Len:       int(h.n),
		Truncated: h.msg.Flags&unix.MSG_TRUNC != 0,
		Name:      &r.names[i],
		OOB:       r.oobs[i][:min(int(h.msg.Controllen), oobLen)],
	}
}

// Writer gathers datagrams and sends them together.
type Writer struct {
	conn  *Conn
	hdrs  []header
	iovs  []unix.Iovec
	names []unix.RawSockaddrAny
	oobs  [][oobLen]byte
	queue int

	send func(fd uintptr) bool
	from int
	sent int
	errn syscall.Errno
}

// NewWriter makes a writer that sends when size datagrams are queued.
func NewWriter(c *Conn, size int) *Writer {
	w := &Writer{
		conn:  c,
		hdrs:  make([]header, size),
		iovs:  make([]unix.Iovec, size),
		names: make([]unix.RawSockaddrAny, size),
		oobs:  make([][oobLen]byte, size),
	}
	w.send = func(fd uintptr) bool {
		n, _, errn := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&w.hdrs[w.from])), uintptr(w.queue-w.from),
			unix.MSG_DONTWAIT, 0, 0)
		w.sent, w.errn = int(n), errn
		// A full socket is not waited for: a client repeats, the loop must not stop.
		return errn != unix.EINTR
	}
	return w
}

// Slot is one datagram to be sent. Fill Name with one of the Raw...
// addresses and OOB with control messages, of the lengths given to Add.
type Slot struct {
	Name *unix.RawSockaddrAny
	OOB  *[oobLen]byte
}

// Full tells whether no further datagram fits before Flush.
func (w *Writer) Full() bool { return w.queue == len(w.hdrs) }

// Empty tells whether nothing is queued.
func (w *Writer) Empty() bool { return w.queue == 0 }

// Add queues payload, which must not change before Flush. nameLen is the
// length of the address that the caller puts in Slot.Name, oobLen the length
// of the control messages in Slot.OOB. The writer must not be full.
func (w *Writer) Add(payload []byte, nameLen, oobLen int) Slot {
	i := w.queue
	w.queue++
	w.iovs[i].Base = unsafe.SliceData(payload)
	w.iovs[i].SetLen(len(payload))
	h := &w.hdrs[i]
	h.msg = unix.Msghdr{Name: (*byte)(unsafe.Pointer(&w.names[i])), Namelen: uint32(nameLen), Iov: &w.iovs[i]}
	h.msg.SetIovlen(1)
	if oobLen > 0 {
		h.msg.Control = &w.oobs[i][0]
		h.msg.SetControllen(oobLen)
	}
	return Slot{Name: &w.names[i], OOB: &w.oobs[i]}
}

// Flush sends what is queued. A datagram that the kernel refuses is given to
// failed with its place in the queue and skipped.
func (w *Writer) Flush(failed func(i int, err error)) (sent int) {
	for w.from = 0; w.from < w.queue; {
		if err := w.conn.raw.Write(w.send); err != nil {
			w.failRest(failed, closed(err))
			break
		}
		if w.errn != 0 {
			failed(w.from, os.NewSyscallError("sendmmsg", w.errn))
			w.from++
			continue
		}
		sent += w.sent
		w.from += w.sent
	}
	for i := range w.queue {
		w.iovs[i].Base = nil // let go of the payload
	}
	w.queue = 0
	return sent
}

// failRest reports everything not sent yet, after the socket was closed.
func (w *Writer) failRest(failed func(i int, err error), err error) {
	for i := w.from; i < w.queue; i++ {
		failed(i, err)
	}
}
