package omapi

import (
	"bytes"
	"testing"
)

func TestNextAndEncode(t *testing.T) {
	for _, k := range testKeys {
		key := &keyed(k.algorithm).Keys[0]
		m := message{authID: 7, op: opUpdate, handle: 9, id: 11, rid: 13,
			values: values{text("type", "host"), integer("create", 1)}, object: values{text("name", "x"), text("empty", "")}}
		b := m.encode(key)
		for cut := range b {
			if _, size, err := next(b[:cut], headerLen); size != 0 || err != nil {
				t.Fatalf("%d of %d octets: %d, %v", cut, len(b), size, err)
			}
		}
		got, size, err := next(append(b, 1, 2, 3), headerLen)
		if err != nil || size != len(b) || !key.signed(&got) {
			t.Fatalf("%s: %d of %d octets, %v", k.algorithm, size, len(b), err)
		}
		if again := got.encode(key); !bytes.Equal(again, b) || got.authID != 7 || got.handle != 9 || got.id != 11 || got.rid != 13 {
			t.Errorf("%s: %x\nwant %x", k.algorithm, again, b)
		}
	}
}

// Octets of a long header beyond the known ones are skipped and not signed.
func TestLongHeader(t *testing.T) {
	key := &keyed("hmac-sha1").Keys[0]
	b := (&message{authID: 1, op: opRefresh, handle: 2}).encode(key)
	long := append(append(append([]byte{}, b[:headerLen]...), "skip"...), b[headerLen:]...)
	m, size, err := next(long, headerLen+4)
	if err != nil || size != len(long) || !key.signed(&m) || m.handle != 2 {
		t.Errorf("%d, %v, %+v", size, err, m)
	}
}

// A name that comes twice has its later value.
func TestRepeatedName(t *testing.T) {
	m := message{op: opOpen, object: values{text("a", "1"), text("b", "2"), text("a", "3")}}
	got, _, err := next(m.encode(nil), headerLen)
	if err != nil || len(got.object) != 2 || readText(got.object, "a") != "3" {
		t.Errorf("%+v, %v", got.object, err)
	}
}

// The largest message is taken; a list does not end early because of a value
// that no decoder would take.
func TestLargestMessage(t *testing.T) {
	big := make([]byte, MaxValue)
	m := message{op: opOpen, object: values{{"a", big}, {"b", big}, {"c", big}}}
	rest := MaxMessage - len(m.encode(nil)) - 2 - 1 - 4
	m.object = append(m.object, value{"d", big[:rest]})
	b := m.encode(nil)
	if _, size, err := next(b, headerLen); err != nil || size != MaxMessage || len(b) != MaxMessage {
		t.Errorf("%d of %d octets, %v", size, len(b), err)
	}
	m.object[3].data = big[:rest+1]
	if _, _, err := next(m.encode(nil), headerLen); err != errLong {
		t.Error(err)
	}
	m.object = values{{"", nil}, {"too long", make([]byte, MaxValue+1)}, text("x", "y")}
	if got, size, err := next(m.encode(nil), headerLen); err != nil || size == 0 || len(got.object) != 1 || readText(got.object, "x") != "y" {
		t.Errorf("%+v, %v", got.object, err)
	}
}

func TestCodeTexts(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range []Code{OK, TimedOut, NoPermission, Exists, ShuttingDown, NotFound, NotImplemented, QuotaReached, OutOfEntropy,
		InvalidArgument, Multiple, KeyConflict, ParseErrors, NoKey, InvalidKey, UnknownAttribute, 0x999} {
		if s := c.String(); s == "" || seen[s] {
			t.Errorf("%x: %q", uint32(c), s)
		} else {
			seen[s] = true
		}
	}
}
