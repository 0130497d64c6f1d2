package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Frame types; the payloads of the first four are drawn in codec.go.
const (
	typeLease  = 1
	typePeer   = 2
	typeBoot   = 3
	typeObject = 4
	typeMark   = 16
	typeSeal   = 17
	typeEnd    = 18
)

const (
	headerSize = 24
	crcSize    = 4
	version    = 1
	kindLog    = 'L'
	kindSnap   = 'S'
	flagRepair = 1
	// maxFrame is length, type, payload and CRC.
	maxFrame = 3 + 1 + MaxRecord + crcSize
)

var (
	magic      = []byte("TANDEM\r\n")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// header is the first 24 octets of a file.
type header struct {
	kind, flags byte
	gen         uint64
}

func (h header) encode() (buf []byte, chain uint32) {
	buf = append(buf, magic...)
	buf = append(buf, h.kind, version, h.flags, 0)
	buf = binary.BigEndian.AppendUint64(buf, h.gen)
	chain = crc32.Checksum(buf, castagnoli)
	return binary.BigEndian.AppendUint32(buf, chain), chain
}

var errNewerFormat = errors.New("the file was written by a newer version of the program")

// decodeHeader checks buf as the header of a file of the given kind and
// generation.
func decodeHeader(buf []byte, kind byte, gen uint64) (h header, err error) {
	switch {
	case len(buf) < headerSize:
		return h, errors.New("the file is shorter than its header")
	case !bytes.Equal(buf[:8], magic):
		return h, errors.New("this is not a file of the lease store")
	case crc32.Checksum(buf[:20], castagnoli) != binary.BigEndian.Uint32(buf[20:]):
		return h, errors.New("the header's checksum is wrong")
	case buf[9] != version:
		return h, fmt.Errorf("%w: version %d, this program knows %d", errNewerFormat, buf[9], version)
	}
	h = header{kind: buf[8], flags: buf[10], gen: binary.BigEndian.Uint64(buf[12:])}
	if h.kind != kind || h.gen != gen {
		return h, fmt.Errorf("the header says %c-%d: the file was renamed", h.kind, h.gen)
	}
	return h, nil
}

// appendFrame adds a frame behind one whose CRC is chain.
func appendFrame(dst []byte, chain uint32, typ byte, payload []byte) ([]byte, uint32) {
	dst = binary.AppendUvarint(dst, uint64(len(payload)))
	start := len(dst)
	dst = append(dst, typ)
	dst = append(dst, payload...)
	chain = crc32.Update(chain, castagnoli, dst[start:])
	return binary.BigEndian.AppendUint32(dst, chain), chain
}

func appendMark(dst []byte, chain uint32) ([]byte, uint32) {
	return appendFrame(dst, chain, typeMark, []byte{0})
}

func appendSeal(dst []byte, chain uint32) ([]byte, uint32) {
	return appendFrame(dst, chain, typeSeal, []byte{0})
}

func knownType(t byte) bool {
	return t >= typeLease && t <= typeObject || t >= typeMark && t <= typeEnd
}

// frame is one frame of a file; payload is valid until the next one is read.
type frame struct {
	off     int64 // where it begins
	next    int64 // where the next one begins
	typ     byte
	chain   uint32
	payload []byte
}

// badFrame says why there is no valid frame at an offset.
type badFrame struct {
	off    int64
	reason string
}

func (b *badFrame) Error() string { return fmt.Sprintf("offset %d: %s", b.off, b.reason) }

// parseFrame reads a frame from buf, which begins at off and holds maxFrame
// octets or all that is left of the file. A frame whose only fault is its
// checksum is given too, with the checksum that it should have.
func parseFrame(buf []byte, off int64, chain uint32) (frame, *badFrame) {
	n, k := binary.Uvarint(buf)
	switch {
	case k <= 0 && len(buf) >= binary.MaxVarintLen64 || n > MaxRecord:
		return frame{}, &badFrame{off, "impossible length"}
	case k <= 0 || len(buf) < k+1+int(n)+crcSize:
		return frame{}, &badFrame{off, "the file ends within a record"}
	case n == 0:
		return frame{}, &badFrame{off, "empty record"}
	case !knownType(buf[k]):
		return frame{}, &badFrame{off, "unknown record type"}
	}
	body := buf[k : k+1+int(n)]
	crc := crc32.Update(chain, castagnoli, body)
	fr := frame{off, off + int64(k+len(body)+crcSize), buf[k], crc, body[1:]}
	if crc != binary.BigEndian.Uint32(buf[k+len(body):]) {
		return fr, &badFrame{off, "wrong checksum"}
	}
	return fr, nil
}

// window reads a file through a buffer; its memory does not depend on what the
// file says about itself.
type window struct {
	f    io.ReaderAt
	size int64
	base int64
	buf  []byte
}

const windowSize = 512 << 10

// newWindow looks at f through buf, whose capacity counts; it may be nil.
func newWindow(f File, buf []byte) (*window, error) {
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	return &window{f: f, size: size, buf: buf[:0]}, nil
}

// at gives up to n octets (at most windowSize) from off: fewer only at the
// end of the file. The slice is valid until the next call.
func (w *window) at(off int64, n int) ([]byte, error) {
	n = int(min(int64(n), max(w.size-off, 0)))
	if off < w.base || off+int64(n) > w.base+int64(len(w.buf)) {
		if err := w.fill(off); err != nil {
			return nil, err
		}
	}
	i := int(off - w.base)
	return w.buf[i:min(i+n, len(w.buf))], nil
}

func (w *window) fill(off int64) error {
	want := int(min(windowSize, w.size-off))
	if cap(w.buf) < want {
		w.buf = make([]byte, want)
	}
	n, err := w.f.ReadAt(w.buf[:want], off)
	w.base, w.buf = off, w.buf[:n]
	if n == want || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// zerosFrom gives the offset of the first octet from off on that is not zero,
// or the size of the file.
func (w *window) zerosFrom(off int64) (int64, error) {
	for off < w.size {
		b, err := w.at(off, windowSize/2)
		if err != nil {
			return 0, err
		}
		if len(b) == 0 {
			return w.size, nil
		}
		n := zeroPrefix(b)
		off += int64(n)
		if n < len(b) {
			return off, nil
		}
	}
	return w.size, nil
}

// zeroPrefix is the number of zeros that b begins with.
func zeroPrefix(b []byte) int {
	n := 0
	for k := min(len(b), len(zeros)); k > 0; {
		if bytes.Equal(b[n:n+k], zeros[:k]) {
			n += k
		} else {
			k /= 2
		}
		k = min(k, len(b)-n)
	}
	return n
}

// lastNonZero gives the offset behind the last octet from off on that is not
// zero, or off.
func (w *window) lastNonZero(off int64) (int64, error) {
	last := off
	for off < w.size {
		b, err := w.at(off, windowSize/2)
		if err != nil {
			return 0, err
		}
		if len(b) == 0 {
			break
		}
		if rest := bytes.TrimRight(b, "\x00"); len(rest) > 0 {
			last = off + int64(len(rest))
		}
		off += int64(len(b))
	}
	return last, nil
}

// scanner walks the frames of one file.
type scanner struct {
	w     *window
	off   int64
	chain uint32
}

// next gives the frame at the scanner's place and goes on behind it. At the
// end of the data it gives io.EOF; *badFrame if what is there is no frame;
// any other error is the disk's.
func (s *scanner) next() (frame, error) {
	if s.off >= s.w.size {
		return frame{}, io.EOF
	}
	buf, err := s.w.at(s.off, maxFrame)
	if err != nil {
		return frame{}, err
	}
	fr, bad := parseFrame(buf, s.off, s.chain)
	if bad == nil {
		s.off, s.chain = fr.next, fr.chain
		return fr, nil
	}
	if buf[0] == 0 {
		switch end, err := s.w.zerosFrom(s.off); {
		case err != nil:
			return frame{}, err
		case end == s.w.size:
			return frame{}, io.EOF
		}
	}
	return frame{}, bad
}

// resync moves the scanner to the first valid frame behind its place, taking
// the four octets before it for the CRC of its predecessor. It gives io.EOF
// if there is none.
func (s *scanner) resync() error {
	if found, err := s.overChecksum(); found || err != nil {
		return err
	}
	for off := s.off + 1; off < s.w.size; off++ {
		b, err := s.w.at(off-crcSize, crcSize+maxFrame)
		if err != nil {
			return err
		}
		if len(b) <= crcSize {
			break
		}
		if b[crcSize] == 0 {
			continue // no frame is empty; this is what most of a tail holds
		}
		chain := binary.BigEndian.Uint32(b)
		if _, bad := parseFrame(b[crcSize:], off, chain); bad == nil {
			s.off, s.chain = off, chain
			return nil
		}
	}
	s.off = s.w.size
	return io.EOF
}

// overChecksum moves the scanner over a frame of which nothing but the stored
// CRC is damaged: the frame behind it is valid behind the right one.
func (s *scanner) overChecksum() (found bool, err error) {
	buf, err := s.w.at(s.off, maxFrame)
	if err != nil {
		return false, err
	}
	hurt, _ := parseFrame(buf, s.off, s.chain)
	if hurt.next == 0 {
		return false, nil
	}
	if buf, err = s.w.at(hurt.next, maxFrame); err != nil {
		return false, err
	}
	if _, bad := parseFrame(buf, hurt.next, hurt.chain); bad != nil {
		return false, nil
	}
	s.off, s.chain = hurt.next, hurt.chain
	return true, nil
}

// newScanner stands at the first frame of f, and reads through buf.
func newScanner(f File, buf []byte) (*scanner, error) {
	w, err := newWindow(f, buf)
	if err != nil {
		return nil, err
	}
	head, err := w.at(0, headerSize)
	if err != nil {
		return nil, err
	}
	s := &scanner{w: w, off: headerSize}
	if len(head) == headerSize {
		s.chain = binary.BigEndian.Uint32(head[headerSize-crcSize:])
	}
	return s, nil
}

// header checks the header of the file; a complaint does not keep the scanner
// from reading what follows.
func (s *scanner) header(kind byte, gen uint64) (header, error) {
	buf, err := s.w.at(0, headerSize)
	if err != nil {
		return header{}, err
	}
	return decodeHeader(buf, kind, gen)
}

// checkEnd checks the last frame of a file: a seal ends a log, an end with the
// number of records ends a snapshot.
func checkEnd(fr frame, kind byte, records int) error {
	in := input{buf: fr.payload}
	n := in.uvarint()
	switch {
	case in.bad || len(in.buf) > 0 || (fr.typ == typeSeal) != (kind == kindLog):
		return &badFrame{fr.off, "an end that can not be"}
	case fr.typ == typeEnd && n != uint64(records):
		return &badFrame{fr.off, fmt.Sprintf("the end counts %d records, there are %d", n, records)}
	}
	return nil
}
