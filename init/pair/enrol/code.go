package enrol

import (
	"crypto/rand"
	"fmt"
	"strings"
)

// Code is a pairing code in canonical form: eight characters of alphabet.
type Code string

// alphabet has 31 characters none of which looks like another (no 0 O, 1 I L):
// a code has 39 bits, of which an attacker gets three guesses.
const alphabet = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"

const codeLen = 8

// NewCode makes a code.
func NewCode() Code {
	var code [codeLen]byte
	for i := range code {
		for {
			var b [1]byte
			rand.Read(b[:])                             // never fails
			if n := int(b[0]) & 31; n < len(alphabet) { // no character is likelier than another
				code[i] = alphabet[n]
				break
			}
		}
	}
	return Code(code[:])
}

// ParseCode reads a code as a person types it: case, hyphens and spaces do not
// matter.
func ParseCode(s string) (Code, error) {
	code := strings.ToUpper(strings.NewReplacer("-", "", " ", "", "\t", "").Replace(s))
	for _, r := range code {
		switch {
		case strings.ContainsRune("01OIL", r):
			return "", fmt.Errorf("a code never has the character %q: look again at the other box's console", r)
		case !strings.ContainsRune(alphabet, r):
			return "", fmt.Errorf("a code has only letters and digits, not %q: type it as the other box's console shows it", r)
		}
	}
	if len(code) != codeLen {
		return "", fmt.Errorf("a code has %d characters, this has %d: type it as the other box's console shows it, for example K7QM-3F2P", codeLen, len(code))
	}
	return Code(code), nil
}

// String is the code as it is shown: XXXX-XXXX.
func (c Code) String() string {
	if len(c) != codeLen {
		return string(c)
	}
	return string(c[:4] + "-" + c[4:])
}
