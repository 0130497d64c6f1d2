package daemon

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"tandem/failover/omapi"
)

// omapiKeys are published test keys, one for each algorithm.
var omapiKeys = []struct{ algorithm, secret string }{
	{"hmac-md5", "6lwfQL091rSob1ywKtK8bA=="},
	{"hmac-sha1", "tfmuJsPKeItkT0LyBUMg1dcX7Nw="},
	{"hmac-sha224", "xMBFVY9x60K3hGdLmRInu+k3vTSjQ0Ew9OR1yw=="},
	{"hmac-sha256", "7XXAEqK6LVQWeSD9+51wYdLqVve19kAqX+qBPlEMPP4="},
	{"hmac-sha384", "yyN+VTEjmAY8VglkmFaAnx3Rg0bJV1Q87Hso8XpfngOfrmWbkbq/YigdIb+WsxlZ"},
	{"hmac-sha512", "UpsLhybrQL/JpAoovGAmmkMYcO971sAhBP1FKChTLuIhguq/QlNQQYPjx4opjJkORudLR+MY4ovFKhevkaYAYw=="},
}

const omapiHosts = `host printer1 { hardware ethernet 02:77:00:00:01:01; fixed-address 10.0.0.50; }
`

// omapiConf is testConf with OMAPI on port and one key; -1 for no key.
func omapiConf(port, key int) string {
	text := testConf + omapiHosts + fmt.Sprintf("omapi-port %d;\n", port)
	if key >= 0 {
		k := omapiKeys[key]
		text += fmt.Sprintf("key omapi_key { algorithm %s; secret %q; }\nomapi-key omapi_key;\n", k.algorithm, k.secret)
	}
	return text
}

// omshell types lines into a real omshell and gives all that it prints.
func omshell(t *testing.T, port, key int, lines ...string) string {
	t.Helper()
	head := []string{"server 127.0.0.1", fmt.Sprintf("port %d", port)}
	if key >= 0 {
		head = append(head, "key-algorithm "+omapiKeys[key].algorithm, "key omapi_key "+omapiKeys[key].secret)
	}
	return runOmshell(t, strings.Join(append(append(head, "connect"), lines...), "\n")+"\n")
}

// runOmshell gives all that a real omshell prints when text is typed.
func runOmshell(t *testing.T, text string) string {
	t.Helper()
	program, err := exec.LookPath("omshell")
	if err != nil {
		t.Skip("omshell is not installed (Debian: isc-dhcp-server)")
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Stdin = strings.NewReader(text)
	cmd.WaitDelay = time.Second
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	printed, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("omshell: %v", err)
	}
	return string(printed)
}

// wantLines demands that the lines stand in text in this order.
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

// startOMAPI starts a server with OMAPI, in a network of the test's own.
func startOMAPI(t *testing.T, dir, conf string) *process {
	t.Helper()
	return startServer(t, dir, func(o *Options) { o.Config = config(t, conf) })
}

const omapiPort = 7911

// A real omshell, with every algorithm, looks a lease up in three ways and
// changes it.
func TestOmshellLease(t *testing.T) {
	if !alone(t) {
		return
	}
	loopbackUp(t)
	n := newNetwork(t)
	for key := range omapiKeys {
		p := startOMAPI(t, t.TempDir(), omapiConf(omapiPort, key))
		at := n.obtain(t).As4()
		hex := func(b []byte) string { return strings.ReplaceAll(fmt.Sprintf("% x", b), " ", ":") }
		address := "ip-address = " + hex(at[:])
		got := omshell(t, omapiPort, key,
			"new lease", fmt.Sprintf("set ip-address = %d.%d.%d.%d", at[0], at[1], at[2], at[3]), "open", "close",
			"new lease", "set hardware-address = "+hardware(n.hw), "open",
			"set flags = 4", `set note = "by hand"`, "update", "refresh",
			"set state = 2", "update", "set starts = 5", "update", "close",
			"new lease", "set hardware-address = "+hardware(n.hw), "set hardware-type = 1", "open", "set state = 4", "update", "refresh", "close",
			"new lease", "set ip-address = 192.0.2.1", "open", "close",
			"new lease", "open")
		wantLines(t, got, "> obj: lease", address, "state = 00:00:00:02", "hardware-address = "+hardware(n.hw), "flags = 00",
			address, "flags = 00", "flags = 04", `note = "by hand"`,
			"> can't update object: permission denied", address, "state = 00:00:00:01",
			"> can't open object: not found", "> can't open object: not implemented")
		if got := counterOf(t, p.opt.Control, "omapi-changes"); got != 2 {
			t.Errorf("%d changes counted, want 2", got)
		}
		p.end(t)
	}
}

func TestOmshellWrongKeys(t *testing.T) {
	if !alone(t) {
		return
	}
	loopbackUp(t)
	newNetwork(t)
	p := startOMAPI(t, t.TempDir(), omapiConf(omapiPort, 3))
	open := []string{"new host", `set name = "printer1"`, "open"}
	if got := omshell(t, omapiPort, 0, open...); !strings.Contains(got, "dhcpctl_connect: not found") {
		t.Errorf("wrong algorithm:\n%s", got)
	}
	if got := omshell(t, omapiPort, -1, open...); !strings.Contains(got, "no key specified") || strings.Contains(got, "hardware-address") {
		t.Errorf("no key:\n%s", got)
	}
	before := omapiKeys[3].secret
	omapiKeys[3].secret = "AAAAAAAAAAAAAAAAAAAAAA=="
	got := omshell(t, omapiPort, 3, open...)
	omapiKeys[3].secret = before
	if !strings.Contains(got, "connection reset by peer") || strings.Contains(got, "hardware-address") {
		t.Errorf("wrong secret:\n%s", got)
	}
	for name, want := range map[string]uint64{"omapi-bad-keys": 1, "omapi-bad-signatures": 1, "omapi-accepted": 3} {
		if n := counterOf(t, p.opt.Control, name); n != want {
			t.Errorf("%s is %d, want %d", name, n, want)
		}
	}
	p.end(t)
}

// Hosts and groups made over OMAPI are served at once, survive restarts, and
// go away again.
func TestOmshellHosts(t *testing.T) {
	if !alone(t) {
		return
	}
	loopbackUp(t)
	n, dir := newNetwork(t), t.TempDir()
	p := startOMAPI(t, dir, omapiConf(omapiPort, 3))
	got := omshell(t, omapiPort, 3,
		"new group", `set name = "g1"`, `set statements = "default-lease-time 60;"`, "create", "close",
		"new host", `set name = "desk"`, `set group = "g1"`, "set hardware-address = "+hardware(n.hw), "set hardware-type = 1",
		"set ip-address = 10.0.0.77", "create", "close",
		"new host", `set name = "desk"`, "set hardware-address = 02:00:00:00:00:99", "create", "close",
		"new host", `set name = "bad"`, "set hardware-address = 02:00:00:00:00:98", "set nonsense = 1", "create", "close",
		"new host", `set name = "printer1"`, "open", "set ip-address = 10.0.0.51", "update", "close",
		"new host", `set name = "none"`, "open")
	wantLines(t, got, "ip-address = 0a:00:00:4d", "> can't open object: already exists", "> can't open object: unknown attribute",
		"ip-address = 0a:00:00:32", "ip-address = 0a:00:00:33", "> can't open object: not found")
	if at := n.obtain(t); at != ip("10.0.0.77") {
		t.Errorf("the client got %v", at)
	}
	p.end(t)
	p = startOMAPI(t, dir, omapiConf(omapiPort, 3))
	if at := n.obtain(t); at != ip("10.0.0.77") {
		t.Errorf("after a restart the client got %v", at)
	}
	got = omshell(t, omapiPort, 3,
		"new host", "set hardware-address = "+hardware(n.hw), "open", "unset ip-address", "update", "refresh", "set ip-address = 10.0.0.78", "update", "refresh", "close",
		"new host", `set name = "printer1"`, "open", "remove", "close",
		"new host", `set name = "printer1"`, "open", "close",
		"new host", `set name = "desk"`, "open", "close")
	wantLines(t, got, `name = "desk"`, "ip-address = 0a:00:00:4e", "ip-address = 0a:00:00:33", "> obj: <null>", "> can't open object: not found",
		`name = "desk"`, "ip-address = 0a:00:00:4e")
	if at := n.obtain(t); at != ip("10.0.0.78") {
		t.Errorf("after the change the client got %v", at)
	}
	omshell(t, omapiPort, 3, "new host", `set name = "desk"`, "open", "remove", "close", "new group", `set name = "g1"`, "open", "remove")
	if at := n.obtain(t); at == ip("10.0.0.78") {
		t.Errorf("after the removal the client got %v", at)
	}
	p.end(t)
}

// Without a key only the machine itself is heard, and it needs none.
func TestOMAPIWithoutKeyIsForThisMachine(t *testing.T) {
	if !alone(t) {
		return
	}
	loopbackUp(t)
	newNetwork(t)
	p := startOMAPI(t, t.TempDir(), omapiConf(omapiPort, -1))
	wantLines(t, omshell(t, omapiPort, -1, "new host", `set name = "printer1"`, "open"), "hardware-address = 02:77:00:00:01:01")
	if c, err := net.DialTimeout("tcp4", fmt.Sprintf("%s:%d", serverIP, omapiPort), time.Second); err == nil {
		c.Close()
		t.Error("it listens on the address for clients")
	}
	p.end(t)
}

// The port follows the configuration.
func TestOMAPIPortFollowsTheConfiguration(t *testing.T) {
	if !alone(t) {
		return
	}
	loopbackUp(t)
	newNetwork(t)
	s := newOMAPIManagers(t)
	s.listen(omapiPort, true)
	s.reaches(t, "127.0.0.1", omapiPort, true)
	s.listen(omapiPort+1, false)
	s.reaches(t, "127.0.0.1", omapiPort, false)
	s.reaches(t, serverIP, omapiPort+1, true)
	s.listen(0, true)
	s.reaches(t, serverIP, omapiPort+1, false)
	close(s.over)
	check(t, s.close())
}

// managersRig is managers whose inputs nobody takes.
type managersRig struct {
	*managers
	over chan struct{}
}

func newOMAPIManagers(t *testing.T) managersRig {
	t.Helper()
	p, err := newPoller()
	check(t, err)
	t.Cleanup(func() { check(t, p.close()) })
	over, count := make(chan struct{}), new(counters)
	return managersRig{newManagers(newInbox(p, count), over, quiet(t), count), over}
}

func (m managersRig) reaches(t *testing.T, host string, port int, want bool) {
	t.Helper()
	c, err := net.DialTimeout("tcp4", fmt.Sprintf("%s:%d", host, port), time.Second)
	if (err == nil) != want {
		t.Errorf("port %d on %s: %v", port, host, err)
	}
	if err == nil {
		c.Close()
	}
}

// talk is a raw connection past the start.
type talk struct {
	net.Conn
	t *testing.T
}

func dialOMAPI(t *testing.T) *talk {
	t.Helper()
	c, err := net.DialTimeout("tcp4", fmt.Sprintf("127.0.0.1:%d", omapiPort), patience)
	check(t, err)
	t.Cleanup(func() { c.Close() })
	check(t, c.SetDeadline(time.Now().Add(patience)))
	return &talk{c, t}
}

func (c *talk) begin() *talk {
	c.t.Helper()
	_, err := c.Write([]byte{0, 0, 0, 100, 0, 0, 0, 24})
	check(c.t, err)
	_, err = io.ReadFull(c, make([]byte, 8))
	check(c.t, err)
	return c
}

// omapiMessage encodes a request; each list is name, value, name, value ...
func omapiMessage(authID, op, handle, id uint32, key []byte, signed bool, values, object []string) []byte {
	size := uint32(0)
	if signed {
		size = md5.Size
	}
	var b []byte
	for _, n := range []uint32{authID, size, op, handle, id, 0} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	for _, list := range [][]string{values, object} {
		for i := 0; i < len(list); i += 2 {
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(list[i]))), list[i]...)
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(list[i+1]))), list[i+1]...)
		}
		b = append(b, 0, 0)
	}
	if signed {
		mac := hmac.New(md5.New, key)
		mac.Write(b[4:])
		b = mac.Sum(b)
	}
	return b
}

// answer reads what the server says next, as far as one read goes.
func (c *talk) answer() []byte {
	c.t.Helper()
	buf := make([]byte, 4096)
	n, err := c.Read(buf)
	if err != nil && !errors.Is(err, io.EOF) {
		c.t.Fatal(err)
	}
	return buf[:n]
}

// openKey opens the key and gives its handle.
func (c *talk) openKey() uint32 {
	c.t.Helper()
	_, err := c.Write(omapiMessage(0, 1, 0, 1, nil, false, []string{"type", "authenticator"},
		[]string{"name", "omapi_key", "algorithm", "hmac-md5.SIG-ALG.REG.INT."}))
	check(c.t, err)
	a := c.answer()
	if len(a) < 24 || a[11] != 3 {
		c.t.Fatalf("no handle: %x", a)
	}
	return binary.BigEndian.Uint32(a[12:])
}

// What dhcpd lets pass: a request without any signature under an opened key, a
// recorded request on another connection, lengths of 2 GiB.
func TestOMAPIHoles(t *testing.T) {
	if !alone(t) {
		return
	}
	loopbackUp(t)
	newNetwork(t)
	p := startOMAPI(t, t.TempDir(), omapiConf(omapiPort, 0))
	key, err := base64.StdEncoding.DecodeString(omapiKeys[0].secret)
	check(t, err)
	printer := []string{"name", "printer1"}

	first := dialOMAPI(t).begin()
	handle := first.openKey()
	good := omapiMessage(handle, 1, 0, 2, key, true, []string{"type", "host"}, printer)
	_, err = first.Write(omapiMessage(handle, 1, 0, 3, key, false, []string{"type", "host"}, printer))
	check(t, err)
	if a := first.answer(); bytes.Contains(a, []byte("hardware-address")) || !bytes.Contains(a, []byte("result")) {
		t.Errorf("authlen 0 is answered with %q", a)
	}
	_, err = first.Write(good)
	check(t, err)
	if a := first.answer(); !bytes.Contains(a, []byte("hardware-address")) {
		t.Errorf("a good request is answered with %q", a)
	}

	second := dialOMAPI(t).begin()
	if again := second.openKey(); again == handle {
		t.Errorf("two connections have the key under the same number %d", again)
	}
	_, err = second.Write(good)
	check(t, err)
	if a := second.answer(); len(a) != 0 {
		t.Errorf("a replayed request is answered with %q", a)
	}

	third := dialOMAPI(t).begin()
	huge := omapiMessage(0, 1, 0, 1, nil, false, []string{"type", "x"}, nil)
	binary.BigEndian.PutUint32(huge[24+2+4:], 0x7ffffff0)
	_, err = third.Write(huge)
	check(t, err)
	if a := third.answer(); len(a) != 0 {
		t.Errorf("a length of 2 GiB is answered with %q", a)
	}
	if n := counterOf(t, p.opt.Control, "omapi-malformed"); n < 2 {
		t.Errorf("%d malformed requests counted", n)
	}
	p.end(t)
}

// Connections that show no signature push each other out, and those beyond
// the limit are closed at once; somebody with the key still gets in.
func TestOMAPIFlood(t *testing.T) {
	if !alone(t) {
		return
	}
	loopbackUp(t)
	newNetwork(t)
	p := startOMAPI(t, t.TempDir(), omapiConf(omapiPort, 0))
	proven := dialOMAPI(t).begin()
	key, err := base64.StdEncoding.DecodeString(omapiKeys[0].secret)
	check(t, err)
	handle := proven.openKey()
	ask := func(id uint32) {
		t.Helper()
		_, err := proven.Write(omapiMessage(handle, 1, 0, id, key, true, []string{"type", "host"}, []string{"name", "printer1"}))
		check(t, err)
		if a := proven.answer(); !bytes.Contains(a, []byte("hardware-address")) {
			t.Errorf("answered with %q", a)
		}
	}
	ask(2)
	for range 3 * maxManagers {
		dialOMAPI(t).begin()
	}
	ask(3)
	if got := omshell(t, omapiPort, 0, "new host", `set name = "printer1"`, "open"); !strings.Contains(got, "02:77:00:00:01:01") {
		t.Errorf("during the flood omshell prints\n%s", got)
	}
	if n := counterOf(t, p.opt.Control, "omapi-evicted"); n < 2*maxManagers {
		t.Errorf("%d connections made room, of %d beyond %d", n, 3*maxManagers, omapi.MaxUnproven)
	}
	p.end(t)
}

// Who asks without reading the answers is not answered for ever.
func TestOMAPISlowReader(t *testing.T) {
	if !alone(t) {
		return
	}
	loopbackUp(t)
	newNetwork(t)
	p := startOMAPI(t, t.TempDir(), omapiConf(omapiPort, -1))
	c := dialOMAPI(t).begin()
	asked := 0
	check(t, c.SetWriteDeadline(time.Now().Add(2*time.Second)))
	for id := uint32(1); ; id++ {
		if _, err := c.Write(omapiMessage(0, 1, 0, id, nil, false, []string{"type", "host"}, []string{"name", "printer1"})); err != nil {
			break
		}
		asked++
	}
	taken := counterOf(t, p.opt.Control, "omapi-requests")
	if taken == 0 || taken >= uint64(asked) {
		t.Errorf("%d requests of %d were taken though no answer was read", taken, asked)
	}
	wantLines(t, omshell(t, omapiPort, -1, "new host", `set name = "printer1"`, "open"), "hardware-address = 02:77:00:00:01:01")
	p.end(t)
}
