package kernel

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"os/exec"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// bzImage wraps a compressed kernel as the x86 boot protocol has it.
func bzImage(payload []byte, length int) []byte {
	b := make([]byte, 2*512+64)
	b[0x1f1] = 1
	copy(b[0x202:], "HdrS")
	binary.LittleEndian.PutUint16(b[0x206:], 0x20f)
	binary.LittleEndian.PutUint32(b[0x248:], 64)
	binary.LittleEndian.PutUint32(b[0x24c:], uint32(length))
	return append(append(b, payload...), "code behind"...)
}

func TestPayload(t *testing.T) {
	elf := []byte("\x7fELF and the rest of the kernel")
	size := binary.LittleEndian.AppendUint32(nil, uint32(len(elf)))
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	_, _ = w.Write(elf)
	w.Close()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	packed := map[string][]byte{
		"gzip": gz.Bytes(),
		"zstd": append(z.EncodeAll(elf, nil), size...),
	}
	if _, err := exec.LookPath("xz"); err == nil {
		cmd := exec.Command("xz", "-c", "--check=crc32")
		cmd.Stdin = bytes.NewReader(elf)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		packed["xz"] = append(out, size...)
	}
	for name, p := range packed {
		got, err := payload(context.Background(), bzImage(p, len(p)))
		if err != nil || !bytes.Equal(got, elf) {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
}

func TestPayloadRefuses(t *testing.T) {
	for says, image := range map[string][]byte{
		"not an x86 bzImage": []byte("MZ"),
		"outside":            bzImage([]byte("12345678"), 1<<20),
		"unknown way":        bzImage([]byte("12345678"), 8),
	} {
		if _, err := payload(context.Background(), image); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", says, err)
		}
	}
}
