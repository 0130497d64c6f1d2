package lease

import (
	"testing"
	"time"
)

func TestIPText(t *testing.T) {
	for _, s := range []string{"0.0.0.0", "10.77.0.120", "255.255.255.255"} {
		if ip := MustIP(s); ip.String() != s || ip.Addr().String() != s || From4(ip.As4()) != ip {
			t.Errorf("%s became %v", s, ip)
		}
	}
	for _, s := range []string{"", "10.1", "256.0.0.1", "2001:db8::1"} {
		if ip, err := ParseIP(s); err == nil {
			t.Errorf("%q was read as %v", s, ip)
		}
	}
	if ip, err := ParseIP("::ffff:10.0.0.1"); err != nil || ip != MustIP("10.0.0.1") {
		t.Errorf("mapped address: %v, %v", ip, err)
	}
}

func TestTimeSaturates(t *testing.T) {
	for _, c := range []struct {
		t    Time
		d    Seconds
		want Time
	}{
		{100, 20, 120},
		{100, Infinite, Never},
		{Never, 5, Never},
		{Never - 10, 20, Never - 1},
		{Never - 10, 9, Never - 1},
		{0, 0, 0},
	} {
		if got := c.t.Add(c.d); got != c.want {
			t.Errorf("%d + %d = %d, want %d", c.t, c.d, got, c.want)
		}
	}
	for _, c := range []struct {
		t, o Time
		want Seconds
	}{{120, 100, 20}, {100, 120, 0}, {100, 100, 0}, {Never, 100, Infinite}} {
		if got := c.t.Sub(c.o); got != c.want {
			t.Errorf("%d - %d = %d, want %d", c.t, c.o, got, c.want)
		}
	}
}

func TestTimeAndUTC(t *testing.T) {
	noon := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	if got := FromUTC(noon); !got.UTC().Equal(noon) || got.String() != "2026-11-21T12:00:00Z" {
		t.Errorf("%v", got)
	}
	for _, c := range []struct {
		at   time.Time
		want Time
	}{{time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC), 0}, {time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC), Never - 1}} {
		if got := FromUTC(c.at); got != c.want {
			t.Errorf("%v became %d, want %d", c.at, got, c.want)
		}
	}
	if Time(0).String() != "-" || Never.String() != "never" || !Never.UTC().IsZero() {
		t.Error("unset and never have no date")
	}
}

func TestStateWords(t *testing.T) {
	for s := Free; s <= Backup; s++ {
		if got, ok := ParseState(s.String()); !ok || got != s {
			t.Errorf("%v was read as %v", s, got)
		}
	}
	if _, ok := ParseState("hostname"); ok || State(9).Valid() || State(0).Valid() {
		t.Error("other words are no states")
	}
	for _, s := range []ServerState{UnknownState, Startup, Normal, RecoverWait, ConflictDone} {
		if got, ok := ParseServerState(s.String()); !ok || got != s {
			t.Errorf("%v was read as %v", s, got)
		}
	}
	if ServerState(12).Valid() {
		t.Error("12 is no server state")
	}
}

func TestClientsAreRecognised(t *testing.T) {
	for _, c := range []struct {
		a, b ClientKey
		same bool
	}{
		{ClientKey{UID: "u", HW: "x"}, ClientKey{UID: "u", HW: "y"}, true},
		{ClientKey{UID: "u", HW: "x"}, ClientKey{UID: "v", HW: "x"}, false},
		{ClientKey{HW: "x"}, ClientKey{HW: "x"}, true},
		{ClientKey{UID: "u", HW: "x"}, ClientKey{HW: "x"}, false},
		{ClientKey{}, ClientKey{}, false},
	} {
		if c.a.Matches(c.b) != c.same || c.b.Matches(c.a) != c.same {
			t.Errorf("%q and %q: want same=%v", c.a, c.b, c.same)
		}
	}
}
