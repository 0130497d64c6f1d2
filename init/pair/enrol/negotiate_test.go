package enrol

import (
	"net"
	"testing"

	"tandem/init/pair/frame"
)

// A box that knows the code is pinned only if its last word before the commit
// was a box.conf that the host accepts.
func TestOrderOfWords(t *testing.T) {
	good := body(t, kindAccept, accept{[]byte("name b\n")})
	bad := body(t, kindAccept, accept{[]byte("rubbish")})
	commit := frame.Frame{Kind: kindCommit}
	for name, c := range map[string]struct {
		said   []frame.Frame
		pinned int
	}{
		"accept, commit":                 {[]frame.Frame{good, commit}, 1},
		"mended, then commit":            {[]frame.Frame{bad, good, commit}, 1},
		"commit alone":                   {[]frame.Frame{commit}, 0},
		"commit of a refused box.conf":   {[]frame.Frame{bad, commit}, 0},
		"commit of the one before":       {[]frame.Frame{good, bad, commit}, 0},
		"accept alone":                   {[]frame.Frame{good}, 0},
		"a hello again":                  {[]frame.Frame{body(t, kindHello, hello{Protocol: protocol}), good, commit}, 0},
		"the host's own words":           {[]frame.Frame{good, {Kind: kindReady}, commit}, 0},
		"accept without a body":          {[]frame.Frame{{Kind: kindAccept}, commit}, 0},
		"accept, a second commit":        {[]frame.Frame{good, commit, commit}, 1},
		"more than a box.conf may have":  {[]frame.Frame{{Kind: kindAccept, Body: make([]byte, maxBox+1)}, commit}, 0},
		"bye instead of commit":          {[]frame.Frame{good, {Kind: kindBye}}, 0},
		"done, as if it were the host's": {[]frame.Frame{good, {Kind: kindDone}, commit}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, nil)
			own, _ := ownKey(t)
			session, err := Join(t.Context(), to(s.addr), own, s.first().Code)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range c.said {
				// The host may have hung up already.
				_, _ = session.link.conn.Write(frame.Append(nil, f))
			}
			_ = session.link.conn.NetConn().(*net.TCPConn).CloseWrite()
			for { // until the host has said and done everything
				if _, err := frame.Read(session.link.conn, maxOffer); err != nil {
					break
				}
			}
			if n := len(s.pins()); n != c.pinned {
				t.Fatalf("%d pins, want %d", n, c.pinned)
			}
		})
	}
}
