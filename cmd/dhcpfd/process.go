package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"tandem/failover/daemon"
	"tandem/failover/dhcp"
)

// inBackground is set in the environment of the process that serves in the
// background. It tells on descriptor readyFD that it serves.
const (
	inBackground = "DHCPFD_BACKGROUND"
	readyFD      = 3
)

// background tells whether the server leaves the terminal, as dhcpd does
// unless -f or -d is given. A service manager does not want that.
func (f *flags) background() bool {
	return !f.foreground && !f.stderr && os.Getenv(inBackground) == "" && os.Getenv("NOTIFY_SOCKET") == ""
}

// detach starts this program again in a session of its own, and waits until
// that serves or has said why it can not.
func detach(args []string, stderr io.Writer) int {
	status, err := startDetached(args, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "dhcpfd: go into the background: %v; use -f to stay in the foreground\n", err)
		return exitFailed
	}
	return status
}

func startDetached(args []string, stderr io.Writer) (int, error) {
	exe, err := os.Executable()
	if err != nil {
		return 0, err
	}
	ready, signal, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer ready.Close()
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), inBackground+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Stderr = stderr
	cmd.ExtraFiles = []*os.File{signal}
	err = cmd.Start()
	signal.Close()
	if err != nil {
		return 0, err
	}
	if n, _ := ready.Read(make([]byte, 1)); n == 1 {
		return exitOK, cmd.Process.Release()
	}
	// The pipe was closed without a word: it ended, and has said why.
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode(), nil
}

// onReady gives what is done when the server serves: in the background the
// waiting parent is told, and the terminal is let go.
func onReady() func() {
	if os.Getenv(inBackground) == "" {
		return func() {}
	}
	return func() {
		pipe := os.NewFile(readyFD, "ready")
		_, _ = pipe.Write([]byte{1})
		pipe.Close()
		null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
		if err != nil {
			return // it keeps the terminal then
		}
		for fd := range 3 {
			_ = unix.Dup3(int(null.Fd()), fd, 0)
		}
		null.Close()
	}
}

// openLog decides where lines go: with -d to standard error as dhcpd does,
// under systemd to its journal, else to syslog.
func openLog(f flags, stderr io.Writer) (*daemon.Logger, error) {
	least := dhcp.LevelInfo
	if f.debug {
		least = dhcp.LevelDebug
	}
	if os.Getenv("JOURNAL_STREAM") != "" {
		return daemon.NewLogger(stderr, daemon.LogJournal, least), nil
	}
	if f.stderr {
		return daemon.NewLogger(stderr, daemon.LogPlain, least), nil
	}
	conn, err := net.Dial("unixgram", "/dev/log")
	if err != nil {
		fmt.Fprintf(stderr, "dhcpfd: no syslog (%v): logging to standard error\n", err)
		return daemon.NewLogger(stderr, daemon.LogPlain, least), nil
	}
	return daemon.NewLogger(conn, daemon.LogSyslog, least), nil
}

// writePID writes the process id to file, if one was named, and gives what
// removes it again.
func writePID(file string) (remove func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	if err := os.WriteFile(file, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		return nil, fmt.Errorf("process id: %w; name another file with -pf, or use --no-pid", err)
	}
	return func() { os.Remove(file) }, nil
}
