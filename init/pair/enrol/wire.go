package enrol

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"tandem/failover/daemon/keyring"
	"tandem/init/pair/frame"
)

// protocol is the version of the frames below; a box of another one is turned
// away by name.
const protocol = 1

// Kinds of frames.
const (
	kindHello byte = iota + 1
	kindShare
	kindProof
	kindOffer
	kindAccept
	kindReady
	kindCommit
	kindDone
	kindBye
	kindRefuse
)

type hello struct {
	Protocol int    `json:"protocol"`
	Share    []byte `json:"share,omitempty"`
	// Resume asks for the end of an enrolment whose connection broke after
	// commit.
	Resume bool `json:"resume,omitempty"`
}

type share struct {
	Share []byte `json:"share"`
}

type proof struct {
	MAC []byte `json:"mac"`
}

type offer struct {
	MAC   []byte `json:"mac"`
	Offer Offer  `json:"offer"`
}

type accept struct {
	BoxConf []byte `json:"boxConf"`
}

// reason is why the host turns a box away. Until the code is proven nothing
// that the other side says is shown as it stands, so this is not a text.
type reason string

const (
	wrongCode     reason = "wrong code"
	tooMany       reason = "too many"
	taken         reason = "taken"
	closed        reason = "closed"
	otherProtocol reason = "protocol"
	badFrame      reason = "frame"
	badBox        reason = "box.conf" // Text says what is wrong with it
	hostTrouble   reason = "trouble"  // Text says what went wrong
)

type refuse struct {
	Reason reason        `json:"reason"`
	Left   int           `json:"left,omitempty"` // tries that the code has left
	Age    time.Duration `json:"age,omitempty"`  // of the code that is shown now
	Text   string        `json:"text,omitempty"`
}

// Refusal is what the host said no with; its text has a remedy.
type Refusal struct {
	reason reason
	text   string
}

// Error is the text for the person at the joining box.
func (r *Refusal) Error() string { return r.text }

// Correctable tells that the same session goes on: Accept may be called again
// with a better box.conf.
func (r *Refusal) Correctable() bool { return r.reason == badBox }

func (r refuse) refusal() *Refusal {
	text := ""
	switch r.Reason {
	case wrongCode:
		age := "a moment ago"
		if r.Age >= time.Second {
			age = r.Age.Round(time.Second).String() + " ago"
		}
		text = fmt.Sprintf("the code does not match. It is mistyped, or an old one (the other box made its present code %s and "+
			"takes %d more tries with it), or this cable leads to another box. Look at the other console and type its code "+
			"again; if it shows exactly what you typed, somebody may sit between the boxes: join them by one plain cable", age, r.Left)
	case tooMany:
		text = "other boxes are trying codes at the other box at this moment: wait ten seconds, then try again"
	case taken:
		text = "another box has used this code and is being set up: wait for it, or run `failctl pair open` at the other box for a new code"
	case closed:
		text = "the other box does not take a partner now: run `failctl pair open` there, then type the code that it shows"
	case otherProtocol:
		text = "the other box runs another release whose pairing differs: bring both boxes to the same release"
	case badFrame:
		text = "the other box did not understand this one: bring both boxes to the same release, and try again"
	case badBox:
		text = "the other box does not accept this configuration: " + printable(r.Text)
	case hostTrouble:
		text = "the other box could not go on: " + printable(r.Text) + "; neither box has changed. Mend that, then start again with a new code"
	default:
		text = fmt.Sprintf("the other box refused (%.20q): bring both boxes to the same release, and try again", string(r.Reason))
	}
	return &Refusal{r.Reason, text}
}

// printable keeps what the other side says from playing with the terminal.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r >= ' ' && r != 0x7f && (r < 0x80 || r > 0x9f) {
			return r
		}
		return '?'
	}, s)
	if len(s) > 2000 {
		s = s[:2000] + " ..."
	}
	return s
}

// link is one TLS connection between the two boxes.
type link struct {
	conn   *tls.Conn
	theirs ed25519.PublicKey
	pin    keyring.Pin
}

// secure does the handshake. The other side's key is not judged here.
func secure(ctx context.Context, raw net.Conn, own tls.Certificate, client bool) (*link, error) {
	cfg := &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{own},
		ClientAuth:             tls.RequireAnyClientCert,
		InsecureSkipVerify:     true, // the code proves the key instead of a chain
		SessionTicketsDisabled: true,
	}
	conn := tls.Server(raw, cfg)
	if client {
		conn = tls.Client(raw, cfg)
	}
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	certs := conn.ConnectionState().PeerCertificates
	if len(certs) == 0 {
		return nil, errors.New("the other side shows no key")
	}
	key, ok := certs[0].PublicKey.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the other side's key is %T, not Ed25519: it is no Tandem box", certs[0].PublicKey)
	}
	pin, err := PinOf(key)
	return &link{conn, key, pin}, err
}

// PinOf is the pin of a public key.
func PinOf(key ed25519.PublicKey) (keyring.Pin, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	return sha256.Sum256(der), err
}

// binding gives what an exchange inside the connection is bound to: the
// parties in their roles, and the connection.
func (l *link) binding(own tls.Certificate, client bool) (ci, sid []byte, err error) {
	ownKey, ok := own.PrivateKey.(ed25519.PrivateKey)
	if !ok {
		return nil, nil, errors.New("this box's own key is not Ed25519: remove own.key from its keys, a new one is made")
	}
	pin, err := PinOf(ownKey.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, nil, err
	}
	joining, host := l.pin, pin
	if client {
		joining, host = pin, l.pin
	}
	state := l.conn.ConnectionState()
	sid, err = state.ExportKeyingMaterial("EXPORTER-tandem-enrolment", nil, 32)
	return lvCat([]byte("tandem enrolment 1"), joining[:], host[:]), sid, err
}

// send writes a frame within stepTime.
func (l *link) send(kind byte, v any) error {
	if err := l.conn.SetWriteDeadline(time.Now().Add(stepTime)); err != nil {
		return err
	}
	return frame.Write(l.conn, kind, v)
}

// receive reads a frame of one of two kinds, or a refusal, which is an error.
func (l *link) receive(within time.Duration, limit int) (frame.Frame, error) {
	if err := l.conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		return frame.Frame{}, err
	}
	f, err := frame.Read(l.conn, limit)
	if err != nil || f.Kind != kindRefuse {
		return f, err
	}
	var r refuse
	if err := f.Decode(kindRefuse, &r); err != nil {
		return f, err
	}
	return f, r.refusal()
}

// expect receives a frame of one kind.
func (l *link) expect(kind byte, v any, within time.Duration, limit int) error {
	f, err := l.receive(within, limit)
	if err != nil {
		return err
	}
	return f.Decode(kind, v)
}
