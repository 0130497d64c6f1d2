package peerlink

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"tandem/failover/daemon/keyring"
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
	client  atomic.Bool   // of the handshake
	done    chan struct{} // closed when the connection is

	// What waits to be sent, at most maxQueue. It takes no memory for a
	// connection to which nothing is sent.
	mu    sync.Mutex
	queue []item
	more  chan struct{} // holds one token if the queue may hold something
	press chan struct{} // holds one token if what is queued should not wait

	// The hand-over to TLS: the writer closes drained once it has sent what
	// came before, the reader closes secured after the handshake.
	drained, secured chan struct{}

	once sync.Once
	why  error
}

// item is one thing for the writer to do.
type item struct {
	msg  wire.Message // nil if what says something else
	what special
}

type special uint8

const (
	secureNow special = iota + 1
	hangupNow
)

// errHangup ends a connection that this server wants no more.
var errHangup = errors.New("closed by this server")

// put queues an item for the writer.
func (c *conn) put(i item) {
	c.mu.Lock()
	full := len(c.queue) >= maxQueue
	if !full {
		c.queue = append(c.queue, i)
	}
	pressing := len(c.queue) >= gathered || !patient(i.msg)
	c.mu.Unlock()
	if full {
		c.links.Counters.Overflow.Add(1)
		c.close(fmt.Errorf("%d messages wait to be sent", maxQueue))
		return
	}
	token(c.more)
	if pressing {
		token(c.press)
	}
}

// token puts a token into a channel that holds one.
func token(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// patient tells whether a message may wait for others: updates and their
// answers, which no client waits for.
func patient(m wire.Message) bool {
	switch m.(type) {
	case *wire.Bndupd, *wire.Bndack:
		return true
	}
	return false
}

// linger waits a moment for more to send together; false if the connection
// ended. Each write wakes the partner up, and has it sync its disk.
func (c *conn) linger(t *time.Timer) bool {
	t.Reset(lingerTime)
	select {
	case <-t.C:
	case <-c.press:
	case <-c.done:
		return false
	}
	return true
}

// take empties the queue.
func (c *conn) take() []item {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.queue
	c.queue = nil
	return list
}

// close ends the connection at once.
func (c *conn) close(why error) {
	c.once.Do(func() {
		c.why = why
		close(c.done)
		c.tcp.Close()
	})
}

// run is the life of the connection.
func (c *conn) run() {
	l := c.links
	defer l.wg.Done()
	l.sink.Connected(c.id, c.peer.Name, c.dialled)
	l.wg.Add(1)
	go c.write()
	rest, err := c.negotiate()
	if err == nil {
		err = c.read(rest)
	}
	c.close(err)
	l.mu.Lock()
	delete(l.conns, c.id)
	l.mu.Unlock()
	l.sink.Closed(c.id, c.peer.Name, c.why)
	// It counts as open until its end has been taken note of, so that no
	// number of connections piles up before a busy server.
	l.mu.Lock()
	c.peer.open--
	l.mu.Unlock()
}

// negotiate brings a connection to a partner whose key is pinned from clear
// text to TLS; without a pin there is nothing to do.
func (c *conn) negotiate() (rest []byte, err error) {
	if c.peer.Pin == nil {
		return nil, nil
	}
	if err := c.tcp.SetReadDeadline(time.Now().Add(handshakeTime)); err != nil {
		return nil, err
	}
	rest, err = c.first()
	if err != nil {
		return nil, err
	}
	limit := time.NewTimer(handshakeTime)
	defer limit.Stop()
	select {
	case <-c.drained:
	case <-c.done:
		return nil, c.why
	case <-limit.C:
		c.links.Counters.RefusedTLS.Add(1)
		return nil, errors.New("TLS was not agreed upon in time, and the partner's key is pinned")
	}
	err = c.handshake(rest)
	if err != nil {
		c.links.Counters.RefusedTLS.Add(1)
	}
	c.links.sink.Secured(c.id, err)
	if err == nil {
		close(c.secured)
	}
	return nil, err
}

// first reads one message in clear text and hands it on; rest is what came
// behind it.
func (c *conn) first() (rest []byte, err error) {
	var f wire.Framer
	var got wire.Message
	buf := make([]byte, wire.MaxMessage)
	for got == nil {
		n, err := c.tcp.Read(buf)
		if err != nil {
			return nil, ended(err)
		}
		rest, err = f.Feed(buf[:n], func(m wire.Message) bool { got = m; return false })
		if err != nil {
			return nil, c.malformed(err)
		}
	}
	c.deliver([]wire.Message{got})
	return rest, nil
}

func (c *conn) handshake(rest []byte) error {
	if err := c.tcp.SetDeadline(time.Now().Add(handshakeTime)); err != nil {
		return err
	}
	config := keyring.TLS(c.links.own, *c.peer.Pin)
	under := &prefixed{TCPConn: c.tcp, rest: bytes.NewReader(rest)}
	sec := tls.Server(under, config)
	if c.client.Load() {
		sec = tls.Client(under, config)
	}
	if err := sec.HandshakeContext(c.links.ctx); err != nil {
		return fmt.Errorf("TLS with the pinned key failed: %w", err)
	}
	c.net = sec
	return c.tcp.SetDeadline(time.Time{})
}

func (c *conn) deliver(list []wire.Message) {
	if len(list) > 0 {
		c.links.Counters.MessagesIn.Add(uint64(len(list)))
		c.links.sink.Received(c.id, list)
	}
}

// read hands on what comes until the connection ends. rest was read already.
func (c *conn) read(rest []byte) error {
	var f wire.Framer
	buf := make([]byte, 16<<10)
	n := copy(buf, rest)
	for {
		var list []wire.Message
		_, err := f.Feed(buf[:n], func(m wire.Message) bool { list = append(list, m); return true })
		c.deliver(list)
		if err != nil {
			return c.malformed(err)
		}
		if n, err = c.net.Read(buf); err != nil {
			return ended(err)
		}
	}
}

func (c *conn) malformed(err error) error {
	c.links.Counters.Malformed.Add(1)
	return fmt.Errorf("received octets that are no failover message: %w", err)
}

func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("closed by the partner")
	}
	return err
}

// write does what is queued until the connection ends.
func (c *conn) write() {
	defer c.links.wg.Done()
	buf := make([]byte, 0, 16<<10)
	t := time.NewTimer(lingerTime)
	defer t.Stop()
	for {
		select {
		case <-c.more:
		case <-c.done:
			return
		}
		if !c.linger(t) {
			return
		}
		for list := c.take(); len(list) > 0; {
			var next special
			buf, next, list = c.gather(buf[:0], list)
			if len(buf) > 0 {
				c.tcp.SetWriteDeadline(time.Now().Add(writeTime))
				if _, err := c.net.Write(buf); err != nil {
					c.close(err)
					return
				}
			}
			if next == hangupNow {
				c.close(errHangup)
				return
			}
			if next == secureNow && !c.standBack() {
				return
			}
		}
	}
}

// gather puts messages into one write, up to the next special item.
func (c *conn) gather(buf []byte, list []item) ([]byte, special, []item) {
	for len(list) > 0 && len(buf) <= 8<<10 {
		i := list[0]
		list = list[1:]
		if i.msg == nil {
			return buf, i.what, list
		}
		var err error
		if buf, err = wire.AppendFrame(buf, i.msg); err != nil {
			c.links.report("failover %s: message not sent: %v", c.peer.Name, err)
		} else {
			c.links.Counters.MessagesOut.Add(1)
		}
	}
	return buf, 0, list
}

// standBack lets the reader do the handshake; false if the connection ended.
func (c *conn) standBack() bool {
	select {
	case <-c.drained: // a second handshake is none
		return true
	default:
	}
	close(c.drained)
	select {
	case <-c.secured:
		return true
	case <-c.done:
		return false
	}
}

// prefixed is a connection of which some octets were read too early.
type prefixed struct {
	*net.TCPConn
	rest *bytes.Reader
}

// Read gives the early octets first.
func (p *prefixed) Read(b []byte) (int, error) {
	if p.rest.Len() > 0 {
		return p.rest.Read(b)
	}
	return p.TCPConn.Read(b)
}
