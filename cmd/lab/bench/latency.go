package bench

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"syscall"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	crowd "tandem/cmd/lab/load"
	"tandem/cmd/lab/netlab"
)

// Latency is the time of the server's two answers to an exchange together, as
// the kernel stamps the packets at the server's interface.
type Latency struct {
	P50, P99 time.Duration
	Count    int
}

const capturePatience = 10 * time.Second

// latency captures what passes the server's interface during a load.
func (g *rig) latency(file string, l load) (Latency, error) {
	capture, err := g.box.Start(netlab.Command{Args: []string{
		"tcpdump", "-Z", "root", "-i", "eth0", "-n", "-s", "400", "-B", "32768", "--time-stamp-precision=nano", "-w", file, "udp port 67"}})
	if err != nil {
		return Latency{}, err
	}
	if _, err := capture.Await(0, regexp.MustCompile(`listening on eth0`), capturePatience); err != nil {
		return Latency{}, err
	}
	l.note += ", captured"
	if _, err := g.load(l); err != nil {
		return Latency{}, err
	}
	if err := capture.Signal(syscall.SIGINT); err != nil {
		return Latency{}, err
	}
	if _, err := capture.Wait(capturePatience); err != nil {
		return Latency{}, err
	}
	f, err := os.Open(file)
	if err != nil {
		return Latency{}, err
	}
	defer f.Close()
	found, err := exchanges(f)
	if err == nil && found.Count == 0 {
		err = errors.New("no complete exchange was captured")
	}
	return found, err
}

// The beginning of a capture file with nanoseconds (pcap-savefile(5)), and the
// length of what stands before the DHCP message of each packet.
const (
	nanoMagic  = 0xa1b23c4d
	fileHeader = 24
	maxPacket  = 1 << 16
	headers    = 14 + 20 + 8
)

// exchanges reads a capture file and pairs questions with answers.
func exchanges(r io.Reader) (Latency, error) {
	in := bufio.NewReaderSize(r, 1<<20)
	var head [fileHeader]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return Latency{}, err
	}
	if binary.NativeEndian.Uint32(head[:]) != nanoMagic {
		return Latency{}, errors.New("not a capture of this machine with nanoseconds")
	}
	p := pairing{asked: map[question]time.Duration{}, offered: map[dhcpv4.TransactionID]time.Duration{}}
	for {
		var rec [16]byte
		if _, err := io.ReadFull(in, rec[:]); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return Latency{}, err
		}
		at := time.Duration(binary.NativeEndian.Uint32(rec[0:]))*time.Second + time.Duration(binary.NativeEndian.Uint32(rec[4:]))
		n := binary.NativeEndian.Uint32(rec[8:])
		if n > maxPacket {
			return Latency{}, fmt.Errorf("a packet of %d octets", n)
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(in, b); err != nil {
			return Latency{}, err
		}
		if len(b) > headers {
			p.packet(at, b[headers:])
		}
	}
	return Latency{P50: p.spread.Percentile(50), P99: p.spread.Percentile(99), Count: p.spread.Count()}, nil
}

// question is a message that waits for its answer.
type question struct {
	xid  dhcpv4.TransactionID
	kind dhcpv4.MessageType
}

// pairing finds the answer to each question. Times are since 1970.
type pairing struct {
	asked   map[question]time.Duration
	offered map[dhcpv4.TransactionID]time.Duration // how long the offer took
	spread  crowd.Spread
}

func (p *pairing) packet(at time.Duration, payload []byte) {
	m, err := dhcpv4.FromBytes(payload)
	if err != nil {
		return
	}
	took := func(kind dhcpv4.MessageType) (time.Duration, bool) {
		q := question{m.TransactionID, kind}
		since, ok := p.asked[q]
		delete(p.asked, q)
		return at - since, ok
	}
	switch t := m.MessageType(); t {
	case dhcpv4.MessageTypeDiscover, dhcpv4.MessageTypeRequest:
		p.asked[question{m.TransactionID, t}] = at
	case dhcpv4.MessageTypeOffer:
		if d, ok := took(dhcpv4.MessageTypeDiscover); ok {
			p.offered[m.TransactionID] = d
		}
	case dhcpv4.MessageTypeAck:
		if d, ok := took(dhcpv4.MessageTypeRequest); ok {
			p.spread.Add(d + p.offered[m.TransactionID])
		}
	}
}
