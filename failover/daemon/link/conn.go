package link

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"tandem/failover/wire"
)

// errTemporary is what accept fails with when file descriptors run out.
var errTemporary = syscall.EMFILE

// conn is one connection, from TCP's accept or connect to its end.
type conn struct {
	id      ID
	peer    *peer
	links   *Links
	tcp     *net.TCPConn
	net     net.Conn // tcp, or TLS on top of it
	dialled bool
	queue   chan wire.Message
	done    chan struct{} // closed when the connection is

	once sync.Once
	why  error
	bye  sync.Once
}

// errHangup ends a connection that this server wants no more.
var errHangup = errors.New("closed by this server")

// close ends the connection at once.
func (c *conn) close(why error) {
	c.once.Do(func() {
		c.why = why
		close(c.done)
		c.tcp.Close()
	})
}

// hangup ends the connection after what is queued.
func (c *conn) hangup() {
	c.bye.Do(func() {
		select {
		case c.queue <- nil:
		default:
			c.close(errHangup)
		}
	})
}

// run is the life of the connection.
func (c *conn) run() {
	l := c.links
	defer l.wg.Done()
	rest, err := c.setUp()
	if err == nil && !c.opened() {
		err = fmt.Errorf("%d connections of %q are open already", maxOpen, c.peer.Name)
	}
	if err != nil {
		c.forget(false)
		c.close(err)
		if l.ctx.Err() == nil {
			if errors.Is(err, errRefused) {
				l.Counters.RefusedTLS.Add(1)
			}
			l.report("failover %s: connection with %s: %v", c.peer.Name, c.tcp.RemoteAddr(), err)
			if c.dialled {
				l.sink.Closed(0, c.peer.Name, err)
			}
		}
		return
	}
	l.sink.Connected(c.id, c.peer.Name, c.dialled, c.net != net.Conn(c.tcp))
	l.wg.Add(1)
	go c.write()
	c.read(rest)
	c.forget(true)
	<-c.done
	if l.ctx.Err() == nil {
		l.sink.Closed(c.id, c.peer.Name, c.why)
	}
}

// opened moves the connection from pending to open.
func (c *conn) opened() bool {
	c.links.mu.Lock()
	defer c.links.mu.Unlock()
	if c.peer.open >= maxOpen {
		c.links.Counters.RefusedOpen.Add(1)
		return false
	}
	c.peer.pending--
	c.peer.open++
	return true
}

func (c *conn) forget(open bool) {
	c.links.mu.Lock()
	defer c.links.mu.Unlock()
	delete(c.links.conns, c.id)
	if open {
		c.peer.open--
	} else {
		c.peer.pending--
	}
}

// read hands on what comes until the connection ends. rest was read already.
func (c *conn) read(rest []byte) {
	var f wire.Framer
	buf := make([]byte, 16<<10)
	deliver := func(m wire.Message) bool {
		c.links.Counters.MessagesIn.Add(1)
		c.links.sink.Received(c.id, m)
		return true
	}
	n := copy(buf, rest)
	for {
		if _, err := f.Feed(buf[:n], deliver); err != nil {
			c.links.Counters.Malformed.Add(1)
			c.close(fmt.Errorf("received octets that are no failover message: %w", err))
			return
		}
		var err error
		if n, err = c.net.Read(buf); err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("closed by the partner")
			}
			c.close(err)
			return
		}
	}
}

// write sends what is queued, several messages in one write where they wait.
func (c *conn) write() {
	defer c.links.wg.Done()
	buf := make([]byte, 0, 16<<10)
	for {
		var m wire.Message
		select {
		case m = <-c.queue:
		case <-c.done:
			return
		}
		buf = buf[:0]
		for m != nil {
			var err error
			if buf, err = wire.AppendFrame(buf, m); err != nil {
				c.links.report("failover %s: message not sent: %v", c.peer.Name, err)
			} else {
				c.links.Counters.MessagesOut.Add(1)
			}
			if len(buf) > 8<<10 || len(c.queue) == 0 {
				break
			}
			m = <-c.queue
		}
		c.net.SetWriteDeadline(time.Now().Add(writeTime))
		if _, err := c.net.Write(buf); err != nil {
			c.close(err)
			return
		}
		if m == nil {
			c.close(errHangup)
			return
		}
	}
}
