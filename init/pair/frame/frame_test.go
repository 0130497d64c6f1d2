package frame

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

type greeting struct{ Text string }

func TestWriteRead(t *testing.T) {
	var buf bytes.Buffer
	if err := errors.Join(Write(&buf, 7, greeting{"hello"}), Write(&buf, 8, nil)); err != nil {
		t.Fatal(err)
	}
	f, err := Read(&buf, 100)
	if err != nil {
		t.Fatal(err)
	}
	var g greeting
	if err := f.Decode(7, &g); err != nil || g.Text != "hello" {
		t.Fatalf("%+v, %v", g, err)
	}
	if err := f.Decode(8, &g); err == nil {
		t.Error("a frame of another kind was taken")
	}
	if f, err = Read(&buf, 0); err != nil || f.Decode(8, nil) != nil {
		t.Fatalf("%+v, %v", f, err)
	}
	if _, err := Read(&buf, 100); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

func TestLimits(t *testing.T) {
	whole := Append(nil, Frame{1, []byte("12345")})
	if _, err := Read(bytes.NewReader(whole), 4); !errors.Is(err, ErrTooLong) {
		t.Errorf("%v", err)
	}
	for n := 1; n < len(whole); n++ {
		if _, err := Read(bytes.NewReader(whole[:n]), 5); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut after %d: %v", n, err)
		}
	}
	if err := Write(io.Discard, 1, make(chan int)); err == nil {
		t.Error("a channel was written")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(Append(nil, Frame{1, []byte(`{"a":1}`)}))
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		const limit = 1 << 10
		r := bytes.NewReader(raw)
		for at := 0; ; {
			x, err := Read(r, limit)
			if err != nil {
				return
			}
			if len(x.Body) > limit {
				t.Fatalf("%d octets", len(x.Body))
			}
			again := Append(nil, x)
			if !bytes.Equal(again, raw[at:at+len(again)]) {
				t.Fatalf("%x became %x", raw[at:], again)
			}
			at += len(again)
			var v any
			_ = x.Decode(x.Kind, &v)
		}
	})
}
