package bench

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/cmd/lab/peers"
)

// server is a make-believe server and generator.
func server(holds, generates int) func(rate int) (outcome, error) {
	return func(rate int) (outcome, error) {
		sent := min(rate, generates)
		return outcome{sent: sent, done: min(sent, holds), held: sent <= holds}, nil
	}
}

func never() bool { return false }

func TestSearch(t *testing.T) {
	for _, c := range []struct {
		holds, generates int
		low, high        int
		limited          bool
	}{
		{holds: 5000, generates: 1e6, low: 4545, high: 5000},
		{holds: 90, generates: 1e6, low: 80, high: 90},
		{holds: 1e6, generates: 9000, low: 9000, high: 9000, limited: true},
		{holds: 0, generates: 1e6},
	} {
		held, limited, err := search(server(c.holds, c.generates), 1.1, never)
		if err != nil || held < c.low || held > c.high || limited != c.limited {
			t.Errorf("holds %d, generates %d: found %d, limited %v, %v", c.holds, c.generates, held, limited, err)
		}
	}
	trials := 0
	if held, _, err := search(server(5000, 1e6), 1.1, func() bool { trials++; return trials > 3 }); held != 1600 || err != nil {
		t.Errorf("late: %d, %v", held, err)
	}
	broken := errors.New("broken")
	if _, _, err := search(func(int) (outcome, error) { return outcome{}, broken }, 1.1, never); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func TestConfirmStepsBack(t *testing.T) {
	got, err := confirm(server(800, 1e6), 1000)
	if err != nil || got > 800 || got < 600 {
		t.Errorf("%d, %v", got, err)
	}
}

// capture writes a capture file of DHCP messages.
type capture struct{ bytes.Buffer }

func newCapture() *capture {
	c := &capture{}
	c.Write(binary.NativeEndian.AppendUint32(nil, nanoMagic))
	c.Write(make([]byte, fileHeader-4))
	return c
}

func (c *capture) add(t *testing.T, at time.Duration, xid byte, kind dhcpv4.MessageType) {
	t.Helper()
	m, err := dhcpv4.New(dhcpv4.WithTransactionID(dhcpv4.TransactionID{0, 0, 0, xid}), dhcpv4.WithMessageType(kind),
		dhcpv4.WithHwAddr(net.HardwareAddr{2, 0, 0, 0, 0, xid}))
	if err != nil {
		t.Fatal(err)
	}
	b := append(make([]byte, headers), m.ToBytes()...)
	for _, v := range []uint32{uint32(at / time.Second), uint32(at % time.Second), uint32(len(b)), uint32(len(b))} {
		c.Write(binary.NativeEndian.AppendUint32(nil, v))
	}
	c.Write(b)
}

func TestLatencyPairsAnswersWithQuestions(t *testing.T) {
	c := newCapture()
	ms := time.Millisecond
	c.add(t, 100*ms, 1, dhcpv4.MessageTypeDiscover)
	c.add(t, 101*ms, 2, dhcpv4.MessageTypeDiscover)
	c.add(t, 103*ms, 1, dhcpv4.MessageTypeOffer) // 3
	c.add(t, 110*ms, 1, dhcpv4.MessageTypeRequest)
	c.add(t, 112*ms, 1, dhcpv4.MessageTypeAck)   // 3+2
	c.add(t, 113*ms, 2, dhcpv4.MessageTypeOffer) // 12
	c.add(t, 999*ms, 2, dhcpv4.MessageTypeRequest)
	c.add(t, 1007*ms, 2, dhcpv4.MessageTypeAck) // 12+8
	c.add(t, 2000*ms, 3, dhcpv4.MessageTypeRequest)
	l, err := exchanges(c)
	if err != nil || l.Count != 2 || l.P99 != 20*ms {
		t.Errorf("%+v, %v", l, err)
	}
	c = newCapture()
	c.add(t, 0, 1, dhcpv4.MessageTypeDiscover)
	c.Truncate(c.Len() - 1)
	if _, err := exchanges(c); err == nil {
		t.Error("a cut capture was read without an error")
	}
}

func TestTableSaysRatios(t *testing.T) {
	text := table([]Result{
		{Kind: peers.Dhcpfd, Held: 8000, Limited: true, CPU: 30 * time.Microsecond, Resident: 20e6},
		{Kind: peers.Kea, Held: 2000, CPU: 240 * time.Microsecond, Resident: 30e6},
	}, "ext4", "")
	for _, want := range []string{"| dhcpfd | 8000 * | 30 us |", "| kea-dhcp4 | x 4.0 | 1/8.0 | 1/1.5 |", "perfdhcp itself could not do more", "leases on ext4"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestReadmeKeepsTheRest(t *testing.T) {
	marks := [2]string{"<!-- bench -->\n", "<!-- end of bench -->\n"}
	file := filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(file, []byte("before\n"+marks[0]+"old\n"+marks[1]+"after\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := intoReadme(file, "new\n"); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if want := "before\n" + marks[0] + "new\n" + marks[1] + "after\n"; err != nil || string(b) != want {
		t.Errorf("%q, %v", b, err)
	}
	if err := os.WriteFile(file, []byte("no markers\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if intoReadme(file, "new\n") == nil {
		t.Error("a file without markers was taken")
	}
}

func TestGoTable(t *testing.T) {
	file := filepath.Join(t.TempDir(), goReport)
	if err := os.WriteFile(file, []byte(`goos: linux
pkg: tandem/failover/store
BenchmarkAppend-2   	  500000	      2100 ns/op	  84.5 bytes/lease	     120 B/op	       2 allocs/op
PASS
`), 0o644); err != nil {
		t.Fatal(err)
	}
	want := "| failover/store | Append | 2100 ns/op, 84.5 bytes/lease, 120 B/op, 2 allocs/op |"
	if got := goTable(file); !strings.Contains(got, want) {
		t.Errorf("no %q in\n%s", want, got)
	}
}

func TestDiskInMemoryIsRefused(t *testing.T) {
	if d, err := pickDisk("/dev/shm"); err == nil {
		t.Errorf("%+v", d)
	}
}
