package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

func TestHashTable(t *testing.T) {
	sum := sha256.Sum256(pearson[:])
	if got := hex.EncodeToString(sum[:]); got != "50015bcb049a75f57f1224b2d303a4d75485a0de3a772a30e06256daa1c873a7" {
		t.Errorf("sha256 %s", got)
	}
	var seen [256]bool
	for _, b := range pearson {
		if seen[b] {
			t.Errorf("%d twice", b)
		}
		seen[b] = true
	}
}

func TestHash(t *testing.T) {
	for _, c := range []struct {
		key     string
		hash    uint8
		primary bool // with split 128 and 64
	}{
		{"020000000001", 133, false},
		{"020000000002", 45, true},
		{"001122334455", 135, false},
		{"ff0000000501", 173, false},
		{"01020000000001", 14, true},
		{"616263", 170, false},
		{"020000000003", 182, false},
		{"020000000004", 150, false},
		{"525400123456", 156, false},
		{"ff00000000000100", 128, false},
		{"00", 175, false},
		{"61", 20, true},
		{"", 0, true},
	} {
		key, err := hex.DecodeString(c.key)
		if err != nil {
			t.Fatal(err)
		}
		if h := Hash(key); h != c.hash {
			t.Errorf("%s: %d, want %d", c.key, h, c.hash)
		}
		for _, n := range []int{128, 64} {
			if got := Split(n).Primary(c.hash); got != c.primary {
				t.Errorf("%s: primary serves it with split %d: %v", c.key, n, got)
			}
		}
		if len(key) > 0 {
			if h := HashClient(string(key), "\x01other"); h != c.hash {
				t.Errorf("%s as client identifier: %d", c.key, h)
			}
			if h := HashClient("", "\x01"+string(key)); h != c.hash {
				t.Errorf("%s as hardware address: %d", c.key, h)
			}
		}
	}
	if h := HashClient("", ""); h != 0 {
		t.Errorf("nobody: %d", h)
	}
	if a, b := Hash(make([]byte, 3)), Hash(make([]byte, 259)); a == b {
		t.Errorf("keys of 3 and 259 octets both give %d", a)
	}
}

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		n    int
		hex  string
		text string
	}{
		{-1, "0000000000000000000000000000000000000000000000000000000000000000", "split 0"},
		{0, "0000000000000000000000000000000000000000000000000000000000000000", "split 0"},
		{3, "0700000000000000000000000000000000000000000000000000000000000000", "split 3"},
		{128, "ffffffffffffffffffffffffffffffff00000000000000000000000000000000", "split 128"},
		{256, "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "split 256"},
		{300, "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "split 256"},
	} {
		h := Split(c.n)
		if got := hex.EncodeToString(h[:]); got != c.hex || h.String() != c.text {
			t.Errorf("split %d: %s, %v", c.n, got, h)
		}
		for b := range 256 {
			if h.Primary(uint8(b)) != (b < c.n) {
				t.Errorf("split %d: bucket %d", c.n, b)
			}
		}
	}
	if h := (HBA{0x02}); h.Primary(0) || !h.Primary(1) || h.String()[:8] != "hba 0200" {
		t.Errorf("one bucket: %v", h)
	}
}
