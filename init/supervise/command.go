package supervise

import (
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// Run runs a program to its end, or kills it after limit, copies what it says
// to out and gives its exit code. PID 1 cannot use os/exec beside a Reaper,
// which takes the end of every child.
func (r *Reaper) Run(path string, args []string, out io.Writer, limit time.Duration) (code int, err error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	pr, pw, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer pr.Close()
	p, err := os.StartProcess(path, append([]string{path}, args...), &os.ProcAttr{
		Env: []string{"PATH=/bin"}, Files: []*os.File{null, pw, pw}, Sys: &syscall.SysProcAttr{Setsid: true}})
	pw.Close()
	if err != nil {
		return 0, err
	}
	late := time.AfterFunc(limit, func() { _ = p.Kill() })
	defer late.Stop()
	_, err = io.Copy(out, pr)
	ws := <-r.Wait(p.Pid)
	if ws.Signaled() {
		return 0, fmt.Errorf("%s: %s", path, describe(ws))
	}
	return ws.ExitStatus(), err
}
