package pcap

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tandem/failover/wire"
)

// readText reads messages in hexadecimal, see Read.
func readText(data string) ([]Event, error) {
	var (
		events []Event
		bare   bareStream
		number int
	)
	for line := range strings.Lines(data) {
		number++
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		more, err := bare.line(words, number)
		events = append(events, more...)
		if err != nil {
			return events, fmt.Errorf("line %d: %w", number, err)
		}
	}
	if n := bare.framer.Pending(); n > 0 {
		return events, fmt.Errorf("line %d: the hexadecimal text ends within a message, after %d octets of it", number, n)
	}
	return events, nil
}

// bareStream reads lines; those without a direction are pieces of one stream.
type bareStream struct{ framer wire.Framer }

func (b *bareStream) line(words []string, number int) ([]Event, error) {
	from, to, directed := strings.Cut(words[0], ">")
	ev := Event{From: from, To: to}
	framer := &b.framer
	if directed {
		framer, words = new(wire.Framer), words[1:]
		if len(words) > 0 && strings.Contains(words[0], ".") {
			sec, err := strconv.ParseFloat(words[0], 64)
			if err != nil || sec < 0 || sec > 1e9 {
				return nil, fmt.Errorf("%q is no number of seconds", words[0])
			}
			ev.At, words = time.Duration(sec*float64(time.Second)), words[1:]
		}
	} else {
		ev.From, ev.To = "line", strconv.Itoa(number)
	}
	octets, err := hex.DecodeString(strings.Join(words, ""))
	if err != nil {
		return nil, fmt.Errorf("%w; want [FROM>TO SECONDS.FRACTION] and hexadecimal octets, # begins a comment", err)
	}
	var events []Event
	_, err = framer.Feed(octets, func(m wire.Message) bool {
		ev.Message = m
		events = append(events, ev)
		return true
	})
	switch {
	case !directed:
		return events, err
	case err != nil:
		ev.Note = err.Error()
	case framer.Pending() > 0:
		ev.Note = fmt.Sprintf("ends within a message, after %d octets of it", framer.Pending())
	default:
		return events, nil
	}
	ev.Message = nil
	return append(events, ev), nil
}
