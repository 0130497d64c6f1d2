package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Files are bounded log files in a directory: "log" grows to Size octets, then
// becomes "log.1", that "log.2" and so on; Count of them are kept in all.
type Files struct {
	Dir   string
	Size  int64
	Count int

	out   *os.File
	size  int64
	retry time.Time
}

// Limits of the files on a box: together they fit into a small data partition.
const (
	FileSize  = 1 << 20
	FileCount = 4
	retryDisk = 30 * time.Second
)

// ToFiles begins to write the journal to files in dir.
func (j *Journal) ToFiles(dir string) {
	f := &Files{Dir: dir, Size: FileSize, Count: FileCount}
	j.attach(func(l Line) { f.Write(l, time.Now()) }, f.Close)
}

// Write appends a line. A disk that fails is left alone for a while: the log
// is not worth the box's life.
func (f *Files) Write(l Line, now time.Time) {
	if now.Before(f.retry) {
		return
	}
	if err := f.write(l.String() + "\n"); err != nil {
		f.Close()
		f.retry = now.Add(retryDisk)
	}
}

// Close closes the file that is open.
func (f *Files) Close() {
	if f.out != nil {
		f.out.Close()
		f.out = nil
	}
}

func (f *Files) write(text string) error {
	if f.out == nil {
		if err := f.open(); err != nil {
			return err
		}
	}
	if f.size+int64(len(text)) > f.Size {
		if err := f.rotate(); err != nil {
			return err
		}
	}
	n, err := f.out.WriteString(text)
	f.size += int64(n)
	return err
}

func (f *Files) name(i int) string {
	if i == 0 {
		return filepath.Join(f.Dir, "log")
	}
	return filepath.Join(f.Dir, fmt.Sprint("log.", i))
}

func (f *Files) open() error {
	if err := os.MkdirAll(f.Dir, 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(f.name(0), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	info, err := out.Stat()
	if err != nil {
		out.Close()
		return err
	}
	f.out, f.size = out, info.Size()
	return nil
}

func (f *Files) rotate() error {
	f.Close()
	for i := f.Count - 1; i > 0; i-- {
		if err := os.Rename(f.name(i-1), f.name(i)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return f.open()
}
