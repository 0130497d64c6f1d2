package pair

import (
	"strings"
	"sync"
	"testing"

	"tandem/failover/daemon/control"
	"tandem/init/box"
)

// reloads is a dhcpfd that counts how often it is asked to reload.
type reloads struct {
	mu     sync.Mutex
	n      int
	refuse bool
}

func (r *reloads) Ask(words []string, _ <-chan struct{}) <-chan control.Piece {
	r.mu.Lock()
	defer r.mu.Unlock()
	if words[0] == "reload" {
		r.n++
		if r.refuse {
			return one(control.Piece{Error: "dhcpd.conf:1: what is this?"})
		}
	}
	return one(control.Piece{Body: []byte(`"well"`)})
}

func (r *reloads) set(refuse bool) (before int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = refuse
	return r.n
}

// The partner has another key: dhcpfd hears of it, or an alarm says that it
// did not.
func TestNewKeyIsTold(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := s.box(s.conf("dhcp-a", box.Primary))
	r := &reloads{}
	server, err := control.Listen(a.o.Engine, r, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	rekey := func() string {
		t.Helper()
		pin := ring(t).pin
		if err := a.key().SetPartner("dhcp", pin); err != nil {
			t.Fatal(err)
		}
		return pin.String()
	}
	rekey()
	a.start()
	a.until("told at the start", func(Status) bool { return r.set(false) > 0 })
	before := r.set(true)
	pin := rekey()
	missing := func(s Status) bool {
		return strings.Contains(strings.Join(s.Alarms, ""), "does not take up the partner's new key")
	}
	st := a.until("an alarm", missing)
	if st.Partner.Pin != pin || r.set(false) <= before || !strings.Contains(strings.Join(st.Alarms, ""), "what is this?") {
		t.Fatalf("%+v", st)
	}
	a.until("no such alarm", func(s Status) bool { return !missing(s) })
}
