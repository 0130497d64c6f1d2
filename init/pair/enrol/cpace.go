package enrol

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha512"
	"encoding/binary"
	"errors"

	"github.com/gtank/ristretto255"
)

// CPace is a balanced password-authenticated key exchange
// (draft-irtf-cfrg-cpace-21), here in the suite CPACE-RISTR255-SHA512 with the
// initiator's and the responder's role apart. The group comes from a library;
// what remains of CPace is in this file and checked against the draft's
// vectors.

const (
	groupName = "CPaceRistretto255" // G.DSI
	shareLen  = 32                  // octets of a public share
	hashBlock = 128                 // H.s_in_bytes of SHA-512
	macLen    = sha512.Size
)

// errShare is a public share that no honest partner sends.
var errShare = errors.New("the other side's share is no element of the group, or the neutral one")

// exchange is one side of a CPace run.
type exchange struct {
	sid    []byte
	secret *ristretto255.Scalar
	share  []byte
}

// newExchange begins a run. ci names the two parties and what the exchange is
// for, sid is what makes this run different from any other.
func newExchange(code, ci, sid []byte) *exchange {
	var random [64]byte
	rand.Read(random[:]) // never fails
	return startExchange(code, ci, sid, ristretto255.NewScalar().FromUniformBytes(random[:]))
}

func startExchange(code, ci, sid []byte, secret *ristretto255.Scalar) *exchange {
	g := generator(code, ci, sid)
	share := ristretto255.NewElement().ScalarMult(secret, g)
	return &exchange{sid: sid, secret: secret, share: share.Encode(nil)}
}

// generator is section 8.3, calculate_generator.
func generator(code, ci, sid []byte) *ristretto255.Element {
	hash := sha512.Sum512(generatorString(code, ci, sid))
	return ristretto255.NewElement().FromUniformBytes(hash[:])
}

// generatorString is section 8.1: the code fills the first block of the hash.
func generatorString(code, ci, sid []byte) []byte {
	pad := max(0, hashBlock-1-len(prependLen(code))-len(prependLen([]byte(groupName))))
	return lvCat([]byte(groupName), code, make([]byte, pad), ci, sid)
}

// key is the intermediate session key ISK; initiator tells which side we are.
func (e *exchange) key(theirs []byte, initiator bool) ([]byte, error) {
	point, err := e.secretPoint(theirs)
	if err != nil {
		return nil, err
	}
	first, second := theirs, e.share
	if initiator {
		first, second = second, first
	}
	return sessionKey(e.sid, point, first, nil, second, nil), nil
}

// secretPoint is scalar_mult_vfy of section 8.3.
func (e *exchange) secretPoint(theirs []byte) ([]byte, error) {
	x := ristretto255.NewElement()
	if len(theirs) != shareLen || x.Decode(theirs) != nil {
		return nil, errShare
	}
	if x.Equal(ristretto255.NewElement()) == 1 || bytes.Equal(theirs, e.share) {
		return nil, errShare
	}
	return ristretto255.NewElement().ScalarMult(e.secret, x).Encode(nil), nil
}

// sessionKey is section 7.2 with the transcript of initiator and responder.
func sessionKey(sid, point, ya, ada, yb, adb []byte) []byte {
	in := lvCat([]byte(groupName+"_ISK"), sid, point)
	in = append(in, lvCat(ya, ada)...)
	in = append(in, lvCat(yb, adb)...)
	hash := sha512.Sum512(in)
	return hash[:]
}

// confirmation is the tag by which the owner of a share shows that it has the
// key ("Key confirmation" of the draft).
func confirmation(key, sid, share []byte) []byte {
	macKey := sha512.New()
	macKey.Write([]byte("CPaceMac"))
	macKey.Write(sid)
	macKey.Write(key)
	mac := hmac.New(sha512.New, macKey.Sum(nil))
	mac.Write(lvCat(share, nil))
	return mac.Sum(nil)
}

// prependLen and lvCat are section 6.3: each string with its length before it.
func prependLen(s []byte) []byte {
	return append(binary.AppendUvarint(nil, uint64(len(s))), s...)
}

func lvCat(all ...[]byte) []byte {
	var out []byte
	for _, s := range all {
		out = append(out, prependLen(s)...)
	}
	return out
}
