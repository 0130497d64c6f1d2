package setup

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// The password is kept as an argon2id hash (RFC 9106) in the PHC form
//
//	$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH
//
// with SALT and HASH in base64 without padding. 19 MiB and two passes are the
// least that is advised; a box has little memory to spare.
const (
	hashMemory  = 19 << 10 // KiB
	hashPasses  = 2
	hashThreads = 1
	saltLength  = 16
	hashLength  = 32
)

// Limits of what a stored hash may ask of the box.
const (
	maxMemory = 256 << 10 // KiB
	maxPasses = 16
)

// minPassword is the least length of a password, in characters.
const minPassword = 8

func goodPassword(s string) error {
	if n := utf8.RuneCountInString(s); n < minPassword {
		return fmt.Errorf("the password has %s: at least %d, or none at all", count(n, "character"), minPassword)
	}
	return nil
}

var b64 = base64.RawStdEncoding

// Hash makes the hash of a password with a salt from the system.
func Hash(password string) (string, error) {
	salt := make([]byte, saltLength)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("the system has no random numbers: %w", err)
	}
	key := argon2.IDKey([]byte(password), salt, hashPasses, hashMemory, hashThreads, hashLength)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		hashMemory, hashPasses, hashThreads, b64.EncodeToString(salt), b64.EncodeToString(key)), nil
}

var errHash = errors.New("the stored password is damaged; see how to remove it below")

// Matches tells whether a password fits a hash. An error means that the hash
// can not be read; nothing fits it then.
func Matches(hash, password string) (bool, error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return false, errHash
	}
	var version int
	var memory, passes uint32
	var threads uint8
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &passes, &threads); err != nil {
		return false, errHash
	}
	salt, err1 := b64.DecodeString(parts[4])
	key, err2 := b64.DecodeString(parts[5])
	switch {
	case err1 != nil || err2 != nil || version != argon2.Version, len(key) < 16 || len(key) > 64,
		passes < 1 || passes > maxPasses, threads < 1, memory > maxMemory:
		return false, errHash
	}
	got := argon2.IDKey([]byte(password), salt, passes, memory, threads, uint32(len(key)))
	return subtle.ConstantTimeCompare(got, key) == 1, nil
}

// longestDelay is how long the console waits after many wrong passwords.
const longestDelay = 30 * time.Second

// delay is the wait after n wrong passwords: 1 s, 2 s, 4 s ...
func delay(n int) time.Duration {
	if n > 5 {
		return longestDelay
	}
	return min(longestDelay, time.Second<<max(0, n-1))
}

// compare is the work of comparing a password with a hash.
func compare(hash, password string) Work {
	return func(context.Context, Machine, func(string)) (any, error) {
		return Matches(hash, password)
	}
}
