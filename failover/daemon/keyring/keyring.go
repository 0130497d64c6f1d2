// Package keyring keeps the key of this server and the pins of its partners'
// keys, in one directory:
//
//	own.key         PKCS #8 PEM, Ed25519, mode 0600; made on first use
//	partner-NAME    the pin of the partner of relationship NAME, one line
//
// A pin is the SHA-256 of the public key (SubjectPublicKeyInfo), written as
// hexadecimal in groups of four. There are no certificate authorities and no
// names in certificates: a connection is the partner's if its key has the pin.
package keyring

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Pin is the SHA-256 of a SubjectPublicKeyInfo.
type Pin [sha256.Size]byte

// String is the pin in sixteen groups of four hexadecimal digits.
func (p Pin) String() string {
	digits := hex.EncodeToString(p[:])
	groups := make([]string, 0, len(digits)/4)
	for i := 0; i < len(digits); i += 4 {
		groups = append(groups, digits[i:i+4])
	}
	return strings.Join(groups, "-")
}

// ParsePin reads what Pin.String writes; spaces, colons and hyphens between
// digits do not matter.
func ParsePin(s string) (Pin, error) {
	digits := strings.NewReplacer("-", "", ":", "", " ", "", "\n", "").Replace(strings.ToLower(s))
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw) != sha256.Size {
		return Pin{}, fmt.Errorf("%q is not a pin: it has 64 hexadecimal digits, as `failctl key` prints them on the other server", s)
	}
	return Pin(raw), nil
}

// Ring is one directory.
type Ring struct{ dir string }

// Open makes the directory if need be.
func Open(dir string) (*Ring, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return &Ring{dir}, nil
}

// Own gives the server's own certificate and the pin of its key; the key is
// made when there is none yet.
func (r *Ring) Own() (tls.Certificate, Pin, error) {
	path := filepath.Join(r.dir, "own.key")
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		raw, err = makeKey(path)
	}
	if err != nil {
		return tls.Certificate{}, Pin{}, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return tls.Certificate{}, Pin{}, fmt.Errorf("%s holds no PEM key; remove it to have a new one made, then pin that at the partner", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	ed, ok := key.(ed25519.PrivateKey)
	if err != nil || !ok {
		return tls.Certificate{}, Pin{}, fmt.Errorf("%s holds no Ed25519 key (%v); remove it to have a new one made, then pin that at the partner", path, err)
	}
	cert, err := certificate(ed)
	if err != nil {
		return tls.Certificate{}, Pin{}, err
	}
	return cert, pinOf(cert.Leaf), nil
}

func makeKey(path string) ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	raw := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return raw, write(path, raw)
}

// certificate wraps the key: TLS wants one, nobody looks at what it says. Its
// times lie outside of every clock error.
func certificate(key ed25519.PrivateKey) (tls.Certificate, error) {
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "tandem"},
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}

func pinOf(c *x509.Certificate) Pin { return sha256.Sum256(c.RawSubjectPublicKeyInfo) }

// Partner gives the pin of the partner of a relationship; ok is false if none
// is pinned, which means clear text.
func (r *Ring) Partner(peer string) (pin Pin, ok bool, err error) {
	path, err := r.partnerFile(peer)
	if err != nil {
		return Pin{}, false, err
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return Pin{}, false, nil
	}
	if err != nil {
		return Pin{}, false, err
	}
	pin, err = ParsePin(strings.TrimSpace(string(raw)))
	if err != nil {
		return Pin{}, false, fmt.Errorf("%s: %w", path, err)
	}
	return pin, true, nil
}

// SetPartner pins the partner's key; Forget removes the pin.
func (r *Ring) SetPartner(peer string, pin Pin) error {
	path, err := r.partnerFile(peer)
	if err != nil {
		return err
	}
	return write(path, []byte(pin.String()+"\n"))
}

// Forget removes the pin of a relationship: its link goes back to clear text.
func (r *Ring) Forget(peer string) error {
	path, err := r.partnerFile(peer)
	if err != nil {
		return err
	}
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (r *Ring) partnerFile(peer string) (string, error) {
	if peer == "" || strings.ContainsAny(peer, "/\x00") || len(peer) > 200 {
		return "", fmt.Errorf("%q cannot be the name of a pinned relationship", peer)
	}
	return filepath.Join(r.dir, "partner-"+peer), nil
}

// write puts a file in place whole, for the owner's eyes only.
func write(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// ErrWrongKey is what a handshake ends with when the other side's key is not
// the pinned one.
var ErrWrongKey = errors.New("the partner's key is not the pinned one")

// TLS gives the configuration of a connection to the holder of pin, as client
// or server: TLS 1.3 only, both sides show their key, nothing else counts.
func TLS(own tls.Certificate, pin Pin) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{own},
		ClientAuth:             tls.RequireAnyClientCert,
		InsecureSkipVerify:     true, // the pin is checked instead of a chain
		SessionTicketsDisabled: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 || pinOf(s.PeerCertificates[0]) != pin {
				return ErrWrongKey
			}
			return nil
		},
	}
}
