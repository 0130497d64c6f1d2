package images

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"tandem/images/initramfs"
	"tandem/images/layout"
)

// Tools are what a debug image has beside the ordinary one.
type Tools struct {
	archive string // cpio with u-root's commands below bbin
	shell   string // program that starts shells and then the real init
}

// realInit is where init lies in a debug image.
const realInit = "/sbin/init"

var command = regexp.MustCompile(`github\.com/u-root/u-root/cmds/[a-z0-9/]+`)

// DebugTools builds u-root's shell and commands out of the module in dir
// (images/debug) into the directory work. It takes a minute the first time.
func DebugTools(ctx context.Context, dir, arch, work string) (*Tools, error) {
	list, err := os.ReadFile(filepath.Join(dir, "commands.go"))
	if err != nil {
		return nil, fmt.Errorf("debug tools: %w", err)
	}
	if work, err = filepath.Abs(work); err != nil {
		return nil, err
	}
	t := &Tools{archive: filepath.Join(work, "debug.cpio"), shell: filepath.Join(work, "debug-shell")}
	uroot := append([]string{"tool", "u-root", "-build=bb", "-base=/dev/null", "-initcmd=", "-defaultsh=", "-o", t.archive},
		command.FindAllString(string(list), -1)...)
	shell := []string{"build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid=", "-o", t.shell, "./shell"}
	for _, args := range [][]string{uroot, shell} {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOFLAGS=")
		if said, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("debug tools: go %s: %w: %s", args[0], err, bytes.TrimSpace(said))
		}
	}
	return t, nil
}

// files returns the tools as entries of the RAM disk.
func (t *Tools) files() ([]initramfs.File, error) {
	f, err := os.Open(t.archive)
	if err != nil {
		return nil, fmt.Errorf("debug tools: %w", err)
	}
	defer f.Close()
	shell, err := os.ReadFile(t.shell)
	if err != nil {
		return nil, fmt.Errorf("debug tools: %w", err)
	}
	list := []initramfs.File{
		{Path: layout.Init, Mode: 0o755, Data: shell},
		{Path: layout.DebugMarker, Mode: 0o644, Data: []byte("This image has a shell. It is for the workbench, not for a network.\n")},
	}
	commands, err := initramfs.Read(f)
	if err != nil {
		return nil, fmt.Errorf("debug tools: %w", err)
	}
	for _, c := range commands {
		if strings.HasPrefix(c.Path, "/bbin/") {
			list = append(list, c)
		}
	}
	return list, nil
}
