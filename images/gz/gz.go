// Package gz packs files for the RAM disk with gzip, which init can undo with
// the standard library.
package gz

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
)

// Pack returns data, packed. The same data gives the same bytes.
func Pack(data []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil { // it writes the rest: before Bytes
		return nil, err
	}
	return b.Bytes(), nil
}

// ErrLarge is returned by Unpack for more than it was told to take.
var ErrLarge = errors.New("gzip: more data than expected")

// Unpack reads what Pack made, at most limit bytes of it.
func Unpack(r io.Reader, limit int64) ([]byte, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(z, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = ErrLarge
	}
	return data, err
}
