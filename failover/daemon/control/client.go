package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
)

// Client is a connection to a running server.
type Client struct {
	conn  net.Conn
	lines *bufio.Reader
}

// Dial connects to the server that listens on path.
func Dial(path string) (*Client, error) {
	conn, err := net.Dial("unix", path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("no server listens on %s: start dhcpfd, or name its socket with --control", path)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("%s: permission denied: run as root, or join the group of the socket", path)
	case err != nil:
		return nil, fmt.Errorf("no server answers on %s: %w", path, err)
	}
	return &Client{conn: conn, lines: bufio.NewReaderSize(conn, 64<<10)}, nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// ErrRefused is the server's own refusal; its text follows.
type ErrRefused string

// Error is what the server said.
func (e ErrRefused) Error() string { return string(e) }

// Ask sends a request and hands each piece of the answer to fn.
func (c *Client) Ask(words []string, fn func(body json.RawMessage) error) error {
	line, err := json.Marshal(words)
	if err != nil {
		return err
	}
	if _, err := c.conn.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("ask the server: %w", err)
	}
	for {
		line, err := c.lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return errors.New("the server ended before it could answer")
		}
		if err != nil {
			return fmt.Errorf("answer of the server: %w", err)
		}
		var p Piece
		if err := json.Unmarshal(line, &p); err != nil {
			return fmt.Errorf("answer of the server: %w", err)
		}
		if p.Error != "" {
			return ErrRefused(p.Error)
		}
		if err := fn(p.Body); err != nil || !p.More {
			return err
		}
	}
}
