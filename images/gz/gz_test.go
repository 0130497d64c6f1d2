package gz

import (
	"bytes"
	"errors"
	"testing"
)

func TestPackAndUnpack(t *testing.T) {
	want := bytes.Repeat([]byte("data "), 1000)
	packed, err := Pack(want)
	if err != nil || len(packed) > len(want)/10 {
		t.Fatal(len(packed), err)
	}
	if got, err := Unpack(bytes.NewReader(packed), int64(len(want))); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := Unpack(bytes.NewReader(packed), int64(len(want)-1)); !errors.Is(err, ErrLarge) {
		t.Errorf("too much: %v", err)
	}
	for name, bad := range map[string][]byte{"nothing": nil, "cut": packed[:len(packed)-9], "plain": want} {
		if _, err := Unpack(bytes.NewReader(bad), 1<<20); err == nil {
			t.Errorf("%s was unpacked", name)
		}
	}
}
