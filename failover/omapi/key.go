package omapi

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"strings"
)

// Key is a shared secret (dhcpd.conf "key").
type Key struct {
	Name string
	// Algorithm is one of hmac-md5, -sha1, -sha224, -sha256, -sha384 and
	// -sha512, in any case, with or without the suffix of its domain name.
	Algorithm string
	Secret    []byte
}

// algorithmSuffix is what both ends add to an algorithm's name.
const algorithmSuffix = ".SIG-ALG.REG.INT."

// maxSignature is the length of the longest signature in octets.
const maxSignature = sha512.Size

// plainAlgorithm gives the algorithm's name as in dhcpd.conf.
func plainAlgorithm(name string) string {
	name = strings.ToLower(name)
	return strings.TrimSuffix(name, strings.ToLower(algorithmSuffix))
}

// hasher gives the hash of the key's algorithm; nil if it has none that is known.
func (k *Key) hasher() func() hash.Hash {
	switch plainAlgorithm(k.Algorithm) {
	case "hmac-md5":
		return md5.New
	case "hmac-sha1":
		return sha1.New
	case "hmac-sha224":
		return sha256.New224
	case "hmac-sha256":
		return sha256.New
	case "hmac-sha384":
		return sha512.New384
	case "hmac-sha512":
		return sha512.New
	}
	return nil
}

// usable says what is wrong with the key.
func (k *Key) usable() error {
	switch {
	case k.hasher() == nil:
		return fmt.Errorf("key %q: algorithm %q is not known; use hmac-md5, hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384 or hmac-sha512", k.Name, k.Algorithm)
	case len(k.Secret) == 0:
		return fmt.Errorf("key %q has no secret", k.Name)
	}
	return nil
}

// size is the length of a signature in octets; zero without a key.
func (k *Key) size() int {
	if k == nil {
		return 0
	}
	return k.hasher()().Size()
}

// sign gives the HMAC over the parts one after the other.
func (k *Key) sign(parts ...[]byte) []byte {
	mac := hmac.New(k.hasher(), k.Secret)
	for _, p := range parts {
		mac.Write(p)
	}
	return mac.Sum(nil)
}

// signed tells whether m carries the key's signature in full length. The
// comparison takes the same time wherever the difference is.
func (k *Key) signed(m *message) bool {
	return hmac.Equal(m.signature, k.sign(m.head, m.body))
}
