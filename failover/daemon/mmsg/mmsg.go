// Package mmsg moves datagrams between the kernel and memory many at a time,
// with recvmmsg(2) and sendmmsg(2), over any kind of socket. It never waits:
// sockets are polled by whoever owns them.
package mmsg

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// header is struct mmsghdr of recvmmsg(2).
type header struct {
	msg unix.Msghdr
	n   uint32
}

// oobLen is room for the control messages asked for: packet info, or the
// auxiliary data of a packet socket, and the time of arrival.
const oobLen = 96

// Reader receives batches. Its buffers are given for each batch, so that a
// datagram may stay where it was received. One reader may serve any number of
// sockets, one after the other.
type Reader struct {
	hdrs  []header
	iovs  []unix.Iovec
	names []unix.RawSockaddrAny
	oobs  [][oobLen]byte
}

// NewReader makes a reader of at most size datagrams a batch.
func NewReader(size int) *Reader {
	return &Reader{
		hdrs:  make([]header, size),
		iovs:  make([]unix.Iovec, size),
		names: make([]unix.RawSockaddrAny, size),
		oobs:  make([][oobLen]byte, size),
	}
}

// Read receives what has come on the socket fd, into bufs[0], bufs[1] ...; it
// gives their number, zero if nothing has come. What belongs to the datagrams
// is found by Message.
func (r *Reader) Read(fd int, bufs [][]byte) (int, error) {
	want := min(len(bufs), len(r.hdrs))
	for i := range want {
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
	for {
		n, _, errn := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&r.hdrs[0])), uintptr(want),
			unix.MSG_DONTWAIT, 0, 0)
		switch errn {
		case 0:
			return int(n), nil
		case unix.EAGAIN:
			return 0, nil
		case unix.EINTR:
			continue
		}
		return 0, os.NewSyscallError("recvmmsg", errn)
	}
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
	fd    int
	hdrs  []header
	iovs  []unix.Iovec
	names []unix.RawSockaddrAny
	oobs  [][oobLen]byte
	queue int
}

// NewWriter makes a writer of at most size datagrams to the socket fd.
func NewWriter(fd, size int) *Writer {
	return &Writer{
		fd:    fd,
		hdrs:  make([]header, size),
		iovs:  make([]unix.Iovec, size),
		names: make([]unix.RawSockaddrAny, size),
		oobs:  make([][oobLen]byte, size),
	}
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

// Flush sends what is queued, and gives how many datagrams the kernel took.
// One that it refuses, a full socket included, is given to failed with its
// place in the queue and skipped: a client repeats, the sender must not wait.
func (w *Writer) Flush(failed func(i int, err error)) (sent int) {
	for from := 0; from < w.queue; {
		n, errn := w.send(from)
		if errn != 0 {
			failed(from, os.NewSyscallError("sendmmsg", errn))
			n = 1
		} else {
			sent += n
		}
		from += n
	}
	for i := range w.queue {
		w.iovs[i].Base = nil // let go of the payload
	}
	w.queue = 0
	return sent
}

func (w *Writer) send(from int) (int, syscall.Errno) {
	for {
		n, _, errn := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(w.fd), uintptr(unsafe.Pointer(&w.hdrs[from])), uintptr(w.queue-from),
			unix.MSG_DONTWAIT, 0, 0)
		if errn != unix.EINTR {
			return int(n), errn
		}
	}
}
