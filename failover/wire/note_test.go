package wire

import (
	"errors"
	"strings"
	"testing"
)

func TestNote(t *testing.T) {
	n := Note(strings.Repeat("x", MaxNote))
	m := &Contact{Vendor: Some(n.Encode())}
	frame, err := Frame(m)
	if err != nil || len(frame) > MaxMessage {
		t.Fatalf("%d octets: %v", len(frame), err)
	}
	if got, ok, err := DecodeNote(m.Vendor.V); got != n || !ok || err != nil {
		t.Errorf("decoded %d octets, %v, %v", len(got), ok, err)
	}
	// Neither is taken for the other.
	if _, ok, err := DecodeEcho(m.Vendor.V); ok || err != nil {
		t.Errorf("a note is an echo: %v", err)
	}
	if _, ok, err := DecodeNote(Echo{XID: 1}.Encode()); ok || err != nil {
		t.Errorf("an echo is a note: %v", err)
	}
	if _, ok, err := DecodeNote("somebody else's"); ok || err != nil {
		t.Errorf("foreign octets are a note: %v", err)
	}
	cut := m.Vendor.V[:len(m.Vendor.V)-1]
	if _, ok, err := DecodeNote(cut); ok || !errors.Is(err, ErrVendor) {
		t.Errorf("a note that was cut: %v, %v", ok, err)
	}
}
