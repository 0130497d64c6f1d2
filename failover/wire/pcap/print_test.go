package pcap

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tandem/failover/wire"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

func read(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestPrint(t *testing.T) {
	for golden, file := range map[string]string{
		"testdata/01-fresh-pair.golden":              "testdata/01-fresh-pair.pcap",
		"testdata/08-partner-down.golden":            "testdata/08-partner-down-secondary-returns.pcap",
		"testdata/09-reject-name.golden":             "testdata/09-reject-name.pcap",
		"testdata/18-real-clients.golden":            "testdata/18-real-clients.pcap",
		"testdata/p2-probe-secondary-framing.golden": "../testdata/p2-probe-secondary-framing.txt",
		"testdata/p3-probe-secondary-bndupd.golden":  "../testdata/p3-probe-secondary-bndupd.txt",
	} {
		var out bytes.Buffer
		if err := Print(&out, read(t, file)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if *rewrite {
			if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want := read(t, golden); !bytes.Equal(out.Bytes(), want) {
			t.Errorf("%s differs from %s; look at it with -rewrite and git diff", file, golden)
		}
	}
}

// TestCapturesAgreeWithTheText puts every capture together and compares each
// message with what another program had found in it.
func TestCapturesAgreeWithTheText(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.pcap")
	if len(files) != 22 {
		t.Fatalf("%d captures", len(files))
	}
	total := 0
	for _, file := range files {
		c, err := Read(read(t, file))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		var got []string
		for _, e := range c.Events {
			if e.Message == nil {
				continue
			}
			b, err := wire.Frame(e.Message)
			if err != nil {
				t.Fatal(err)
			}
			direction := "S>P"
			if strings.HasPrefix(e.From, "10.99.0.1:") {
				direction = "P>S"
			}
			got = append(got, fmt.Sprintf("%s %.3f %x", direction, e.At.Seconds(), b))
		}
		text := strings.TrimSuffix(filepath.Base(file), ".pcap") + ".txt"
		var want []string
		for line := range strings.Lines(string(read(t, "../testdata/"+text))) {
			line, _, _ = strings.Cut(line, "#")
			if words := strings.Fields(line); len(words) == 3 {
				want = append(want, strings.Join(words, " "))
			}
		}
		total += len(want)
		if len(got) != len(want) {
			t.Errorf("%s: %d messages, want %d", file, len(got), len(want))
			continue
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%s, message %d:\n got %s\nwant %s", file, i+1, got[i], want[i])
				break
			}
		}
	}
	t.Logf("%d messages in %d captures", total, len(files))
}

const contact = "000c0b0c6b00d54900000002"

func TestText(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"with direction", "P>S 1.5 " + contact + " # comment", "    1.500 P > S CONTACT xid=2 time=T+0\n"},
		{"without time", "A>B " + contact, "    0.000 A > B CONTACT xid=2 time=T+0\n"},
		{"bare", contact, "    0.000 line > 1 CONTACT xid=2 time=T+0\n"},
		{"blanks", "00 0c 0b 0c 6b 00 d5 49 00 00 00 02", "    0.000 line > 1 CONTACT xid=2 time=T+0\n"},
		{"over two lines", contact[:9] + "0\n" + contact[10:], "    0.000 line > 2 CONTACT xid=2 time=T+0\n"},
		{"two on a line", "A>B " + contact + contact,
			"    0.000 A > B CONTACT xid=2 time=T+0\n    0.000 A > B CONTACT xid=2 time=T+0\n"},
		{"malformed", "A>B 000b0b0c00000000000000\nA>B " + contact,
			"    0.000 A > B failover message: octet 0: message too short: 11, want 12\n    0.000 A > B CONTACT xid=2 time=T+0\n"},
		{"not whole", "A>B 000c0b", "    0.000 A > B ends within a message, after 3 octets of it\n"},
	} {
		var out bytes.Buffer
		if err := Print(&out, []byte(c.text)); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		_, got, _ := strings.Cut(out.String(), "\n")
		if got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestInputErrors(t *testing.T) {
	for _, c := range []struct{ name, data, text string }{
		{"not hexadecimal", "# x\nhello", "line 2: encoding/hex: invalid byte: U+0068 'h'; want [FROM>TO SECONDS.FRACTION] and hexadecimal octets, # begins a comment"},
		{"odd", "000", "line 1: encoding/hex: odd length hex string; want [FROM>TO SECONDS.FRACTION] and hexadecimal octets, # begins a comment"},
		{"no time", "A>B 1.x " + contact, `line 1: "1.x" is no number of seconds`},
		{"bare and not whole", contact + "\n000c0b", "line 2: the hexadecimal text ends within a message, after 3 octets of it"},
		{"bare and malformed", "000b0b0c", "line 1: failover message: octet 0: message too short: 11, want 12"},
		{"binary", "\x7fELF\x02", "neither a pcap file nor hexadecimal text"},
		{"pcapng", "\x0a\x0d\x0d\x0a....", "this is a pcapng file; convert it with: tshark -r FILE -F pcap -w NEWFILE"},
		{"short pcap", "\xd4\xc3\xb2\xa1\x02\x00", "capture file ends within a packet: 6 octets, the file header has 24"},
	} {
		if err := Print(new(bytes.Buffer), []byte(c.data)); err == nil || err.Error() != c.text {
			t.Errorf("%s: %v\nwant %s", c.name, err, c.text)
		}
	}
}

type brokenWriter struct{}

var errBroken = errors.New("broken")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestPrintTellsThatItCouldNotWrite(t *testing.T) {
	if err := Print(brokenWriter{}, []byte(contact)); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	for _, file := range []string{"testdata/10-sigterm.pcap", "testdata/02-new-lease.pcap"} {
		f.Add(read(f, file))
	}
	f.Add([]byte("P>S 1.5 " + contact))
	raw, _ := hex.DecodeString(contact)
	f.Add(raw)
	f.Fuzz(func(t *testing.T, data []byte) {
		var out bytes.Buffer
		err := Print(&out, data)
		if err == nil && out.Len() == 0 {
			t.Error("neither text nor error")
		}
	})
}
