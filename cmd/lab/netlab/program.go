package netlab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// maxLines bounds what is kept of a program's output.
	maxLines = 500_000
	// lastWords bounds the wait for output after the end of a program.
	lastWords = time.Second
	// followPause is between two looks at a log file.
	followPause = 10 * time.Millisecond
)

// Command says what to run.
type Command struct {
	Args []string
	Env  []string // added to the environment
	// Private lists directories of which the program sees an empty one of its
	// own, for programs whose paths are built in. "/sys" is special: there the
	// program sees its machine's links, read-only.
	Private []string
	// Setup is a piece of shell that fills the private directories.
	Setup string
	// Echo gets each line of output as it comes; may be nil.
	Echo func(line string)
	// LogFile takes the output instead of a pipe: a program that logs much is
	// then not slowed by its reader.
	LogFile string
}

// Program is a running or ended program and what it wrote.
type Program struct {
	Name string
	cmd  *exec.Cmd

	mu      sync.Mutex
	lines   []Line
	dropped int
	changed chan struct{} // closed and replaced when lines or ended change
	ended   bool
	last    bool // nothing more is to be read from the log file
}

// Line is one line of output and when it came.
type Line struct {
	At   time.Time
	Text string
}

// Start starts a program in the machine. Standard output and standard error
// are captured together.
func (node *Node) Start(c Command) (*Program, error) {
	args := c.Args
	if len(c.Private) > 0 {
		args = privately(c.Private, c.Setup, args)
	}
	p := &Program{Name: c.Args[0], cmd: exec.Command(args[0], args[1:]...), changed: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), c.Env...)
	p.cmd.Dir = node.net.Dir
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r, w, err := output(c.LogFile)
	if err != nil {
		return nil, err
	}
	p.cmd.Stdout, p.cmd.Stderr = w, w
	err = node.Do(p.cmd.Start)
	w.Close()
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("%s on %s: %w", c.Args[0], node.Name, err)
	}
	node.net.programs = append(node.net.programs, p)
	captured := make(chan struct{})
	go func() {
		defer close(captured)
		if c.LogFile != "" {
			p.follow(r)
		} else {
			p.capture(r, c.Echo)
		}
	}()
	go p.reap(captured)
	return p, nil
}

// privately wraps args so that empty directories cover the named ones.
func privately(dirs []string, setup string, args []string) []string {
	var script strings.Builder
	script.WriteString("set -e\n")
	for _, d := range dirs {
		kind := "tmpfs"
		if d == "/sys" {
			kind = "sysfs -o ro"
		}
		fmt.Fprintf(&script, "mount -t %s none %s\n", kind, d)
	}
	script.WriteString(setup + "\n" + `exec "$@"`)
	return append([]string{"unshare", "--mount", "--propagation", "private", "sh", "-c", script.String(), "sh"}, args...)
}

// output opens both ends of where a program writes to.
func output(logFile string) (r, w *os.File, err error) {
	if logFile == "" {
		return os.Pipe()
	}
	if w, err = os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND|os.O_TRUNC, 0o644); err != nil {
		return nil, nil, err
	}
	if r, err = os.Open(logFile); err != nil {
		w.Close()
	}
	return r, w, err
}

// follow reads a growing log file for as long as somebody may care: until
// Mute, or the end of the program.
func (p *Program) follow(r io.ReadCloser) {
	defer r.Close()
	in, line := bufio.NewReader(r), ""
	for {
		part, err := in.ReadString('\n')
		line += part
		if err == nil {
			text := strings.TrimSuffix(line, "\n")
			p.update(func() { p.lines = append(p.lines, Line{time.Now(), text}) })
			line = ""
			continue
		}
		p.mu.Lock()
		last := p.last
		p.mu.Unlock()
		if last {
			return
		}
		time.Sleep(followPause)
	}
}

// Mute ends the reading of a log file: no more lines come.
func (p *Program) Mute() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = true
}

func (p *Program) capture(r io.ReadCloser, echo func(string)) {
	defer r.Close()
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		if echo != nil {
			echo(s.Text())
		}
		p.update(func() {
			if len(p.lines) < maxLines {
				p.lines = append(p.lines, Line{time.Now(), s.Text()})
			} else {
				p.dropped++
			}
		})
	}
}

// reap tells of the end only after the last words, unless a child of the
// program keeps the pipe open.
func (p *Program) reap(captured <-chan struct{}) {
	_ = p.cmd.Wait() // ProcessState tells all
	p.Mute()
	select {
	case <-captured:
	case <-time.After(lastWords):
	}
	p.update(func() { p.ended = true })
}

func (p *Program) update(fn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fn()
	close(p.changed)
	p.changed = make(chan struct{})
}

// PID is the process.
func (p *Program) PID() int { return p.cmd.Process.Pid }

// Mark is a place in the output: everything that came before it.
func (p *Program) Mark() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.lines)
}

// Lines is the output after the mark.
func (p *Program) Lines(mark int) []Line {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.lines[mark:])
}

// Find gives the lines after the mark that match.
func (p *Program) Find(mark int, re *regexp.Regexp) []Line {
	return slices.DeleteFunc(p.Lines(mark), func(l Line) bool { return !re.MatchString(l.Text) })
}

// Await waits until a line after the mark matches, and gives its submatches.
// The error shows the end of the output.
func (p *Program) Await(mark int, re *regexp.Regexp, patience time.Duration) ([]string, error) {
	var found []string
	err := p.until(patience, func() bool {
		for ; mark < len(p.lines); mark++ {
			if found = re.FindStringSubmatch(p.lines[mark].Text); found != nil {
				return true
			}
		}
		return false
	})
	if err != nil {
		return nil, fmt.Errorf("%s: no line matches %q: %w\n%s", p.Name, re, err, p.Tail(30))
	}
	return found, nil
}

// until waits until done, called with the lock held, is true.
func (p *Program) until(patience time.Duration, done func() bool) error {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		p.mu.Lock()
		ok, ended, changed := done(), p.ended, p.changed
		p.mu.Unlock()
		if ok {
			return nil
		}
		if ended {
			return errors.New("it has ended")
		}
		select {
		case <-changed:
		case <-limit.C:
			return fmt.Errorf("waited %v", patience)
		}
	}
}

// Tail is the last n lines of output.
func (p *Program) Tail(n int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	for _, l := range p.lines[max(0, len(p.lines)-n):] {
		fmt.Fprintf(&b, "  | %s\n", l.Text)
	}
	return b.String()
}

// Signal sends a signal to the process.
func (p *Program) Signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }

// Wait waits for the end and gives the exit code.
func (p *Program) Wait(patience time.Duration) (code int, err error) {
	if err := p.until(patience, func() bool { return p.ended }); err != nil {
		return -1, fmt.Errorf("%s still runs: %w\n%s", p.Name, err, p.Tail(30))
	}
	return p.cmd.ProcessState.ExitCode(), nil
}

// Alive tells whether the process has not ended.
func (p *Program) Alive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.ended
}

// Kill ends the process and those that it started at once (SIGKILL), and
// waits until it is gone.
func (p *Program) Kill() {
	// Its process group: helpers and hook scripts go with it.
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	_ = p.until(10*time.Second, func() bool { return p.ended })
}

// Run runs a program in the machine to its end and gives its output. The
// error, if any, says what it wrote.
func (node *Node) Run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = node.net.Dir
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := node.Do(cmd.Start); err != nil {
		return "", err
	}
	if err := cmd.Wait(); err != nil {
		return out.String(), fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out.String())
	}
	return out.String(), nil
}
