package omapi

import (
	"encoding/base64"
	"strings"
	"testing"
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

func TestOmshellOpensLease(t *testing.T) {
	sh := startShell(t, keyed("hmac-md5"), sampleWorld())
	got := sh.omshell("key omapi_key 6lwfQL091rSob1ywKtK8bA==", "connect", "new lease", "set ip-address = 10.77.0.120", "open")
	wantLines(t, got, "state = 00:00:00:02", `client-hostname = "voip-0011"`, "hardware-address = 02:77:00:00:00:11",
		"flags = 00", `vendor-class-identifier = "AastraIPPhone"`)
}
