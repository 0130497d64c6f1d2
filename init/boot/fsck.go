package boot

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"tandem/images/layout"
)

// Exit codes of e2fsck(8); they are a bit mask.
const (
	fsckCorrected = 1
	fsckReboot    = 2
)

// Health is what a check of the data file system found.
type Health struct {
	// Repaired tells that something was wrong and is right now.
	Repaired bool
	// Lost tells that nothing could be saved and an empty file system was put
	// in its place: every promise this box made is forgotten (rule R4).
	Lost   bool
	Detail string
}

// CheckData checks and repairs the file system of the data partition before it
// is mounted. Errors of the disk itself are errors here: a disk that cannot be
// read is not overwritten.
func CheckData(ctx context.Context, device string) (Health, error) {
	if raw, err := os.ReadFile(filepath.Join("/sys/class/block", device, "ro")); err == nil && strings.TrimSpace(string(raw)) == "1" {
		return Health{}, fmt.Errorf("the disk of %s is write-protected; open its lock, or replace it", device)
	}
	dev := filepath.Join("/dev", device)
	code, out, err := fsck(ctx, "-p", dev)
	if err != nil {
		return Health{}, err
	}
	if code&^(fsckCorrected|fsckReboot) == 0 {
		return Health{Repaired: code&fsckCorrected != 0, Detail: out}, nil
	}
	// What -p does not dare to do alone is done now: nobody is here to ask.
	code, out, err = fsck(ctx, "-y", dev)
	switch {
	case err != nil:
		return Health{}, err
	case code&^(fsckCorrected|fsckReboot) == 0:
		return Health{Repaired: true, Detail: out}, nil
	}
	if err := readable(dev); err != nil {
		return Health{}, fmt.Errorf("the data disk cannot be read: %w; replace the disk", err)
	}
	if err := putEmpty(dev); err != nil {
		return Health{}, err
	}
	return Health{Lost: true, Detail: out}, nil
}

func fsck(ctx context.Context, how, dev string) (code int, out string, err error) {
	cmd := exec.CommandContext(ctx, layout.Fsck, how, dev)
	var buf bytes.Buffer
	cmd.Stdout, cmd.Stderr = &buf, &buf
	err = cmd.Run()
	text := strings.Join(strings.Fields(buf.String()), " ")
	if len(text) > 200 {
		text = text[:200] + " ..."
	}
	if cmd.ProcessState == nil {
		return 0, "", fmt.Errorf("file system check: %w", err)
	}
	return cmd.ProcessState.ExitCode(), text, nil
}

// readable reads the begin of the device, where every damaged file system that
// is not a damaged disk can still be read.
func readable(dev string) error {
	f, err := os.Open(dev)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyN(io.Discard, f, 1<<20)
	return err
}

// putEmpty writes the image's empty file system onto the device.
func putEmpty(dev string) error {
	packed, err := os.Open(layout.EmptyData)
	if err != nil {
		return err
	}
	defer packed.Close()
	z, err := gzip.NewReader(packed)
	if err != nil {
		return fmt.Errorf("%s: %w", layout.EmptyData, err)
	}
	f, err := os.OpenFile(dev, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(f, z); err != nil {
		return fmt.Errorf("write an empty file system to %s: %w", dev, err)
	}
	return f.Sync()
}
