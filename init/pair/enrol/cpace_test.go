package enrol

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/gtank/ristretto255"
)

func octets(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func scalar(t *testing.T, s string) *ristretto255.Scalar {
	t.Helper()
	x := ristretto255.NewScalar()
	if err := x.Decode(octets(t, s)); err != nil {
		t.Fatal(err)
	}
	return x
}

// The vectors are those of draft-irtf-cfrg-cpace-21, appendix B.3.
func TestVectorsOfTheDraft(t *testing.T) {
	code := []byte("Password")
	ci := []byte("\x0bA_initiator\x0bB_responder")
	sid := octets(t, "7e4b4791d6a8ef019b936c79fb7f2c57")
	same := func(what string, got []byte, want string) {
		t.Helper()
		if !bytes.Equal(got, octets(t, want)) {
			t.Errorf("%s: %x, want %s", what, got, want)
		}
	}
	same("generator string", generatorString(code, ci, sid),
		"11435061636552697374726574746f3235350850617373776f726464"+strings.Repeat("00", 100)+
			"180b415f696e69746961746f720b425f726573706f6e646572107e4b4791d6a8ef019b936c79fb7f2c57")
	same("generator", generator(code, ci, sid).Encode(nil), "222b6b195fe84b1652badb6f6a3ae3d24341e7306967f0b8115b40d5698c7e56")
	a := startExchange(code, ci, sid, scalar(t, "da3d23700a9e5699258aef94dc060dfda5ebb61f02a5ea77fad53f4ff0976d08"))
	b := startExchange(code, ci, sid, scalar(t, "d2316b454718c35362d83d69df6320f38578ed5984651435e2949762d900b80d"))
	same("Ya", a.share, "d6bac480f2c386c394efc7c47adb9925dcd2630b64f240c50f8d0eec482b9157")
	same("Yb", b.share, "3ea7e0b19560d7c0b0f5734f63b955286dfa8232b5ebe63324e2d9e7433f7258")
	point, err := a.secretPoint(b.share)
	if err != nil {
		t.Fatal(err)
	}
	same("K", point, "80b69a8a76457ab6a4d7f887a4bf6b55a2f80ac19c333f917a05fc9887c8b40f")
	same("ISK", sessionKey(sid, point, a.share, []byte("ADa"), b.share, []byte("ADb")),
		`b69effbf61b51d56401c0f65601abe428de8206feaaf0e32198896dcae7b35cd
		2b38950a39dfd5d4a79164614c2984f7daa460b588c1e80c3fa2068af7900447`)
}

func TestSharesThatAreRefused(t *testing.T) {
	e := newExchange([]byte("K7QM3F2P"), []byte("ci"), []byte("sid"))
	for name, share := range map[string][]byte{
		"none":        nil,
		"neutral":     make([]byte, shareLen),
		"no element":  bytes.Repeat([]byte{0xff}, shareLen),
		"too long":    append(bytes.Clone(e.share), 0),
		"our own one": e.share,
	} {
		if _, err := e.key(share, true); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestKeysAgreeOnlyWhenAllAgrees(t *testing.T) {
	run := func(codeB, ciB, sidB string) bool {
		a := newExchange([]byte("K7QM3F2P"), []byte("ci"), []byte("sid"))
		b := newExchange([]byte(codeB), []byte(ciB), []byte(sidB))
		ka, errA := a.key(b.share, true)
		kb, errB := b.key(a.share, false)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		return bytes.Equal(confirmation(ka, a.sid, a.share), confirmation(kb, b.sid, a.share))
	}
	for _, c := range []struct {
		code, ci, sid string
		same          bool
	}{
		{"K7QM3F2P", "ci", "sid", true},
		{"K7QM3F2Q", "ci", "sid", false},
		{"K7QM3F2P", "co", "sid", false},
		{"K7QM3F2P", "ci", "sad", false},
	} {
		if got := run(c.code, c.ci, c.sid); got != c.same {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
