// Mkimage writes the disk image of a box. See mkimage -help.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const usage = `mkimage makes the disk image of a Tandem box.

Usage:
  mkimage -board NAME [-o FILE] [flags]   write FILE, FILE.zst, FILE.sha256 and FILE.manifest.json
  mkimage boards                          list the boards
  mkimage kernel-update [flags]           take the newest kernel and boot loader into the lock file

It runs on Debian, needs no root, and uses the packages
  xz-utils mtools e2fsprogs grub-common debian-archive-keyring
Kernel and boot loader are Debian's signed packages, taken from the mirrors that
this host's apt uses, in the versions of the lock file.

Examples:
  mkimage -board pc -o out/pc.img
  mkimage -board apu2 -provision site1/       box.conf and dhcpd.conf already inside
  mkimage -board rpi4 -mirror http://mirror.example/debian -mirror http://mirror.example/debian-security
  mkimage kernel-update && git diff images/kernel.lock

The same source, lock file and SOURCE_DATE_EPOCH give the same image, bit for bit.

Flags:
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintf(os.Stderr, "mkimage: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	command := "image"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command, args = args[0], args[1:]
	}
	c, err := parse(args)
	if err != nil {
		return err
	}
	switch command {
	case "image":
		return c.image(ctx)
	case "boards":
		return boards()
	case "kernel-update":
		return c.kernelUpdate(ctx)
	}
	return fmt.Errorf("no command %q; there are boards and kernel-update (see mkimage -help)", command)
}

// progress prints what is being done, and when it was begun.
func progress() func(string, ...any) {
	start := time.Now()
	return func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "%6.1f s  %s\n", time.Since(start).Seconds(), fmt.Sprintf(format, args...))
	}
}
