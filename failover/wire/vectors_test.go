package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// vector is one captured message.
type vector struct {
	where   string // file:line
	from    byte   // 'P' or 'S'
	frame   []byte
	comment string // what the other decoder made of it
}

func vectors(t testing.TB) []vector {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	var list []vector
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			code, comment, _ := strings.Cut(line, "#")
			words := strings.Fields(code)
			if len(words) == 0 {
				continue
			}
			frame, err := hex.DecodeString(words[2])
			if err != nil {
				t.Fatalf("%s:%d: %v", file, i+1, err)
			}
			list = append(list, vector{fmt.Sprintf("%s:%d", filepath.Base(file), i+1), line[0], frame, comment})
		}
	}
	return list
}

// faulty are the captured messages on which dhcpd dropped the connection.
var faulty = map[string]Fault{
	"p1-probe-secondary-connect.txt:31": FaultSize,      // TLS-request of two octets
	"p1-probe-secondary-connect.txt:34": FaultDuplicate, // relationship-name twice
	"p2-probe-secondary-framing.txt:4":  FaultShort,
	"p2-probe-secondary-framing.txt:7":  FaultLong,
	"p3-probe-secondary-bndupd.txt:110": FaultDuplicate, // two updates in one BNDUPD
	"p3-probe-secondary-bndupd.txt:129": FaultType,      // type 77 with an option
}

func TestVectorsKeepTheirOctets(t *testing.T) {
	found := 0
	kinds := map[Kind]int{}
	for _, v := range vectors(t) {
		m, err := Decode(v.frame)
		if want, ok := faulty[v.where]; ok {
			found++
			if !errors.Is(err, want) {
				t.Errorf("%s: error %v, want %v", v.where, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", v.where, err)
			continue
		}
		kinds[m.Kind()]++
		again, err := Frame(m)
		if err != nil || !bytes.Equal(again, v.frame) {
			t.Errorf("%s: encoded again, %v\n got %x\nwant %x", v.where, err, again, v.frame)
		}
	}
	if found != len(faulty) {
		t.Errorf("%d of %d malformed messages found in the vectors", found, len(faulty))
	}
	for k := KindPoolreq; k <= KindDisconnect; k++ {
		if kinds[k] == 0 {
			t.Errorf("no %v among the vectors", k)
		}
	}
	t.Logf("messages by kind: %v", kinds)
}

// otherNames are the names that the other decoder gives to options.
var otherNames = map[string]string{
	"assigned-ip": "assigned-IP-address", "client-id": "client-identifier",
	"chaddr": "client-hardware-address", "cltt": "client-last-transaction-time",
	"lease-expiry": "lease-expiration-time", "potential-expiry": "potential-expiration-time",
	"stos": "start-time-of-state", "max-unacked": "max-unacked-bndupd", "mclt": "MCLT",
	"tls-request": "TLS-request", "tls-reply": "TLS-reply", "vendor-class": "vendor-class-identifier",
	"ip-flags": "IP-flags", "hba": "hash-bucket-assignment", "ddns": "DDNS",
	"request-options": "client-request-options", "reply-options": "client-reply-options",
}

// TestVectorsAgreeWithTheOtherDecoder compares kind, xid, and the set of
// options with the comments in the vectors.
func TestVectorsAgreeWithTheOtherDecoder(t *testing.T) {
	option := regexp.MustCompile(`([a-z-]+)=('[^']*'|\S+)`)
	compared := 0
	for _, v := range vectors(t) {
		m, err := Decode(v.frame)
		words := strings.Fields(v.comment)
		if err != nil || len(words) < 2 || !m.Kind().Known() {
			continue
		}
		compared++
		if words[0] != m.Kind().String() {
			t.Errorf("%s: %v, the other decoder has %s", v.where, m.Kind(), words[0])
		}
		line := Line(m, 0)
		for _, o := range option.FindAllStringSubmatch(v.comment, -1) {
			name, value := o[1], o[2]
			if n, ok := otherNames[name]; ok {
				name = n
			}
			have := " " + name + "="
			switch {
			case name == "xid", name == "assigned-IP-address":
				have += value
			case value[0] == '\'':
				have += `"` + strings.Trim(value, "'") + `"`
			}
			if name != "time" && !strings.Contains(line, have) {
				t.Errorf("%s: no%s in: %s", v.where, have, line)
			}
		}
	}
	if compared < 500 {
		t.Errorf("only %d messages compared", compared)
	}
}

// TestDhcpdMayBeSentWhatDhcpdSends holds the rules against the real thing:
// whatever a real server sent must pass.
func TestDhcpdMayBeSentWhatDhcpdSends(t *testing.T) {
	n := 0
	for _, v := range vectors(t) {
		probe := v.where[0] == 'p'
		scripted := byte('P') // the side that the script played
		for _, p := range []string{"p7", "p8", "p9", "p10", "p11"} {
			if strings.HasPrefix(v.where, p+"-") {
				scripted = 'S'
			}
		}
		if probe && v.from == scripted {
			continue
		}
		m, err := Decode(v.frame)
		if err != nil {
			t.Errorf("%s: %v", v.where, err)
			continue
		}
		if m.Over().Order != nil || len(m.Over().Others) != 0 {
			t.Errorf("%s: not in the order in which we encode: %v", v.where, m)
		}
		ack, rejected := m.(*Connectack)
		rejected = rejected && ack.Reject.Set
		if _, err := Encode(m, ISC); err != nil && !rejected {
			t.Errorf("%s: %v", v.where, err)
		}
		n++
	}
	if n < 400 {
		t.Errorf("only %d messages of real servers", n)
	}
}
