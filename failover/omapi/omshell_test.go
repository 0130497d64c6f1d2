package omapi

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tandem/failover/lease"
)

// testKeys are the published keys of the vectors.
var testKeys = []struct{ algorithm, secret string }{
	{"hmac-md5", "6lwfQL091rSob1ywKtK8bA=="},
	{"hmac-sha1", "tfmuJsPKeItkT0LyBUMg1dcX7Nw="},
	{"hmac-sha224", "xMBFVY9x60K3hGdLmRInu+k3vTSjQ0Ew9OR1yw=="},
	{"hmac-sha256", "7XXAEqK6LVQWeSD9+51wYdLqVve19kAqX+qBPlEMPP4="},
	{"hmac-sha384", "yyN+VTEjmAY8VglkmFaAnx3Rg0bJV1Q87Hso8XpfngOfrmWbkbq/YigdIb+WsxlZ"},
	{"hmac-sha512", "UpsLhybrQL/JpAoovGAmmkMYcO971sAhBP1FKChTLuIhguq/QlNQQYPjx4opjJkORudLR+MY4ovFKhevkaYAYw=="},
}

// keyed is a configuration that requires the published key of an algorithm.
func keyed(algorithm string) Config {
	for _, k := range testKeys {
		if k.algorithm == algorithm {
			secret, err := base64.StdEncoding.DecodeString(k.secret)
			if err != nil {
				panic(err)
			}
			return Config{Keys: []Key{{Name: "omapi_key", Algorithm: algorithm, Secret: secret}}, Required: "omapi_key"}
		}
	}
	panic("no key for " + algorithm)
}

// wantLines checks that the lines stand in text in this order.
func wantLines(t *testing.T, text string, lines ...string) {
	t.Helper()
	rest := text
	for _, line := range lines {
		_, after, found := strings.Cut(rest, line+"\n")
		if !found {
			t.Fatalf("no line %q (after the earlier ones) in\n%s", line, text)
		}
		rest = after
	}
}

// login are the lines that connect with the published key of an algorithm.
func login(algorithm string) []string {
	for _, k := range testKeys {
		if k.algorithm == algorithm {
			return []string{"key-algorithm " + algorithm, "key omapi_key " + k.secret, "connect"}
		}
	}
	panic("no key for " + algorithm)
}

// The recipe of the field for a dead partner, with each algorithm: at once
// and with the outcome put off until a sync.
func TestOmshellPartnerDown(t *testing.T) {
	for _, k := range testKeys {
		for _, slow := range []bool{false, true} {
			w := sampleWorld()
			w.slow = slow
			sh := startShell(t, keyed(k.algorithm), w)
			got := sh.omshell(append(login(k.algorithm), "new failover-state", `set name = "dhcp"`, "open",
				"set local-state = 4", "update", "refresh")...)
			wantLines(t, got, "> obj: failover-state", "partner-address = 0a:4d:00:03", "local-address = 0a:4d:00:02",
				"local-state = 00:00:00:03", "local-state = 4", "local-state = 00:00:00:04", "local-stos = 6b:00:d6:67")
			if len(sh.changes()) != 1 || *sh.changes()[0].(*SetPeerState) != (SetPeerState{"dhcp", lease.PartnerDown}) {
				t.Errorf("%s: changes %v", k.algorithm, sh.changes())
			}
		}
	}
}

func TestOmshellRefusedPartnerDown(t *testing.T) {
	w := sampleWorld()
	w.peers[0].Local = lease.Normal
	sh := startShell(t, keyed("hmac-sha256"), w)
	got := sh.omshell(append(login("hmac-sha256"), "new failover-state", `set name = "dhcp"`, "open",
		"set local-state = 4", "update", "refresh", "set local-state = 300", "update", "refresh", "close", "new failover-state",
		`set name = "nosuch"`, "open")...)
	wantLines(t, got, "> can't update object: permission denied", "local-state = 00:00:00:02",
		`refused = "partner-down is refused while the partner is heard"`,
		"> can't update object: invalid argument", "local-state = 00:00:00:02",
		`refused = "local-state 300 is no server state; only 4 (partner-down) can be set by hand"`,
		"> can't open object: not found")
}

func TestOmshellHost(t *testing.T) {
	for _, slow := range []bool{false, true} {
		w := sampleWorld()
		w.slow = slow
		sh := startShell(t, keyed("hmac-md5"), w)
		got := sh.omshell(append(login("hmac-md5"),
			"new group", `set name = "g1"`, `set statements = "default-lease-time 60;"`, "create", "close",
			"new host", `set name = "desk-42"`, "set hardware-address = 02:77:00:00:02:42", "set hardware-type = 1",
			"set ip-address = 10.77.0.42", `set group = "g1"`, "create", "close",
			"new host", "set hardware-address = 02:77:00:00:02:42", "open", "set ip-address = 10.77.0.43", "update", "refresh",
			"remove", "close",
			"new host", `set name = "desk-42"`, "open")...)
		wantLines(t, got, `name = "desk-42"`, "ip-address = 0a:4d:00:2a", "ip-address = 0a:4d:00:2b", "> obj: <null>",
			"> can't open object: not found")
		want := []string{"*omapi.PutGroup", "*omapi.PutHost", "*omapi.PutHost", "*omapi.DropHost"}
		if got := kinds(sh.changes()); !slices.Equal(got, want) {
			t.Fatalf("changes %v", got)
		}
		if h := sh.changes()[1].(*PutHost); !h.New || h.HW != "\x01\x02\x77\x00\x00\x02\x42" || h.Group != "g1" {
			t.Errorf("made host %+v", h)
		}
		if h := sh.changes()[2].(*PutHost); h.New || h.Group != "g1" || !slices.Equal(h.Fixed, []lease.IP{lease.MustIP("10.77.0.43")}) {
			t.Errorf("changed host %+v", h)
		}
	}
}

func kinds(changes []Change) (names []string) {
	for _, c := range changes {
		names = append(names, fmt.Sprintf("%T", c))
	}
	return names
}

func TestOmshellLease(t *testing.T) {
	w := sampleWorld()
	sh := startShell(t, Config{}, w)
	got := sh.omshell("connect",
		"new lease", "set dhcp-client-identifier = 01:02:77:00:00:00:11", "open", "close",
		"new lease", "set hardware-address = 02:77:00:00:00:11", "set hardware-type = 1", "open",
		"set flags = 4", `set my-note = "checked"`, "update", "refresh", "set state = 2", "update", "set state = 7", "update", "close",
		"new control", "open", "set state = 2", "update")
	wantLines(t, got, "ip-address = 0a:4d:00:78", "ip-address = 0a:4d:00:78", "flags = 04", `my-note = "checked"`,
		"> can't update object: invalid argument", "> obj: control", "state = 00:00:00:00", "state = 2")
	if got, want := kinds(sh.changes()), []string{"*omapi.SetLease", "*omapi.Shutdown"}; !slices.Equal(got, want) {
		t.Errorf("changes %v", got)
	}
	if strings.Contains(got, "reset") {
		t.Errorf("the connection was lost:\n%s", got)
	}
}

func TestOmshellWithoutRightKey(t *testing.T) {
	sh := startShell(t, keyed("hmac-sha256"), sampleWorld())
	open := []string{"new lease", "set ip-address = 10.77.0.120", "open"}
	for _, c := range []struct {
		name, want string
		login      []string
	}{
		{"wrong secret", "> can't open object: connection reset by peer", []string{"key-algorithm hmac-sha256", "key omapi_key AAAAAAAAAAAAAAAAAAAAAA==", "connect"}},
		{"wrong name", "dhcpctl_connect: not found", []string{"key-algorithm hmac-sha256", "key other_key AAAAAAAAAAAAAAAAAAAAAA==", "connect"}},
		{"wrong algorithm", "dhcpctl_connect: not found", []string{"key omapi_key " + testKeys[3].secret, "connect"}},
		{"no key", "> can't open object: no key specified", []string{"connect"}},
	} {
		got := sh.omshell(append(c.login, open...)...)
		if !strings.Contains(got, c.want) || strings.Contains(got, "voip-0011") {
			t.Errorf("%s: no %q in\n%s", c.name, c.want, got)
		}
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if s := sh.server.Stats(); s.BadSignatures != 1 || s.BadKeys != 2 || s.Unsigned == 0 {
		t.Errorf("counters %+v", s)
	}
}

// A server without a key tells a client with one that it does not know it.
func TestOmshellNeedlessKey(t *testing.T) {
	sh := startShell(t, Config{}, sampleWorld())
	if got := sh.omshell(login("hmac-md5")...); !strings.Contains(got, "dhcpctl_connect: not found") {
		t.Error(got)
	}
}
