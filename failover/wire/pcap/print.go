// Package pcap reads failover messages out of a packet capture, or out of
// hexadecimal text, and prints them for people. It is pure: octets in, events
// or text out.
package pcap

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// Event is a message, or something else that happened to a connection.
type Event struct {
	// At is the time since the first packet of the capture.
	At time.Duration
	// From and To are address:port, or the names in the text.
	From, To string
	// Message is nil if Note says what happened.
	Message wire.Message
	Note    string
}

// Capture is what Read found.
type Capture struct {
	// Base is the second of the first packet, in text of the first message.
	Base   lease.Time
	Events []Event
}

// Read understands two kinds of input, and tells them apart by itself.
//
// A classic pcap file (either byte order, micro- or nanoseconds) of Ethernet,
// Linux cooked, BSD loopback or raw IP packets: every TCP connection over IPv4
// on port 647, and others whose first octets look like failover, is put
// together in sequence order. What is missing or malformed becomes an Event with a
// Note, and ends that direction.
//
// Text: one line is "FROM>TO SECONDS.FRACTION HEX" with one or more whole
// messages, or only HEX; lines with HEX only continue one another. A # begins
// a comment; blanks within HEX do not count.
//
// The events before an error are given with it.
func Read(data []byte) (Capture, error) {
	if isNextGeneration(data) {
		return Capture{}, errors.New("this is a pcapng file; convert it with: tshark -r FILE -F pcap -w NEWFILE")
	}
	if _, _, ok := byteOrder(data); ok {
		return readPackets(data)
	}
	for _, b := range data[:min(len(data), 512)] {
		if b < ' ' && b != '\n' && b != '\r' && b != '\t' {
			return Capture{}, errors.New("neither a pcap file nor hexadecimal text")
		}
	}
	events, err := readText(string(data))
	c := Capture{Events: events}
	for _, e := range events {
		if e.Message != nil {
			c.Base = e.Message.Head().Time
			break
		}
	}
	return c, err
}

func readPackets(data []byte) (Capture, error) {
	link, list, err := records(data)
	if len(list) == 0 {
		return Capture{}, err
	}
	if !knownLink(link) {
		return Capture{}, fmt.Errorf("link type %d is not known; capture Ethernet, Linux cooked, BSD loopback or raw IPv4 packets", link)
	}
	r := &reader{streams: make(map[flow]*stream), first: list[0].at}
	for _, p := range list {
		if s, ok := tcp(network(link, p.data), p.cut); ok {
			r.segment(p.at, s)
		}
	}
	for _, st := range r.order {
		r.finish(list[len(list)-1].at, st)
	}
	return Capture{Base: lease.Time(list[0].at / time.Second), Events: r.events}, err
}

// Print reads data as Read does and writes one line for each event: seconds
// since the begin, direction, and the message with its times as T+n seconds
// after the moment that the first line names. Errors are those of Read, after
// what was read before is written, and those of w.
func Print(w io.Writer, data []byte) error {
	c, err := Read(data)
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "# T is %v (%d)\n", c.Base, uint32(c.Base))
	for _, e := range c.Events {
		text := e.Note
		if e.Message != nil {
			text = wire.Line(e.Message, c.Base)
		}
		fmt.Fprintf(out, "%9.3f %s > %s %s\n", e.At.Seconds(), e.From, e.To, text)
	}
	if ferr := out.Flush(); ferr != nil {
		return ferr
	}
	return err
}
