package qemu

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"regexp"
	"sync"
)

const (
	// keepConsole bounds what is kept of a console's output, in bytes.
	keepConsole = 1 << 20
	// watcherQueue bounds the pieces of output that wait for a watcher.
	watcherQueue = 256
)

// Console is a box's serial line. It lives as long as the box and spans its
// restarts: output of each start follows that of the one before.
type Console struct {
	log io.Writer // everything, as it came; may be nil

	mu      sync.Mutex
	conn    net.Conn // nil while the box has no power
	kept    []byte   // the newest output
	dropped int64    // bytes before kept
	cursor  int64    // where Expect goes on, counted from the beginning
	change  chan struct{}
	watch   map[chan []byte]bool
}

func newConsole(log io.Writer) *Console {
	return &Console{log: log, change: make(chan struct{}), watch: map[chan []byte]bool{}}
}

// attach takes the connection of a machine that was just switched on.
func (c *Console) attach(conn net.Conn) {
	c.mu.Lock()
	c.conn = conn
	c.mu.Unlock()
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if n > 0 {
			c.add(buf[:n])
		}
		if err != nil {
			break
		}
	}
	conn.Close()
	c.mu.Lock()
	if c.conn == conn {
		c.conn = nil
	}
	c.mu.Unlock()
}

func (c *Console) add(data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.log != nil {
		if _, err := c.log.Write(data); err != nil {
			c.log = nil
		}
	}
	c.kept = append(c.kept, data...)
	if extra := len(c.kept) - keepConsole; extra > 0 {
		c.kept = append([]byte(nil), c.kept[extra:]...)
		c.dropped += int64(extra)
	}
	for w := range c.watch {
		select {
		case w <- append([]byte(nil), data...):
		default: // a watcher that does not read loses output, the box does not wait
		}
	}
	close(c.change)
	c.change = make(chan struct{})
}

// Expect waits until the output since the last match fits a pattern, and
// returns the match and its groups. If the context ends before, the error
// quotes the last lines.
func (c *Console) Expect(ctx context.Context, pattern string) ([]string, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	for {
		c.mu.Lock()
		from := max(c.cursor-c.dropped, 0)
		if at := re.FindSubmatchIndex(c.kept[from:]); at != nil {
			var groups []string
			for i := 0; i < len(at); i += 2 {
				if at[i] < 0 {
					groups = append(groups, "")
					continue
				}
				groups = append(groups, string(c.kept[from:][at[i]:at[i+1]]))
			}
			c.cursor = c.dropped + from + int64(at[1])
			c.mu.Unlock()
			return groups, nil
		}
		change := c.change
		c.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
			return nil, fmt.Errorf("console never said %q: %w; it ends with:\n%s", pattern, ctx.Err(), c.Tail(15))
		}
	}
}

// Type sends a line to the box.
func (c *Console) Type(line string) error {
	_, err := c.Write([]byte(line + "\n"))
	return err
}

// Write sends keys to the box as they are.
func (c *Console) Write(keys []byte) (int, error) {
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	if conn == nil {
		return 0, fmt.Errorf("console: %w", errOff)
	}
	return conn.Write(keys)
}

// Tail returns the last n lines that are kept.
func (c *Console) Tail(n int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := bytes.Split(bytes.TrimRight(c.kept, "\r\n"), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-n):], []byte("\n")))
}

// Watch gives a copy of all output from now on, for a person who is attached
// to the console. stop ends it and closes the channel.
func (c *Console) Watch() (output <-chan []byte, stop func()) {
	w := make(chan []byte, watcherQueue)
	c.mu.Lock()
	c.watch[w] = true
	c.mu.Unlock()
	return w, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.watch[w] {
			delete(c.watch, w)
			close(w)
		}
	}
}
