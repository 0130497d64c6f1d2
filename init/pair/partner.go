package pair

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tandem/failover/daemon/keyring"
	"tandem/init/box"
	"tandem/init/pair/enrol"
)

// Files in Options.Dir.
const (
	partnerConf = "partner.conf"
	partnerPub  = "partner.pub"
	configDir   = "config"
	joinedMark  = "joined" // its content is the enrol.Kind
)

// Partnership is what makes a box the partner of another.
type Partnership struct {
	Peer      string // name of the failover relationship (box.Config.PeerName)
	Pin       keyring.Pin
	PublicKey ed25519.PublicKey
	BoxConf   []byte // the partner's box.conf
}

// Install writes a partnership to the keyring and to the service's directory.
// The pin in the keyring is written last: a box with it is paired.
func Install(keys, dir string, p Partnership) error {
	if pin, err := enrol.PinOf(p.PublicKey); err != nil || pin != p.Pin {
		return errors.Join(errors.New("the partner's public key does not fit its pin"), err)
	}
	der, err := x509.MarshalPKIXPublicKey(p.PublicKey)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	pub := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	if err := replaceFile(filepath.Join(dir, partnerPub), pub); err != nil {
		return err
	}
	if err := replaceFile(filepath.Join(dir, partnerConf), p.BoxConf); err != nil {
		return err
	}
	ring, err := keyring.Open(keys)
	if err != nil {
		return err
	}
	if err := ring.SetPartner(p.Peer, p.Pin); err != nil {
		return err
	}
	return syncDir(keys)
}

// identity is who the two boxes are: it stays the same during one life of the
// service's parts, and a change of it on disk begins another.
type identity struct {
	boxText []byte
	box     box.Config
	own     ownKey
	paired  bool
	pin     keyring.Pin
	partner ed25519.PublicKey // nil: pinned by hand, its key is not here yet
	// partnerBox is what the partner told of itself last; ok tells whether it
	// ever did.
	partnerText []byte
	partnerBox  box.Config
	partnerOK   bool
}

// readIdentity reads all of it from disk.
func readIdentity(o Options) (identity, error) {
	var id identity
	var err error
	if id.boxText, err = os.ReadFile(o.Box); err != nil {
		return id, fmt.Errorf("this box's configuration: %w; set the box up on its console", err)
	}
	var problems []box.Problem
	if id.box, problems = box.Parse(o.Box, string(id.boxText)); len(problems) > 0 {
		return id, fmt.Errorf("this box's configuration: %w", problems[0])
	}
	ring, err := keyring.Open(o.Keys)
	if err != nil {
		return id, err
	}
	if id.own.cert, id.own.pin, err = ring.Own(); err != nil {
		return id, err
	}
	if id.pin, id.paired, err = ring.Partner(id.box.PeerName()); err != nil {
		return id, fmt.Errorf("the partner's pin: %w; remove the file and pair the boxes again with `failctl pair open`", err)
	}
	if id.paired {
		if id.partner, err = readPublicKey(filepath.Join(o.Dir, partnerPub), id.pin); err != nil {
			return id, err
		}
	}
	id.partnerText, err = os.ReadFile(filepath.Join(o.Dir, partnerConf))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return id, err
	}
	var bad []box.Problem
	id.partnerBox, bad = box.Parse(partnerConf, string(id.partnerText))
	id.partnerOK = err == nil && len(bad) == 0
	return id, nil
}

// readPublicKey reads partner.pub. A key that does not fit the pin is no
// error: the partner was pinned by hand since, and tells its key in the next
// session.
func readPublicKey(path string, pin keyring.Pin) (ed25519.PublicKey, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, nil
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	pub, ok := key.(ed25519.PublicKey)
	if err != nil || !ok {
		return nil, nil
	}
	if got, err := enrol.PinOf(pub); err != nil || got != pin {
		return nil, nil
	}
	return pub, nil
}

// newName proposes a name for the partner: dhcp-b for dhcp-a, dhcp2 for dhcp1,
// and with "-2" (or "-1") at its end otherwise.
func newName(c *box.Config) string {
	if n := len(c.Name); n > 1 {
		stem, last := c.Name[:n-1], c.Name[n-1]
		other := map[byte]byte{'a': 'b', 'b': 'a', 'A': 'B', 'B': 'A', '1': '2', '2': '1'}[last]
		if end := stem[len(stem)-1]; other != 0 && (last < 'A' && (end < '0' || end > '9') || end == '-') {
			return stem + string(other)
		}
	}
	suffix := "-2"
	if c.Role == box.Secondary {
		suffix = "-1"
	}
	return c.Name[:min(len(c.Name), 61)] + suffix
}

// replaceFile puts a file in place whole and durably.
func replaceFile(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Chmod(0o644)
	}
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
