package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"tandem/images/layout"
)

// An image for the workbench lets the console break the box in ways that it
// must get over. In every other image these words mean nothing.
const mischiefs = "freeze dhcpfd, stick dhcpfd, hang disk, freeze init, spoil disk"

// debugImage tells whether this image is one for the workbench.
func debugImage() bool {
	_, err := os.Stat(layout.DebugMarker)
	return err == nil
}

// mischief does one of mischiefs; known is false if the line names none.
func (b *box) mischief(line string) (known bool) {
	var err error
	switch line {
	case "freeze dhcpfd": // the whole process
		err = syscall.Kill(b.servicePID(), syscall.SIGSTOP)
	case "stick dhcpfd": // only the thread of its loop
		err = startHolder(b.servicePID(), holdLoop)
	case "freeze init":
		err = startHolder(os.Getpid(), holdAll)
	case "hang disk":
		err = freezeFiles(dataDir)
	case "spoil disk": // the file system finds an error
		err = os.WriteFile("/sys/fs/ext4/"+b.data.Device+"/trigger_fs_error", []byte("from the console\n"), 0)
	default:
		return false
	}
	b.log("workbench: %s: %v", line, err)
	return true
}

func (b *box) servicePID() int {
	if pid := b.engine().PID; pid != 0 {
		return pid
	}
	return -1 << 30 // no such process
}

// fiFreeze is FIFREEZE of linux/fs.h: writers of the file system wait.
const fiFreeze = 0xc0045877

func freezeFiles(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return unix.IoctlSetInt(int(d.Fd()), fiFreeze, 0)
}

// The holder is this program started again: it stops threads of another
// process as a debugger does, and never lets them go. SIGSTOP would not stop
// PID 1, nor one thread alone.
const (
	holdWord = "hold"
	holdAll  = "all"  // every thread
	holdLoop = "loop" // the one that waits for the sockets of dhcpfd's loop
)

func startHolder(pid int, what string) error {
	p, err := os.StartProcess(layout.Init, []string{layout.Init, holdWord, strconv.Itoa(pid), what},
		&os.ProcAttr{Files: []*os.File{nil, os.Stdout, os.Stderr}})
	if err != nil {
		return err
	}
	return p.Release()
}

// hold is the holder's life.
func hold(args []string) error {
	if len(args) != 2 || !debugImage() {
		return fmt.Errorf("%s: not here", holdWord)
	}
	runtime.LockOSThread() // the kernel knows the holder by its thread
	held := map[int]bool{}
	for tries := 0; tries < holdTries; tries++ {
		for _, tid := range threads(args[0], args[1]) {
			if held[tid] {
				continue
			}
			if err := unix.PtraceSeize(tid); err != nil {
				return fmt.Errorf("hold thread %d: %w", tid, err)
			}
			if err := unix.PtraceInterrupt(tid); err != nil {
				return fmt.Errorf("hold thread %d: %w", tid, err)
			}
			held[tid] = true
		}
		if len(held) > 0 && args[1] == holdLoop {
			break
		}
		time.Sleep(time.Millisecond)
	}
	fmt.Printf("workbench: %d threads of process %s are held\n", len(held), args[0])
	for {
		time.Sleep(time.Hour)
	}
}

// holdTries is how often the holder looks: for threads that came meanwhile,
// or for the one of the loop while it does not wait.
const holdTries = 1000

// threads lists the threads of a process that are meant.
func threads(pid, what string) (list []int) {
	dirs, _ := filepath.Glob(filepath.Join("/proc", pid, "task/*"))
	for _, d := range dirs {
		if tid, err := strconv.Atoi(filepath.Base(d)); err == nil && (what == holdAll || waitsForEvents(d)) {
			list = append(list, tid)
		}
	}
	return list
}

// loopEvents is how many events dhcpfd's loop asks for at once; Go's runtime,
// which waits by the same system call, asks for more.
const loopEvents = "0x20"

// waitsForEvents reads what system call a thread is in: its number, then its
// arguments (proc(5)).
func waitsForEvents(task string) bool {
	raw, err := os.ReadFile(filepath.Join(task, "syscall"))
	fields := strings.Fields(string(raw))
	return err == nil && len(fields) > 3 && fields[0] == strconv.Itoa(unix.SYS_EPOLL_PWAIT) && fields[3] == loopEvents
}
