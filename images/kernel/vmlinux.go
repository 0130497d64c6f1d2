package kernel

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Vmlinux returns the path of the kernel as an ELF file. QEMU starts it
// directly (PVH), which under emulation saves the seconds that the kernel's own
// decompressor takes. Only x86 kernels have it.
func (k *Kernel) Vmlinux(ctx context.Context) (string, error) {
	to := filepath.Join(k.dir, "vmlinux")
	if _, err := os.Stat(to); err == nil {
		return to, nil
	}
	image, err := os.ReadFile(filepath.Join(k.dir, "vmlinuz"))
	if err != nil {
		return "", fmt.Errorf("kernel %s: %w", k.Release, err)
	}
	elf, err := payload(ctx, image)
	if err != nil {
		return "", fmt.Errorf("kernel %s: %w", k.Release, err)
	}
	return to, write(to, bytes.NewReader(elf))
}

// payload unpacks the kernel proper out of a bzImage (Linux, x86 boot protocol
// 2.08: payload_offset and payload_length).
func payload(ctx context.Context, image []byte) ([]byte, error) {
	if len(image) < 0x250 || string(image[0x202:0x206]) != "HdrS" || binary.LittleEndian.Uint16(image[0x206:]) < 0x208 {
		return nil, errors.New("not an x86 bzImage of boot protocol 2.08 or later")
	}
	start := (int64(image[0x1f1])+1)*512 + int64(binary.LittleEndian.Uint32(image[0x248:]))
	end := start + int64(binary.LittleEndian.Uint32(image[0x24c:]))
	if end > int64(len(image)) || end-start < 8 {
		return nil, errors.New("bzImage: the payload lies outside the file")
	}
	data := image[start:end]
	// All formats but gzip are followed by four bytes of their length.
	var elf []byte
	var err error
	switch {
	case bytes.HasPrefix(data, []byte("\xfd7zXZ\x00")):
		elf, err = unxz(ctx, data[:len(data)-4])
	case bytes.HasPrefix(data, []byte("\x28\xb5\x2f\xfd")):
		elf, err = unzstd(data[:len(data)-4])
	case bytes.HasPrefix(data, []byte("\x1f\x8b")):
		elf, err = gunzip(data)
	default:
		return nil, fmt.Errorf("bzImage: payload compressed in an unknown way (% x)", data[:4])
	}
	if err == nil && !bytes.HasPrefix(elf, []byte("\x7fELF")) {
		err = errors.New("bzImage: the payload is no ELF file")
	}
	return elf, err
}

func gunzip(data []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	return io.ReadAll(io.LimitReader(z, maxFile))
}
