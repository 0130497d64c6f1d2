package initramfs

import (
	"errors"
	"fmt"
	"io"

	"github.com/u-root/u-root/pkg/cpio"
)

// Read returns the regular files and symbolic links of an archive that is not
// packed, such as u-root writes.
func Read(archive io.ReaderAt) ([]File, error) {
	var list []File
	records := cpio.Newc.Reader(archive)
	for {
		r, err := records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("cpio archive: %w", err)
		}
		kind := r.Mode & cpio.S_IFMT
		if kind != cpio.S_IFREG && kind != cpio.S_IFLNK || r.ReaderAt == nil {
			continue
		}
		data, err := io.ReadAll(io.NewSectionReader(r, 0, int64(r.FileSize)))
		if err != nil {
			return nil, fmt.Errorf("cpio archive: %s: %w", r.Name, err)
		}
		file := File{Path: "/" + r.Name, Mode: r.Mode & 0o777, Data: data}
		if kind == cpio.S_IFLNK {
			file.Link, file.Data = string(data), nil
		}
		list = append(list, file)
	}
}
