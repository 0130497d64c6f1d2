package omapi

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tandem/failover/lease"
)

// vector is one captured conversation between omshell and dhcpd 4.4.3-P1.
type vector struct {
	name     string
	segments [][]byte // of the client
	requests []message
	replies  []message // of dhcpd
	frames   [][]byte  // of replies
	ends     bool      // dhcpd closed the connection, not the client
}

func readVector(t testing.TB, path string) *vector {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	v := &vector{name: strings.TrimSuffix(filepath.Base(path), ".hex")}
	var from, to []byte
	fin := false
	for line := range strings.Lines(string(text)) {
		side, octets, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if side == "#" || strings.HasPrefix(line, "#") {
			continue
		}
		if octets == "FIN" || octets == "RST" {
			v.ends = v.ends || !fin && side == "S"
			fin = true
			continue
		}
		data, err := hex.DecodeString(octets)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if side == "C" {
			v.segments = append(v.segments, data)
			from = append(from, data...)
		} else {
			to = append(to, data...)
		}
	}
	v.requests, _ = decodeAll(from)
	v.replies, v.frames = decodeAll(to)
	return v
}

// decodeAll decodes a stream that begins with the start, as far as it goes.
func decodeAll(stream []byte) (all []message, frames [][]byte) {
	if len(stream) < startLen {
		return nil, nil
	}
	header := int(binary.BigEndian.Uint32(stream[4:]))
	for stream = stream[startLen:]; header >= headerLen; {
		m, size, err := next(stream, header)
		if err != nil || size == 0 {
			break
		}
		all, frames = append(all, m), append(frames, stream[:size])
		stream = stream[size:]
	}
	return all, frames
}

func vectors(t testing.TB) []*vector {
	t.Helper()
	paths, err := filepath.Glob("testdata/vectors/*.hex")
	if err != nil || len(paths) < 40 {
		t.Fatalf("%d vectors, %v", len(paths), err)
	}
	var all []*vector
	for _, p := range paths {
		all = append(all, readVector(t, p))
	}
	return all
}

// config is the configuration that dhcpd had.
func (v *vector) config() Config {
	prefix, _, _ := strings.Cut(v.name, "-")
	switch prefix {
	case "noauth":
		return Config{}
	case "md5", "raw":
		c := keyed("hmac-md5")
		if v.name == "md5-other-configured-key" {
			c.Keys = append(c.Keys, Key{Name: "other_key", Algorithm: "hmac-md5", Secret: []byte("another")})
		}
		return c
	}
	return keyed("hmac-" + prefix)
}

// draws gives the numbers that dhcpd used, in the order in which they show:
// the first transaction id, then its handles, but for those of objects that
// we refuse to open.
func (v *vector) draws(table []*difference) func() uint32 {
	var numbers []uint32
	add := func(n uint32) {
		if !slices.Contains(numbers, n) {
			numbers = append(numbers, n)
		}
	}
	for i, m := range v.replies {
		if i == 0 {
			add(m.id)
		}
		d := find(table, v.name, strconv.Itoa(i+1))
		if m.op != opUpdate || d != nil && strings.HasPrefix(d.ours, "STATUS") {
			continue
		}
		add(m.handle)
		for _, name := range []string{"host", "subnet", "pool", "billing-class"} {
			if data, ok := m.object.get(name); ok {
				add(binary.BigEndian.Uint32(data))
			}
		}
	}
	spare := uint32(0x70000000)
	return func() uint32 {
		if len(numbers) == 0 {
			spare++
			return spare
		}
		n := numbers[0]
		numbers = numbers[1:]
		return n
	}
}

// world is what dhcpd had when the conversation began: each object as it was
// first shown, but for those that the client made.
func (v *vector) world() *world {
	w := &world{now: v.now()}
	made := map[string]bool{}
	for i, reply := range v.replies {
		if i >= len(v.requests) || reply.op != opUpdate {
			continue
		}
		name, _ := reply.object.get("name")
		_, isLease := reply.object.get("ends")
		_, isPeer := reply.object.get("partner-state")
		_, isHost := reply.object.get("hardware-type")
		switch {
		case v.requests[i].flag("create"):
			made[string(name)] = true
		case isPeer:
			if _, known := w.Peer(string(name)); !known {
				w.peers = append(w.peers, peerOf(reply.object))
			}
		case isLease:
			if l := leaseOf(reply.object); len(w.Leases(Search{IP: l.IP})) == 0 {
				w.leases = append(w.leases, l)
			}
		case isHost && !made[string(name)]:
			w.hosts = append(w.hosts, hostOf(reply.object))
			made[string(name)] = true
		}
	}
	w.complete(v.name)
	return w
}

// complete adds what the conversation does not show.
func (w *world) complete(name string) {
	switch name {
	case "md5-lease-errors": // the leases that keys are said to conflict over
		w.leases = append(w.leases,
			Lease{Lease: lease.Lease{IP: lease.MustIP("10.77.0.121"), State: lease.Free}},
			Lease{Lease: lease.Lease{IP: lease.MustIP("10.77.0.119"), State: lease.Active, HW: "\x01\x02\x77\x00\x00\x00\x10"}})
	case "noauth-lease-multiple": // the second lease of one MAC
		w.leases = append(w.leases, Lease{Lease: lease.Lease{IP: lease.MustIP("10.77.0.150"), HW: "\x01\x02\x77\x00\x00\x07\x01", UID: "\x00\x41"}})
		w.hosts = append(w.hosts, Host{Name: "known1", HW: "\x01\x02\x77\x00\x00\x07\x02"})
	}
}

// now is when dhcpd made its changes, as far as the conversation shows.
func (v *vector) now() lease.Time {
	switch prefix, _, _ := strings.Cut(v.name, "-"); {
	case prefix == "noauth":
		return 0x6b00d667
	case strings.HasPrefix(prefix, "sha"):
		return 0x6b00d5af
	}
	return 0x6b00d500
}

func read32(v values, name string) uint32 {
	data, _ := v.get(name)
	n, _ := number(data)
	return n
}

func readText(v values, name string) string {
	data, _ := v.get(name)
	return string(data)
}

func peerOf(v values) Peer {
	p := samplePeer()
	p.Name = readText(v, "name")
	p.PartnerPort, p.LocalPort = uint16(read32(v, "partner-port")), uint16(read32(v, "local-port"))
	p.Partner, p.Local = lease.ServerState(read32(v, "partner-state")), lease.ServerState(read32(v, "local-state"))
	p.PartnerSince, p.LocalSince = lease.Time(read32(v, "partner-stos")), lease.Time(read32(v, "local-stos"))
	p.Secondary = read32(v, "hierarchy") == 1
	return p
}

func leaseOf(v values) Lease {
	l := Lease{Subnet: read32(v, "subnet"), Pool: read32(v, "pool")}
	l.IP, l.State = lease.IP(read32(v, "ip-address")), lease.State(read32(v, "state"))
	l.UID = readText(v, "dhcp-client-identifier")
	if hw := readText(v, "hardware-address"); hw != "" {
		l.HW = string([]byte{byte(read32(v, "hardware-type"))}) + hw
	}
	l.Ends, l.Starts, l.CLTT = lease.Time(read32(v, "ends")), lease.Time(read32(v, "starts")), lease.Time(read32(v, "cltt"))
	l.TSTP, l.TSFP, l.ATSFP = lease.Time(read32(v, "tstp")), lease.Time(read32(v, "tsfp")), lease.Time(read32(v, "atsfp"))
	if _, ok := v.get("host"); ok {
		l.Host = "known1"
	}
	l.Extra = &lease.Extra{Hostname: readText(v, "client-hostname")}
	flags := slices.IndexFunc(v, func(e value) bool { return e.name == "flags" })
	for _, e := range v[flags+1:] {
		if e.name != "remote-handle" {
			l.Extra.Vars = append(l.Extra.Vars, lease.Var{Name: e.name, Value: string(e.data)})
		}
	}
	return l
}

func hostOf(v values) Host {
	h := Host{Name: readText(v, "name"), UID: readText(v, "dhcp-client-identifier")}
	h.HW = string([]byte{byte(read32(v, "hardware-type"))}) + readText(v, "hardware-address")
	if _, ok := v.get("ip-address"); ok {
		h.Fixed = []lease.IP{lease.IP(read32(v, "ip-address"))}
	}
	return h
}

// difference is one line of the table of differences: of one vector, the
// answer with this number, or "end".
type difference struct {
	vector, place, ours string
	used                bool
}

// differences reads the table.
func differences(t testing.TB) []*difference {
	t.Helper()
	text, err := os.ReadFile("testdata/differences.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []*difference
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		f := strings.Split(line, "|")
		if len(f) != 4 || strings.TrimSpace(f[3]) == "" {
			t.Fatalf("differences.txt: want vector | answer | ours | reason, not %q", line)
		}
		all = append(all, &difference{vector: strings.TrimSpace(f[0]), place: strings.TrimSpace(f[1]), ours: strings.TrimSpace(f[2])})
	}
	return all
}

// expectation is what we are to answer to a vector.
type expectation struct {
	frames [][]byte
	closes bool
}

// expect is dhcpd's conversation with the differences applied.
func (v *vector) expect(t *testing.T, table []*difference) (e expectation) {
	t.Helper()
	e.closes = v.ends
	for n := 1; ; n++ {
		d := find(table, v.name, strconv.Itoa(n))
		switch {
		case d != nil:
			e.frames = append(e.frames, v.ours(t, n, d.ours))
		case n <= len(v.replies):
			e.frames = append(e.frames, v.general(table, n))
		default:
			if d := find(table, v.name, "end"); d != nil {
				e.closes = d.ours == "closed"
			}
			return e
		}
	}
}

// find takes a line of the table and marks it as used.
func find(table []*difference, vector, place string) *difference {
	i := slices.IndexFunc(table, func(d *difference) bool { return d.vector == vector && d.place == place })
	if i < 0 {
		return nil
	}
	table[i].used = true
	return table[i]
}

// general applies the differences that hold for every vector to dhcpd's
// answer n. Where none does, the octets are dhcpd's.
func (v *vector) general(table []*difference, n int) []byte {
	m, changed := v.replies[n-1], false
	var object values
	for _, e := range m.object {
		if d := find(table, "*", e.name); d != nil {
			changed = true
			if d.ours == "absent" {
				continue
			}
			e.data = v.address(e.name)
		}
		object = append(object, e)
	}
	if !changed {
		return v.frames[n-1]
	}
	m.object = object
	return m.encode(v.signer(m.authID))
}

func (v *vector) address(name string) []byte {
	p := samplePeer()
	if name == "partner-address" {
		return u32(uint32(p.PartnerAddress))
	}
	return u32(uint32(p.LocalAddress))
}

func (v *vector) signer(authID uint32) *Key {
	if authID == 0 {
		return nil
	}
	return &v.config().Keys[0]
}

// ours makes our answer n of a line of the table:
//
//	STATUS [unsigned] CODE [text]
//	UPDATE ATTRIBUTE=HEX|"TEXT" ...    relative to dhcpd's answer
func (v *vector) ours(t *testing.T, n int, text string) []byte {
	t.Helper()
	request := v.requests[n-1]
	m := message{authID: request.authID, id: v.replies[0].id + uint32(n) - 1, rid: request.id}
	if rest, ok := strings.CutPrefix(text, "STATUS "); ok {
		m.op = opStatus
		if rest, ok = strings.CutPrefix(rest, "unsigned "); ok {
			m.authID = 0
		}
		number, message, _ := strings.Cut(rest, " ")
		code, err := strconv.ParseUint(number, 0, 32)
		if err != nil {
			t.Fatalf("%s %d: %v", v.name, n, err)
		}
		m.values.number("result", uint32(code))
		if message != "" {
			m.values.text("message", message)
		}
		return m.encode(v.signer(m.authID))
	}
	rest, ok := strings.CutPrefix(text, "UPDATE ")
	if !ok {
		t.Fatalf("%s %d: %q is neither STATUS nor UPDATE", v.name, n, text)
	}
	m.op, m.handle, m.object = opUpdate, v.replies[n-1].handle, slices.Clone(v.replies[n-1].object)
	m.object = slices.DeleteFunc(m.object, func(e value) bool { return e.name == "remote-handle" })
	for _, name := range []string{"partner-address", "local-address"} {
		if _, ok := m.object.get(name); ok {
			m.object.put(name, v.address(name))
		}
	}
	for _, set := range strings.Split(rest, "; ") {
		name, to, _ := strings.Cut(set, "=")
		data, err := hex.DecodeString(to)
		if quoted, ok := strings.CutPrefix(to, `"`); ok {
			data, err = []byte(strings.TrimSuffix(quoted, `"`)), nil
		}
		if err != nil {
			t.Fatalf("%s %d: %q: %v", v.name, n, set, err)
		}
		m.object.put(name, data)
	}
	return m.encode(v.signer(m.authID))
}

// manner is a way of feeding a vector.
type manner struct {
	name string
	cut  func(segments [][]byte) [][]byte
	slow bool // changes are settled later
}

func manners() []manner {
	whole := func(s [][]byte) [][]byte { return [][]byte{bytes.Join(s, nil)} }
	octets := func(s [][]byte) (one [][]byte) {
		for b := range slices.Chunk(bytes.Join(s, nil), 1) {
			one = append(one, b)
		}
		return one
	}
	asSent := func(s [][]byte) [][]byte { return s }
	return []manner{{"as sent", asSent, false}, {"as sent, settled later", asSent, true}, {"at once", whole, false},
		{"at once, settled later", whole, true}, {"octet by octet", octets, false}}
}

var loopback = netip.MustParseAddr("127.0.0.1")

// play feeds a vector and gives all that was sent.
func (v *vector) play(t *testing.T, how manner, table []*difference) (frames [][]byte, closed string) {
	t.Helper()
	w := v.world()
	w.slow = how.slow
	server, err := NewServer(v.config(), w, v.draws(table))
	if err != nil {
		t.Fatal(err)
	}
	now := lease.Now{Wall: int64(w.now) * 1e9, Mono: 1}
	se, _, err := server.Accept(now, 1, loopback)
	if err != nil {
		t.Fatal(err)
	}
	stream := se.Hello()
	for _, part := range how.cut(v.segments) {
		out := se.Feed(now, part)
		stream = append(stream, out.Bytes...)
		for len(w.pending) > 0 {
			_, out = w.settle(server, now)
			stream = append(stream, out.Bytes...)
		}
		if out.Close != "" {
			closed = out.Close
			break
		}
	}
	_, frames = decodeAll(stream)
	return frames, closed
}

// Every captured request gets dhcpd's answer to the octet, but for what
// testdata/differences.txt lists. Numbers that nobody can predict are drawn
// as dhcpd's were.
func TestVectors(t *testing.T) {
	table := differences(t)
	answers, same := 0, 0
	for _, v := range vectors(t) {
		want := v.expect(t, table)
		for _, how := range manners() {
			t.Run(v.name+"/"+how.name, func(t *testing.T) {
				got, closed := v.play(t, how, table)
				for i := range max(len(got), len(want.frames)) {
					if i >= len(got) || i >= len(want.frames) || !bytes.Equal(got[i], want.frames[i]) {
						t.Errorf("answer %d\n got %s\nwant %s", i+1, describe(got, i), describe(want.frames, i))
					}
				}
				if (closed != "") != want.closes {
					t.Errorf("closed %q, want closed: %v", closed, want.closes)
				}
			})
		}
		answers += len(v.frames)
		for i, f := range v.frames {
			if i < len(want.frames) && bytes.Equal(f, want.frames[i]) {
				same++
			}
		}
	}
	t.Logf("%d answers of dhcpd, %d of them given to the octet", answers, same)
	for _, d := range table {
		if !d.used {
			t.Errorf("differences.txt: nothing is at %s | %s", d.vector, d.place)
		}
	}
}

// describe prints a frame for people.
func describe(frames [][]byte, i int) string {
	if i >= len(frames) {
		return "nothing"
	}
	m, size, err := next(frames[i], headerLen)
	if err != nil || size == 0 {
		return fmt.Sprintf("%x (%v)", frames[i], err)
	}
	text := fmt.Sprintf("op %d authid %d handle %d id %08x rid %08x", m.op, m.authID, m.handle, m.id, m.rid)
	for _, e := range slices.Concat(m.values, m.object) {
		text += fmt.Sprintf(" %s=%q", e.name, e.data)
	}
	return text + fmt.Sprintf(" signature %x", m.signature)
}
