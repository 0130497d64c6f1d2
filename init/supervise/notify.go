package supervise

import (
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Message is what a service said on the notify socket.
type Message struct {
	PID      int
	Ready    bool
	Stopping bool
	Beat     bool
	// Trigger asks to be treated as hung (WATCHDOG=trigger).
	Trigger bool
	Status  string
	HasText bool
}

// maxMessage is the largest datagram that is read; what is longer is cut.
const maxMessage = 4096

// parseMessage reads the "NAME=value" lines of one datagram.
func parseMessage(pid int, text string) Message {
	m := Message{PID: pid}
	for _, line := range strings.Split(text, "\n") {
		switch name, value, _ := strings.Cut(line, "="); name {
		case "READY":
			m.Ready = value == "1"
		case "STOPPING":
			m.Stopping = value == "1"
		case "WATCHDOG":
			m.Beat = value == "1"
			m.Trigger = value == "trigger"
		case "STATUS":
			m.Status, m.HasText = value, true
		}
	}
	return m
}

// listener is the notify socket. Who speaks is told by the kernel, not by the
// message.
type listener struct {
	conn *net.UnixConn
	path string
}

func listen(path string) (*listener, error) {
	os.Remove(path)
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("notify socket: %w", err)
	}
	raw, err := conn.SyscallConn()
	if err == nil {
		cerr := raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1)
		})
		if err == nil {
			err = cerr
		}
	}
	if err == nil {
		// Services run as users of their own; the sender is checked by pid.
		err = os.Chmod(path, 0o666)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("notify socket: %w", err)
	}
	return &listener{conn, path}, nil
}

// run hands every message to fn until the socket is closed.
func (l *listener) run(fn func(Message)) {
	buf, oob := make([]byte, maxMessage), make([]byte, unix.CmsgSpace(unix.SizeofUcred))
	for {
		n, oobn, _, _, err := l.conn.ReadMsgUnix(buf, oob)
		if err != nil {
			return
		}
		if pid, ok := sender(oob[:oobn]); ok {
			fn(parseMessage(pid, string(buf[:n])))
		}
	}
}

func sender(oob []byte) (pid int, ok bool) {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0, false
	}
	for _, m := range msgs {
		if cred, err := unix.ParseUnixCredentials(&m); err == nil {
			return int(cred.Pid), true
		}
	}
	return 0, false
}

func (l *listener) close() {
	l.conn.Close()
	os.Remove(l.path)
}
