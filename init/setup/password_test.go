package setup

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestHash(t *testing.T) {
	one, err := Hash("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	two, _ := Hash("correct horse")
	if one == two || !strings.HasPrefix(one, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("%s\n%s", one, two)
	}
	for password, want := range map[string]bool{"correct horse": true, "correct hors": false, "": false, "correct horse ": false} {
		if ok, err := Matches(one, password); ok != want || err != nil {
			t.Errorf("%q: %v, %v", password, ok, err)
		}
	}
	// From the tests of the reference implementation (P-H-C/phc-winner-argon2, src/test.c).
	if ok, err := Matches("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"); !ok || err != nil {
		t.Errorf("the reference's hash: %v, %v", ok, err)
	}
}

func TestDamagedHash(t *testing.T) {
	good, _ := Hash("x")
	for _, h := range []string{"", "x", "$argon2id$", strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=19456", "m=999999999", 1), strings.Replace(good, "t=2", "t=0", 1), strings.Replace(good, "p=1", "p=0", 1),
		strings.Replace(good, "t=2", "t=99999", 1), good + "!", good[:len(good)-40], good + "$", strings.Replace(good, "m=", "n=", 1)} {
		if ok, err := Matches(h, "x"); ok || err == nil {
			t.Errorf("%q: %v, %v", h, ok, err)
		}
	}
}

func TestDelay(t *testing.T) {
	for n, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 6: longestDelay, 1000: longestDelay} {
		if got := delay(n); got != want {
			t.Errorf("after %d: %s", n, got)
		}
	}
}

// lockedBox is a running box with a password.
func lockedBox(t *testing.T) *fakeBox {
	m := runningBox()
	hash, err := Hash("open sesame")
	if err != nil {
		t.Fatal(err)
	}
	m.facts.PasswordHash = hash
	return m
}

func TestLock(t *testing.T) {
	m := lockedBox(t)
	m.status.Pairing = Pairing{Open: true, Code: "K7QM-3F2P", Until: noon.Add(time.Minute)}
	m.status.Alarms = []Alarm{{Severity: "major", Name: "clock", Text: "one server"}}
	r := sit(t, m)
	r.golden("locked")
	r.lacks("K7QM-3F2P")
	r.keys("m", "reboot", enter)
	r.sees("Wait 1 s before the next try")
	r.keys("open sesame", enter)
	r.sees("Not before 1 s have passed")
	r.wait(time.Second)
	r.keys("wrong again", enter)
	r.sees("Wait 2 s")
	r.wait(2 * time.Second)
	r.sees("Try again")
	r.keys("x", clear, "open sesamex", "\x7f", enter)
	r.sees("FULL by rule R2", "K7QM-3F2P")
	if len(m.actions) != 0 {
		t.Errorf("behind the lock was done: %s", m.did())
	}
	// What was open stays as it was when the session locks itself.
	r.keys("w", "10.0.0.17")
	r.wait(IdleTime - time.Second)
	r.sees("10.0.0.17")
	r.wait(time.Second)
	r.lacks("10.0.0.17")
	r.keys("open sesame", enter)
	r.sees("10.0.0.17")
	r.esc()
	r.keys("s", "l")
	r.sees("is locked")
}

func TestLockOfLines(t *testing.T) {
	m := lockedBox(t)
	r := lineSit(t, m)
	r.lines("reboot", "status")
	r.sees("That was not the password.", "Not before 1 s have passed.")
	r.wait(time.Second)
	r.lines("open sesame")
	r.sees("| posture   FULL")
	if strings.Contains(r.log.String(), "sesame") || len(m.actions) != 0 {
		t.Errorf("the password is shown, or something was done: %s", m.did())
	}
	r.lines("lock")
	r.sees("Password:")
	r.lines("open sesame", "lock", "<", "", "open sesame", "why")
	if got := m.did(); got != "Why{About:}" {
		t.Error(got)
	}
}

func TestDamagedHashIsSaid(t *testing.T) {
	m := runningBox()
	m.facts.PasswordHash = "damaged"
	r := sit(t, m)
	r.keys("anything", enter)
	r.sees("The stored password is damaged", "no-password")
}

func TestSetPassword(t *testing.T) {
	m := runningBox()
	r := sit(t, m)
	r.keys("s", "l")
	r.sees("Not now: there is no password")
	r.keys("p", "short", enter)
	r.sees("at least 8")
	r.keys(clear, "long enough", enter, "long enough", enter)
	r.sees("The password is set.")
	set, _ := m.actions[0].(SetPassword)
	if ok, err := Matches(set.Hash, "long enough"); !ok || err != nil {
		t.Fatalf("%+v: %v", m.actions, err)
	}
	r.keys("p", enter, enter)
	r.sees("no password now")
	if got, _ := m.actions[1].(SetPassword); len(m.actions) != 2 || got.Hash != "" {
		t.Fatalf("%s", m.did())
	}
}

func TestCompareIsWork(t *testing.T) {
	hash, _ := Hash("a")
	if v, err := compare(hash, "a")(context.Background(), nil, nil); v != true || err != nil {
		t.Errorf("%v, %v", v, err)
	}
}
