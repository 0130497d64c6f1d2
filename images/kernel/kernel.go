// Package kernel takes what an image needs out of Debian's kernel package: the
// kernel, chosen modules, device trees. The package is never installed; its
// files are unchanged, so the modules keep Debian's signatures.
//
// A package is read once; what it holds is kept in a cache directory:
//
//	<cache>/<sha256 of the .deb>/
//	    kernel.json     release, modules' facts, what is built in
//	    vmlinuz, *.dtb
//	    ko/NAME.ko      modules that were asked for so far, not compressed
package kernel

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"tandem/images/modules"
)

// maxFile bounds what is read of one file of a package.
const maxFile = 256 << 20

// Kernel is one kernel package, opened.
type Kernel struct {
	Release string                  // as uname -r says
	Modules map[string]modules.Info // every module of the package
	Builtin map[string]bool

	deb, dir string
}

// Open reads a kernel package, or what an earlier Open left in the cache. sum
// is the SHA-256 of the .deb, which names its place there.
func Open(ctx context.Context, deb, sum, cache string) (*Kernel, error) {
	dir := filepath.Join(cache, sum)
	k := &Kernel{deb: deb, dir: dir}
	data, err := os.ReadFile(filepath.Join(dir, "kernel.json"))
	if err == nil && json.Unmarshal(data, k) == nil {
		return k, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, fmt.Errorf("kernel cache: %w", err)
	}
	work, err := os.MkdirTemp(cache, "unpack-")
	if err != nil {
		return nil, fmt.Errorf("kernel cache: %w", err)
	}
	defer os.RemoveAll(work)
	if err := k.unpack(ctx, work); err != nil {
		return nil, fmt.Errorf("kernel package %s: %w", deb, err)
	}
	if err := os.RemoveAll(dir); err != nil { // an unreadable older one
		return nil, fmt.Errorf("kernel cache: %w", err)
	}
	if err := os.Rename(work, dir); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("kernel cache: %w", err)
	}
	return k, nil
}

// unpack reads the whole package and keeps everything but the modules' code.
func (k *Kernel) unpack(ctx context.Context, dir string) error {
	k.Modules, k.Builtin = map[string]modules.Info{}, map[string]bool{}
	err := eachFile(ctx, k.deb, func(name string, r io.Reader) error {
		base := path.Base(name)
		switch {
		case strings.HasPrefix(base, "vmlinuz-"):
			k.Release = strings.TrimPrefix(base, "vmlinuz-")
			return write(filepath.Join(dir, "vmlinuz"), r)
		case base == "modules.builtin":
			return k.readBuiltin(r)
		case strings.HasSuffix(base, ".dtb") && strings.Contains(name, "/broadcom/"):
			return write(filepath.Join(dir, base), r)
		case isModule(base):
			code, err := plain(ctx, base, r)
			if err != nil {
				return err
			}
			info, err := modules.ReadInfo(stem(base), bytes.NewReader(code))
			k.Modules[info.Name] = info
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	if k.Release == "" || len(k.Modules) == 0 {
		return errors.New("holds no kernel")
	}
	data, err := json.Marshal(k)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "kernel.json"), data, 0o644)
}

func (k *Kernel) readBuiltin(r io.Reader) error {
	list, err := io.ReadAll(io.LimitReader(r, maxFile))
	for _, name := range strings.Fields(string(list)) {
		k.Builtin[modules.Canonical(path.Base(name))] = true
	}
	return err
}

// File returns the path of the kernel ("vmlinuz") or a device tree
// ("bcm2711-rpi-4-b.dtb").
func (k *Kernel) File(name string) (string, error) {
	p := filepath.Join(k.dir, filepath.Base(name))
	if _, err := os.Stat(p); err != nil {
		return "", fmt.Errorf("kernel %s: no file %s in the package", k.Release, name)
	}
	return p, nil
}

// DeviceTrees returns the names of the device trees that were kept, sorted.
func (k *Kernel) DeviceTrees() []string {
	found, _ := filepath.Glob(filepath.Join(k.dir, "*.dtb")) // the pattern is good
	for i := range found {
		found[i] = filepath.Base(found[i])
	}
	slices.Sort(found)
	return found
}

// Select returns the wanted modules and all that they need, and where the file
// of each is.
func (k *Kernel) Select(ctx context.Context, wanted []string) ([]modules.Module, map[string]string, error) {
	list, err := modules.Close(k.Modules, k.Builtin, wanted)
	if err != nil {
		return nil, nil, fmt.Errorf("kernel %s: %w", k.Release, err)
	}
	files, missing := map[string]string{}, map[string]bool{}
	for _, m := range list {
		files[m.Name] = filepath.Join(k.dir, "ko", m.Name+".ko")
		if _, err := os.Stat(files[m.Name]); err != nil {
			missing[m.Name] = true
		}
	}
	if len(missing) == 0 {
		return list, files, nil
	}
	if err := os.MkdirAll(filepath.Join(k.dir, "ko"), 0o755); err != nil {
		return nil, nil, fmt.Errorf("kernel cache: %w", err)
	}
	err = eachFile(ctx, k.deb, func(name string, r io.Reader) error {
		base := path.Base(name)
		module := modules.Canonical(stem(base))
		if !isModule(base) || !missing[module] {
			return nil
		}
		code, err := plain(ctx, base, r)
		if err != nil {
			return err
		}
		delete(missing, module)
		return write(files[module], bytes.NewReader(code))
	})
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("modules %q are gone from the package", slices.Sorted(maps.Keys(missing)))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("kernel package %s: %w", k.deb, err)
	}
	return list, files, nil
}

// isModule takes modules plain or compressed, whatever the Debian release does.
func isModule(base string) bool { return strings.HasSuffix(stem(base), ".ko") }

func stem(base string) string {
	return strings.TrimSuffix(strings.TrimSuffix(base, ".xz"), ".zst")
}

// plain returns a module's code without compression.
func plain(ctx context.Context, base string, r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile))
	if err != nil {
		return nil, err
	}
	switch path.Ext(base) {
	case ".xz":
		return unxz(ctx, data)
	case ".zst":
		return unzstd(data)
	}
	return data, nil
}

func unxz(ctx context.Context, data []byte) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "xz", "-dc", "--single-stream")
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("xz: %w (is the package xz-utils installed?)", err)
	}
	return out, nil
}

func unzstd(data []byte) ([]byte, error) {
	z, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderMaxMemory(maxFile))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	return io.ReadAll(z)
}

// eachFile hands every regular file of a package to fn, which need not read it.
func eachFile(ctx context.Context, deb string, fn func(name string, r io.Reader) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", deb)
	var says bytes.Buffer
	cmd.Stderr = &says
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("dpkg-deb: %w", err)
	}
	err = walk(tar.NewReader(out), fn)
	if err != nil {
		stop()
	} else {
		_, err = io.Copy(io.Discard, out) // padding behind the archive's end
	}
	if end := cmd.Wait(); err == nil && end != nil {
		err = fmt.Errorf("dpkg-deb: %w: %s", end, bytes.TrimSpace(says.Bytes()))
	}
	return err
}

func walk(t *tar.Reader, fn func(name string, r io.Reader) error) error {
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("archive: %w", err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if err := fn(h.Name, t); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

// Extract writes the regular files of any package for which place returns a
// path there, and tells how many there were.
func Extract(ctx context.Context, deb string, place func(name string) string) (int, error) {
	n := 0
	err := eachFile(ctx, deb, func(name string, r io.Reader) error {
		to := place(name)
		if to == "" {
			return nil
		}
		n++
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return write(to, r)
	})
	return n, err
}

// write makes a file in one step, so that a reader in another process never
// sees half of it.
func write(name string, r io.Reader) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = io.Copy(f, io.LimitReader(r, maxFile))
	if end := f.Close(); err == nil {
		err = end
	}
	if err != nil {
		return err
	}
	if err := os.Chmod(f.Name(), 0o644); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
