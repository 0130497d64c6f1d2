// Package apt takes packages from Debian for an architecture that need not be
// the host's, without touching the host's own package lists: a private apt
// root, the host's mirrors and proxies, Debian's archive keys. Nothing is
// installed and no maintainer script runs.
//
// A package is named by a lock file down to its SHA-256, fetched once and kept
// in a cache under that sum.
package apt

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// keyrings where Debian's archive keys are, newest name first.
var keyrings = []string{
	"/usr/share/keyrings/debian-archive-keyring.pgp",
	"/usr/share/keyrings/debian-archive-keyring.gpg",
}

// Root is a private apt root for one architecture.
type Root struct {
	Arch    string
	Sources []Source
	Log     func(format string, args ...any) // progress; may be nil

	dir     string
	bin     string // directory of the apt programs; "" searches PATH
	keyring string
	fresh   bool
}

// NewRoot makes a root below dir, which may already hold one.
func NewRoot(dir, arch string, sources []Source) (*Root, error) {
	r := &Root{Arch: arch, Sources: sources, dir: dir}
	for _, k := range keyrings {
		if _, err := os.Stat(k); err == nil {
			r.keyring = k
			break
		}
	}
	if r.keyring == "" {
		return nil, errors.New("the archive keys of Debian are missing; install the package debian-archive-keyring")
	}
	return r, nil
}

// prepare writes the root's configuration.
func (r *Root) prepare(ctx context.Context) error {
	for _, d := range []string{
		"etc/apt/preferences.d", "etc/apt/apt.conf.d", "var/lib/dpkg",
		"var/lib/apt/lists/partial", "var/cache/apt/archives/partial",
	} {
		if err := os.MkdirAll(filepath.Join(r.dir, d), 0o755); err != nil {
			return fmt.Errorf("apt root: %w", err)
		}
	}
	var list strings.Builder
	for _, s := range r.Sources {
		for _, suite := range s.Suites {
			fmt.Fprintf(&list, "deb [signed-by=%s] %s %s %s\n", r.keyring, s.URI, suite, strings.Join(s.Components, " "))
		}
	}
	conf := fmt.Sprintf("Dir %q;\nDir::State::status %q;\nAPT::Architecture %q;\nAPT::Architectures { %q; };\n"+
		"Acquire::Languages \"none\";\nAPT::Sandbox::User \"root\";\n"+
		"Dir::Etc::netrc \"/etc/apt/auth.conf\";\nDir::Etc::netrcparts \"/etc/apt/auth.conf.d\";\n",
		r.dir, filepath.Join(r.dir, "var/lib/dpkg/status"), r.Arch, r.Arch)
	host, err := r.command(ctx, false, "apt-config", "dump").Output()
	if err != nil {
		return failed("apt-config dump", err)
	}
	conf += hostOptions(string(host))
	for name, text := range map[string]string{"apt.conf": conf, "etc/apt/sources.list": list.String(), "var/lib/dpkg/status": ""} {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("apt root: %w", err)
		}
	}
	return nil
}

// hostOptions picks out of the host's configuration how it reaches a mirror:
// proxies, checks, retries. Its hooks and directories stay outside.
func hostOptions(dump string) string {
	var b strings.Builder
	for line := range strings.Lines(dump) {
		for _, prefix := range []string{"Acquire::http", "Acquire::Retries", "Acquire::Check-", "Acquire::ForceIPv"} {
			if strings.HasPrefix(line, prefix) {
				b.WriteString(line)
			}
		}
	}
	return b.String()
}

func (r *Root) command(ctx context.Context, private bool, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(r.bin, name), args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	if private {
		cmd.Env = append(cmd.Env, "APT_CONFIG="+filepath.Join(r.dir, "apt.conf"))
	}
	return cmd
}

// failed adds what a program said on its standard error.
func failed(what string, err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return fmt.Errorf("%s: %w: %s", what, err, bytes.TrimSpace(exit.Stderr))
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Update fetches the mirrors' package lists, once in the life of a Root.
func (r *Root) Update(ctx context.Context) error {
	if r.fresh {
		return nil
	}
	if err := r.prepare(ctx); err != nil {
		return err
	}
	r.logf("reading the package lists for %s", r.Arch)
	if _, err := r.command(ctx, true, "apt-get", "-q", "update", "--error-on=any").Output(); err != nil {
		return failed("apt-get update", err)
	}
	r.fresh = true
	return nil
}

// Latest returns the newest version of a package that the mirrors have.
func (r *Root) Latest(ctx context.Context, name string) (Package, error) {
	fields, err := r.show(ctx, name)
	if err != nil {
		return Package{}, err
	}
	size, err := strconv.ParseInt(fields["Size"], 10, 64)
	if err != nil || len(fields["SHA256"]) != sha256.Size*2 {
		return Package{}, fmt.Errorf("apt-cache show %s: no size or SHA-256 in the answer", name)
	}
	return Package{Arch: r.Arch, Name: fields["Package"], Version: fields["Version"], SHA256: fields["SHA256"], Size: size}, nil
}

// Behind returns the name of the package that a meta package depends on:
// linux-image-amd64 stands for the newest linux-image-<release>-amd64.
func (r *Root) Behind(ctx context.Context, meta, prefix string) (string, error) {
	fields, err := r.show(ctx, meta)
	if err != nil {
		return "", err
	}
	for dep := range strings.SplitSeq(fields["Depends"], ",") {
		if words := strings.Fields(dep); len(words) > 0 && strings.HasPrefix(words[0], prefix) {
			return words[0], nil
		}
	}
	return "", fmt.Errorf("package %s depends on no %s*: %q", meta, prefix, fields["Depends"])
}

func (r *Root) show(ctx context.Context, name string) (map[string]string, error) {
	if err := r.Update(ctx); err != nil {
		return nil, err
	}
	out, err := r.command(ctx, true, "apt-cache", "show", "--no-all-versions", name).Output()
	if err != nil {
		return nil, failed("apt-cache show "+name, err)
	}
	fields := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if strings.TrimSpace(line) == "" {
			break
		}
		if key, value, ok := strings.Cut(line, ": "); ok && key != "" && key[0] != ' ' {
			fields[key] = strings.TrimSpace(value)
		}
	}
	return fields, nil
}

// ErrGone is wrapped by Fetch when the mirrors no longer have a locked version.
var ErrGone = errors.New("the mirrors no longer have it")

// Fetch returns the path of a locked package's .deb in the cache, downloading
// it if it is not there. The content is checked against the lock each time.
func (r *Root) Fetch(ctx context.Context, p Package, cache string) (string, error) {
	kept := filepath.Join(cache, p.SHA256+".deb")
	if sum, err := fileSum(kept); err == nil && sum == p.SHA256 {
		return kept, nil
	}
	if err := r.Update(ctx); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(r.dir, "download-")
	if err != nil {
		return "", fmt.Errorf("apt root: %w", err)
	}
	defer os.RemoveAll(dir)
	r.logf("downloading %s %s for %s (%.1f MB)", p.Name, p.Version, p.Arch, float64(p.Size)/1e6)
	cmd := r.command(ctx, true, "apt-get", "-q", "download", p.Name+"="+p.Version)
	cmd.Dir = dir
	if _, err := cmd.Output(); err != nil {
		err = failed("apt-get download", err)
		if strings.Contains(err.Error(), "was not found") || strings.Contains(err.Error(), "Unable to locate") {
			return "", fmt.Errorf("%s %s (%s): %w; take the newest versions with: mkimage kernel-update", p.Name, p.Version, p.Arch, ErrGone)
		}
		return "", err
	}
	debs, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(debs) != 1 {
		return "", fmt.Errorf("apt-get download %s left %d files: %w", p.Name, len(debs), err)
	}
	sum, err := fileSum(debs[0])
	if err != nil {
		return "", err
	}
	if sum != p.SHA256 {
		return "", fmt.Errorf("%s %s has SHA-256 %s, the lock file says %s: the mirror was rebuilt or tampered with; if you trust it: mkimage kernel-update", p.Name, p.Version, sum, p.SHA256)
	}
	return kept, keep(debs[0], kept)
}

// keep moves a file to its place in the cache in one step.
func keep(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return fmt.Errorf("package cache: %w", err)
	}
	if err := os.Rename(from, to); err != nil {
		return fmt.Errorf("package cache: %w", err)
	}
	return nil
}

func fileSum(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (r *Root) logf(format string, args ...any) {
	if r.Log != nil {
		r.Log(format, args...)
	}
}
