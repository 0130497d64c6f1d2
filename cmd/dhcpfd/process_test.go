package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tandem/failover/daemon/control"
)

// asProgram makes the test binary behave as the program itself.
const asProgram = "DHCPFD_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// patience bounds every wait.
const patience = 20 * time.Second

// lonely is the program in a network of its own, in which there is nothing.
type lonely struct {
	*exec.Cmd
	t      *testing.T
	said   bytes.Buffer
	notify *net.UnixConn
	dir    string
}

func program(t *testing.T, args ...string) *lonely {
	t.Helper()
	p := &lonely{t: t, dir: t.TempDir()}
	path := filepath.Join(p.dir, "notify")
	var err error
	if p.notify, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.notify.Close() })
	args = append(args, "-cf", put(t, filepath.Join(p.dir, "dhcpd.conf"), goodConf), "-lf", filepath.Join(p.dir, "store"),
		"--control", filepath.Join(p.dir, "sock"))
	p.Cmd = exec.Command(os.Args[0], args...)
	p.Env = append(os.Environ(), asProgram+"=1", "NOTIFY_SOCKET="+path, "WATCHDOG_USEC=400000", "JOURNAL_STREAM=")
	p.Stdout, p.Stderr = &p.said, &p.said
	p.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Geteuid() != 0 {
		p.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		p.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		p.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	return p
}

// begin starts the program; it is killed if the test leaves it running.
func (p *lonely) begin() {
	p.t.Helper()
	err := p.Start()
	if errors.Is(err, os.ErrPermission) {
		p.t.Skipf("no network namespaces here: %v", err)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if p.ProcessState == nil {
			_ = p.Process.Kill()
			_ = p.Wait()
		}
		if p.t.Failed() {
			p.t.Logf("it said:\n%s", p.said.String())
		}
	})
}

// await waits for a notification that has a line.
func (p *lonely) await(line string) {
	p.t.Helper()
	if err := p.notify.SetReadDeadline(time.Now().Add(patience)); err != nil {
		p.t.Fatal(err)
	}
	buf := make([]byte, 4096)
	for {
		n, err := p.notify.Read(buf)
		if err != nil {
			p.t.Fatalf("no %s: %v", line, err)
		}
		if strings.Contains("\n"+string(buf[:n])+"\n", "\n"+line+"\n") {
			return
		}
	}
}

func (p *lonely) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// From the start to the end as a service manager sees it.
func TestLife(t *testing.T) {
	p := program(t, "-4", "-f", "-d")
	p.begin()
	p.await("READY=1")
	p.await("WATCHDOG=1")
	conf := filepath.Join(p.dir, "dhcpd.conf")
	put(t, conf, badConf)
	p.signal(syscall.SIGHUP)
	p.await("RELOADING=1")
	p.await("READY=1")
	put(t, conf, goodConf)
	p.signal(syscall.SIGHUP)
	p.await("RELOADING=1")
	p.await("READY=1")
	p.signal(syscall.SIGUSR1)
	// The figures are in the log once a later question was answered.
	c, err := control.Dial(filepath.Join(p.dir, "sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 3 {
		if err := c.Ask([]string{"counters"}, func(json.RawMessage) error { return nil }); err != nil {
			t.Fatal(err)
		}
		p.await("WATCHDOG=1")
	}
	p.signal(syscall.SIGTERM)
	p.await("STOPPING=1")
	if err := p.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
	said := p.said.String()
	for _, want := range []string{"Tandem dhcpfd", "Server starting service.", "dhcpd.conf:1:", "the old one stays in force",
		"configuration reloaded", `"sentence":`, "batches: ", "Server ended."} {
		if !strings.Contains(said, want) {
			t.Errorf("it did not say %q", want)
		}
	}
}

// A configuration with errors is no reason to start.
func TestNoStartWithBadConfiguration(t *testing.T) {
	p := program(t, "-f", "-d")
	put(t, filepath.Join(p.dir, "dhcpd.conf"), badConf)
	p.begin()
	err := p.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitFailed || !strings.Contains(p.said.String(), "dhcpd.conf:1:") {
		t.Errorf("%v", err)
	}
}

// Without -f and -d, as dhcpd does it: the parent ends when the child serves.
func TestBackground(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	p := program(t, "-q", "-pf", pidFile)
	p.Env = append(p.Env, "NOTIFY_SOCKET=", "WATCHDOG_USEC=")
	p.begin()
	if err := p.Wait(); err != nil {
		t.Fatalf("the parent ended with %v", err)
	}
	text, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid == p.Process.Pid {
		t.Fatalf("process id %q, the parent's is %d", text, p.Process.Pid)
	}
	c, err := control.Dial(filepath.Join(p.dir, "sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	// The connection ends with the server; nothing may come before.
	if err := c.Ask([]string{"status"}, func(json.RawMessage) error { return nil }); err == nil {
		for c.Ask([]string{"status"}, func(json.RawMessage) error { return nil }) == nil {
			time.Sleep(time.Millisecond)
		}
	}
}

// What keeps the child from serving is said by the parent, with its exit code.
func TestBackgroundFails(t *testing.T) {
	p := program(t)
	p.Env = append(p.Env, "NOTIFY_SOCKET=", "WATCHDOG_USEC=")
	put(t, filepath.Join(p.dir, "store"), "a file, not a directory")
	put(t, filepath.Join(p.dir, "store.tandem"), "nor is this")
	p.begin()
	err := p.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitFailed || !strings.Contains(p.said.String(), "store.tandem") {
		t.Errorf("%v", err)
	}
}
