// Package netlab makes small networks out of Linux namespaces and runs real
// programs in them: bridges are LANs, network namespaces are machines, veth
// pairs are cables.
//
// The whole laboratory lives in private user (if not root), mount, PID and
// network namespaces that Enter makes. Its first process is the test or the
// program itself, so that the kernel ends every program and takes down every
// network when that process ends, however it ends: nothing can be left over.
package netlab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// dirEnv names the variable by which the inner process knows the directory
// that the outer one prepared, and that it is the inner one.
const dirEnv = "TANDEM_LAB_DIR"

// Dir is the directory that the prepare function of Enter filled.
func Dir() string { return os.Getenv(dirEnv) }

// Enter starts this very program again inside private namespaces. It returns
// only in that inner process, with the private mounts in place; the outer one
// waits and exits with the inner one's code. prepare runs in the outer
// process, which still has the machine's network, and may put files (built
// programs) into dir.
func Enter(prepare func(dir string) error) error {
	if os.Getpid() == 1 && Dir() != "" {
		return furnish()
	}
	dir, err := os.MkdirTemp("", fmt.Sprintf("tandem-lab-%d-", os.Getpid()))
	if err != nil {
		return err
	}
	if err := prepare(dir); err != nil {
		os.RemoveAll(dir)
		return err
	}
	makeRoom(os.Stderr)
	code, err := runInner(dir)
	os.RemoveAll(dir)
	if err != nil {
		return fmt.Errorf("cannot make private namespaces: %w; run as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1)", err)
	}
	os.Exit(code)
	return nil
}

func runInner(dir string) (code int, err error) {
	// The death signal is tied to the thread that starts the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), dirEnv+"="+dir)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	// The inner process shares our terminal and gets its own interrupt; it
	// decides what that means. (Ignoring it would be inherited.)
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if code = exit.ExitCode(); code < 0 {
			code = 1 // ended by a signal
		}
		return code, nil
	}
	return 0, err
}

// furnish gives the inner process its own /proc and an empty /run, where the
// names of network namespaces live.
func furnish() error {
	mounts := []struct {
		source, target, kind string
		flags                uintptr
	}{
		{"none", "/", "", unix.MS_REC | unix.MS_PRIVATE},
		{"proc", "/proc", "proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC},
		{"tmpfs", "/run", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV},
	}
	for _, m := range mounts {
		if err := unix.Mount(m.source, m.target, m.kind, m.flags, ""); err != nil {
			return fmt.Errorf("mount %s on %s: %w", m.kind, m.target, err)
		}
	}
	for _, d := range []string{"/run/netns", "/run/lock", "/run/kea"} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// OneUser tells that the laboratory knows no other user than its own root: it
// was entered without root. Programs that change their user cannot run then.
func OneUser() bool {
	b, err := os.ReadFile("/proc/self/uid_map")
	var inside, outside, size int
	if err == nil {
		_, err = fmt.Sscan(string(b), &inside, &outside, &size)
	}
	return err == nil && size == 1
}
