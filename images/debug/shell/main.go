// Shell is /init of the debug image. It hands over to the real init at once and
// leaves a process behind that offers u-root's shell on every terminal that the
// operator's console does not use: the second screen (Alt-F2), the second
// serial line, a virtual console.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

const (
	realInit = "/sbin/init"
	gosh     = "/bbin/gosh"
	helper   = "debug-shells"
)

// terminals that get a shell once they exist.
var terminals = []string{"/dev/tty2", "/dev/ttyS1", "/dev/ttyAMA1", "/dev/hvc0"}

func main() {
	if os.Args[0] == helper {
		for _, t := range terminals[1:] {
			go serve(t)
		}
		serve(terminals[0])
	}
	fmt.Println("THIS IS A DEBUG IMAGE: it has a shell without a password and is not for a network.")
	files := []*os.File{os.Stdin, os.Stdout, os.Stderr}
	if _, err := os.StartProcess("/init", []string{helper}, &os.ProcAttr{Files: files, Env: os.Environ()}); err != nil {
		fmt.Println("no shells:", err)
	}
	err := syscall.Exec(realInit, []string{realInit}, os.Environ())
	fmt.Println(realInit+":", err)
	os.Exit(1)
}

// serve runs one shell after the other on a terminal, for ever.
func serve(name string) {
	for ; ; time.Sleep(time.Second) {
		t, err := os.OpenFile(name, os.O_RDWR|syscall.O_NOCTTY, 0)
		if err != nil {
			continue // not there, or not yet
		}
		fmt.Fprintf(t, "\r\nDEBUG IMAGE, %s: tools are in /bbin\r\n", name)
		sh := exec.Command(gosh)
		sh.Stdin, sh.Stdout, sh.Stderr = t, t, t
		sh.Env = []string{"PATH=/bbin:/bin:/sbin", "HOME=/", "TERM=linux"}
		sh.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		_ = sh.Run() // it ended: the next one follows
		t.Close()
	}
}
