package netlab

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hangEnv makes this test binary a laboratory that never ends.
const hangEnv = "NETLAB_TEST_HANG"

func TestMain(m *testing.M) {
	if err := Enter(func(string) error { return nil }); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if os.Getenv(hangEnv) != "" {
		hang()
	}
	os.Exit(m.Run())
}

// hang starts a program that would outlive it, and waits for ever.
func hang() {
	cmd := exec.Command("sleep", "1000")
	cmd.Stdout = os.Stdout
	if err := cmd.Start(); err != nil {
		os.Exit(1)
	}
	fmt.Println("hanging")
	select {}
}

// A laboratory whose first process is killed leaves nothing behind.
func TestKilledLaboratoryLeavesNothing(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), hangEnv+"=1", dirEnv+"=")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if err := r.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	if n, err := r.Read(buf); err != nil || string(buf[:n]) != "hanging\n" {
		t.Fatalf("%q, %v", buf[:n], err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	// The pipe ends when the last process that has it has ended.
	if _, err := r.Read(buf); err != io.EOF {
		t.Errorf("somebody lives: %v", err)
	}
}

const patience = 20 * time.Second

func network(t *testing.T) *Net {
	t.Helper()
	n, err := New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func node(t *testing.T, n *Net, name string) *Node {
	t.Helper()
	one, err := n.Node(name)
	if err != nil {
		t.Fatal(err)
	}
	return one
}

// Machines on one LAN reach each other, those on another do not.
func TestLANsAreApart(t *testing.T) {
	n := network(t)
	a, b, c := node(t, n, "a"), node(t, n, "b"), node(t, n, "c")
	for i, lan := range []string{"one", "two"} {
		l, err := n.LAN(lan)
		if err != nil {
			t.Fatal(err)
		}
		on := [][]*Node{{a, b}, {c}}[i]
		for _, one := range on {
			if err := one.Plug(l, "eth0", "10.0.0."+map[string]string{"a": "1", "b": "2", "c": "3"}[one.Name]+"/24"); err != nil {
				t.Fatal(err)
			}
		}
	}
	reach := func(addr string) error {
		return a.Do(func() error {
			fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
			if err != nil {
				return err
			}
			defer syscall.Close(fd)
			// A machine that is there refuses the connection; one that is not
			// cannot be reached.
			ms := syscall.Timeval{Sec: 4}
			_ = syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_SNDTIMEO, &ms)
			ip := [4]byte{10, 0, 0, addr[len(addr)-1] - '0'}
			return syscall.Connect(fd, &syscall.SockaddrInet4{Port: 9, Addr: ip})
		})
	}
	if err := reach("10.0.0.2"); err != syscall.ECONNREFUSED {
		t.Errorf("the neighbour: %v", err)
	}
	if err := reach("10.0.0.3"); err == syscall.ECONNREFUSED || err == nil {
		t.Errorf("the other LAN: %v", err)
	}
}

func TestProgram(t *testing.T) {
	n := network(t)
	a := node(t, n, "a")
	p, err := a.Start(Command{Args: []string{"sh", "-c", `echo "ready $NUMBER"; read x; echo never`}, Env: []string{"NUMBER=7"}})
	if err != nil {
		t.Fatal(err)
	}
	// Its standard input is empty: it goes on to the end by itself.
	m, err := p.Await(0, regexp.MustCompile(`ready (\d)`), patience)
	if err != nil || m[1] != "7" {
		t.Fatal(m, err)
	}
	if code, err := p.Wait(patience); code != 0 || err != nil {
		t.Errorf("code %d, %v", code, err)
	}
	if got := len(p.Find(0, regexp.MustCompile(`never`))); got != 1 {
		t.Errorf("the last line came %d times", got)
	}
	if _, err := p.Await(p.Mark(), regexp.MustCompile(`ready`), patience); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("waiting for an ended program: %v", err)
	}
}

func TestExitCodeAndKill(t *testing.T) {
	n := network(t)
	a := node(t, n, "a")
	p, err := a.Start(Command{Args: []string{"sh", "-c", "exit 3"}})
	if err != nil {
		t.Fatal(err)
	}
	if code, err := p.Wait(patience); code != 3 || err != nil {
		t.Errorf("code %d, %v", code, err)
	}
	p, err = a.Start(Command{Args: []string{"sh", "-c", "sleep 1000 & wait"}})
	if err != nil {
		t.Fatal(err)
	}
	p.Kill()
	if p.Alive() {
		t.Error("it lives")
	}
}

// A program sees its machine's links and empty directories of its own.
func TestPrivateDirectories(t *testing.T) {
	n := network(t)
	a := node(t, n, "a")
	l, err := n.LAN("lan")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Plug(l, "wire7"); err != nil {
		t.Fatal(err)
	}
	p, err := a.Start(Command{
		Args:    []string{"sh", "-c", "ls /sys/class/net /run; echo x >/run/mine"},
		Private: []string{"/sys", "/run"}, Setup: "mkdir /run/prepared",
	})
	if err != nil {
		t.Fatal(err)
	}
	if code, err := p.Wait(patience); code != 0 || err != nil {
		t.Fatal(code, err, p.Tail(10))
	}
	for _, want := range []string{"wire7", "prepared"} {
		if len(p.Find(0, regexp.MustCompile("^"+want+"$"))) != 1 {
			t.Errorf("no %s in\n%s", want, p.Tail(10))
		}
	}
	if _, err := os.Stat("/run/mine"); err == nil {
		t.Error("the private directory is not private")
	}
}

func TestLogFile(t *testing.T) {
	n := network(t)
	a := node(t, n, "a")
	file := filepath.Join(n.Dir, "log")
	p, err := a.Start(Command{Args: []string{"sh", "-c", "echo one; echo two; exec sleep 1000"}, LogFile: file})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Await(0, regexp.MustCompile("two"), patience); err != nil {
		t.Fatal(err)
	}
	p.Kill()
	b, err := os.ReadFile(file)
	if err != nil || string(b) != "one\ntwo\n" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestUsage(t *testing.T) {
	n := network(t)
	a := node(t, n, "a")
	p, err := a.Start(Command{Args: []string{"sh", "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo done; sleep 1000 & wait"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Await(0, regexp.MustCompile("done"), patience); err != nil {
		t.Fatal(err)
	}
	if cpu, err := p.CPU(); err != nil || cpu < tick || cpu > patience {
		t.Errorf("%v, %v", cpu, err)
	}
	if octets, err := p.Resident(); err != nil || octets < 100_000 || octets > 100_000_000 {
		t.Errorf("%d octets, %v", octets, err)
	}
}

func TestRunSaysWhatFailed(t *testing.T) {
	n := network(t)
	a := node(t, n, "a")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if out, err := a.Run(ctx, "echo", "hello"); err != nil || out != "hello\n" {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := a.Run(ctx, "sh", "-c", "echo broken; exit 1"); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("%v", err)
	}
	if err := a.IP("link set nowhere up"); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("%v", err)
	}
}
