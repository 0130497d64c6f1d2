package keyring

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func ring(t *testing.T) (*Ring, tls.Certificate, Pin) {
	t.Helper()
	r, err := Open(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	cert, pin, err := r.Own()
	if err != nil {
		t.Fatal(err)
	}
	return r, cert, pin
}

func TestKeyIsMadeOnceAndKept(t *testing.T) {
	r, _, pin := ring(t)
	_, again, err := r.Own()
	if err != nil || again != pin {
		t.Fatalf("second look gave %v, %v; want %v", again, err, pin)
	}
	info, err := os.Stat(filepath.Join(r.dir, "own.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
}

func TestPinsAreKeptAsText(t *testing.T) {
	r, _, pin := ring(t)
	if _, ok, err := r.Partner("dhcp"); ok || err != nil {
		t.Fatalf("a new ring has a pin (%v)", err)
	}
	if err := r.SetPartner("dhcp", pin); err != nil {
		t.Fatal(err)
	}
	got, ok, err := r.Partner("dhcp")
	if !ok || err != nil || got != pin {
		t.Fatalf("%v %v %v", got, ok, err)
	}
	if p, err := ParsePin(strings.ToUpper(strings.ReplaceAll(pin.String(), "-", " "))); err != nil || p != pin {
		t.Fatalf("%v, %v", p, err)
	}
	if err := r.Forget("dhcp"); err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := r.Partner("dhcp"); ok {
		t.Fatal("the pin outlived Forget")
	}
	if err := r.SetPartner("../../etc/x", pin); err == nil {
		t.Fatal("a name with a slash was taken")
	}
}

func TestDamageIsNamed(t *testing.T) {
	r, _, _ := ring(t)
	for file, text := range map[string]string{"own.key": "rubbish", "partner-dhcp": "12ab"} {
		if err := os.WriteFile(filepath.Join(r.dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := r.Own(); err == nil || !strings.Contains(err.Error(), "own.key holds no PEM key") {
		t.Fatal(err)
	}
	if _, _, err := r.Partner("dhcp"); err == nil || !strings.Contains(err.Error(), "64 hexadecimal digits") {
		t.Fatal(err)
	}
}

func TestOnlyThePinnedKeyConnects(t *testing.T) {
	_, a, pinA := ring(t)
	_, b, pinB := ring(t)
	_, _, other := ring(t)
	for _, c := range []struct {
		name             string
		atClient, atServ Pin
		ok               bool
	}{
		{"both right", pinB, pinA, true},
		{"server has another key", other, pinA, false},
		{"client has another key", pinB, other, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			x, y := net.Pipe()
			defer x.Close()
			client, server := tls.Client(x, TLS(a, c.atClient)), tls.Server(y, TLS(b, c.atServ))
			done := make(chan error, 1)
			go func() {
				err := server.Handshake()
				if err == nil {
					_, err = server.Write([]byte("!"))
				}
				y.Close()
				done <- err
			}()
			err := client.Handshake()
			if err == nil {
				_, err = client.Read(make([]byte, 1))
			}
			x.Close()
			serr := <-done
			if ok := err == nil && serr == nil; ok != c.ok {
				t.Fatalf("client: %v, server: %v", err, serr)
			}
			if !c.ok && !errors.Is(err, ErrWrongKey) && !errors.Is(serr, ErrWrongKey) {
				t.Fatalf("client: %v, server: %v; want the wrong key named", err, serr)
			}
		})
	}
}
