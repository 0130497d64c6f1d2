// Package supervise starts the services of a box, restarts them with a bounded
// back-off, listens to what they say on the notify socket (the protocol of
// systemd's sd_notify), and knows whether they prove that they work: only then
// is the hardware watchdog fed.
package supervise

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Service is one program to keep running.
type Service struct {
	Name string
	Path string
	Args []string // without the program's name
	Env  []string
	// UID, GID and Caps are the rights of the process: zero ids mean root.
	// Caps are kept as ambient capabilities (capability numbers).
	UID, GID uint32
	Caps     []uintptr
	// Beat is how often the service must say WATCHDOG=1; zero if it need not.
	Beat time.Duration
	// ReadyIn bounds the time from start to READY=1; zero if it says no READY.
	ReadyIn time.Duration
	// StopIn is how long SIGTERM may take before SIGKILL; default 10 s.
	StopIn time.Duration
}

// Phase is where a service is in its life.
type Phase string

// Phases.
const (
	Stopped  Phase = "stopped"
	Starting Phase = "starting" // runs, but has not said READY yet
	Ready    Phase = "ready"
	Stopping Phase = "stopping"
	Waiting  Phase = "waiting" // ended by itself, starts again after a pause
)

// Exit is how a run ended.
type Exit struct {
	At   time.Time     `json:"at"`
	Ran  time.Duration `json:"ran"`
	Text string        `json:"text"` // "exit status 1", "killed by SIGSEGV"
}

// keptExits is how many ends of a service are remembered.
const keptExits = 8

// Status is what is known of a service now.
type Status struct {
	Name     string        `json:"name"`
	Phase    Phase         `json:"phase"`
	PID      int           `json:"pid,omitempty"`
	Since    time.Time     `json:"since"`
	Text     string        `json:"text"` // its last STATUS=
	Restarts int           `json:"restarts"`
	Exits    []Exit        `json:"exits"` // the latest last
	BeatAge  time.Duration `json:"beatAge,omitempty"`
}

// The pause before a service is started again doubles from first to last with
// every quick end, and starts over after a run of steady.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 30 * time.Second
	steady     = time.Minute
)

// pause gives the wait before the next start after a run that lasted ran.
func pause(previous, ran time.Duration) time.Duration {
	if ran >= steady || previous == 0 {
		return firstPause
	}
	return min(2*previous, lastPause)
}

// start makes the process. Its output goes to out.
func (s *Service) start(notify string, out *os.File) (*os.Process, error) {
	env := append([]string{"NOTIFY_SOCKET=" + notify, "PATH=/bin"}, s.Env...)
	if s.Beat > 0 {
		env = append(env, fmt.Sprintf("WATCHDOG_USEC=%d", s.Beat.Microseconds()))
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	attr := &os.ProcAttr{
		Env:   env,
		Files: []*os.File{null, out, out},
		Sys:   &syscall.SysProcAttr{Setsid: true, AmbientCaps: s.Caps},
	}
	if s.UID != 0 || s.GID != 0 {
		attr.Sys.Credential = &syscall.Credential{Uid: s.UID, Gid: s.GID}
	}
	return withoutNewRights(func() (*os.Process, error) {
		return os.StartProcess(s.Path, append([]string{s.Path}, s.Args...), attr)
	})
}

// withoutNewRights starts a process that can never get more rights than it
// begins with (PR_SET_NO_NEW_PRIVS of prctl(2)). That is a thread's property,
// which the process inherits; the thread ends with the call.
func withoutNewRights(start func() (*os.Process, error)) (p *os.Process, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: nobody else gets this thread
		if err = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err == nil {
			p, err = start()
		}
	}()
	<-done
	return p, err
}

// describe says how a process ended.
func describe(ws syscall.WaitStatus) string {
	switch {
	case ws.Signaled():
		return "killed by " + signalName(ws.Signal())
	case ws.Exited():
		return fmt.Sprintf("exit status %d", ws.ExitStatus())
	}
	return fmt.Sprintf("wait status %#x", uint32(ws))
}
