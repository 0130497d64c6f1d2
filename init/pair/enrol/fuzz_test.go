package enrol

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"

	"tandem/init/pair/frame"
)

// seeds are frames that an honest side sends, and some that none does.
func seeds(f *testing.F) {
	var all []byte
	for kind, v := range map[byte]any{
		kindHello: hello{Protocol: protocol, Share: make([]byte, shareLen)}, kindShare: share{make([]byte, shareLen)},
		kindProof: proof{make([]byte, macLen)}, kindOffer: offer{Offer: Offer{Kind: Partner}},
		kindAccept: accept{[]byte("name b\n")}, kindReady: nil, kindCommit: nil, kindDone: nil, kindBye: nil,
		kindRefuse: refuse{Reason: badBox, Text: "x"},
	} {
		var buf bytes.Buffer
		if err := frame.Write(&buf, kind, v); err != nil {
			f.Fatal(err)
		}
		f.Add(buf.Bytes())
		all = append(all, buf.Bytes()...)
	}
	f.Add(all)
	f.Add([]byte{kindHello, 0xff, 0xff, 0xff, 0xff})
}

// Whatever a box says that does not know the code, the host pins nothing and
// goes on.
func FuzzHost(f *testing.F) {
	seeds(f)
	own, _ := ownKey(f)
	other, _ := ownKey(f)
	f.Fuzz(func(t *testing.T, said []byte) {
		h := &Host{Own: own,
			Offer: func() (Offer, error) { t.Error("an offer was made"); return Offer{}, nil },
			Check: func([]byte) error { t.Error("a box.conf was looked at"); return nil },
			Pin:   func(Joined) error { t.Error("a key was pinned"); return nil },
		}
		w := &window{host: h, done: make(chan struct{})}
		w.renew("")
		defer w.expiry.Stop()
		a, b := net.Pipe()
		served := make(chan struct{})
		go func() { w.serve(context.Background(), b); close(served) }()
		l, err := secure(context.Background(), a, other, true)
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.Copy(io.Discard, l.conn) }()
		_, _ = l.conn.Write(said) // the host may hang up before the end
		a.Close()
		<-served
		if w.Busy || w.pinned != nil || w.inFlight != 0 {
			t.Errorf("%+v", w.Window)
		}
	})
}

// Whatever a host says that does not know the code, no session comes of it.
func FuzzJoin(f *testing.F) {
	seeds(f)
	own, _ := ownKey(f)
	other, _ := ownKey(f)
	f.Fuzz(func(t *testing.T, said []byte) {
		a, b := net.Pipe()
		go func() {
			defer b.Close()
			l, err := secure(context.Background(), b, other, false)
			if err != nil {
				return
			}
			read := make(chan struct{})
			go func() { _, _ = io.Copy(io.Discard, l.conn); close(read) }()
			_, _ = l.conn.Write(said)
			_ = l.conn.CloseWrite()
			b.Close()
			<-read
		}()
		s, err := Join(context.Background(), func(context.Context) (net.Conn, error) { return a, nil }, own, "K7QM3F2P")
		if err == nil || s != nil || err.Error() == "" {
			t.Errorf("%v, %v", s, err)
		}
	})
}
