package boxes

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"tandem/qemu"
)

// answer is one line typed at a console, once its question is there.
type answer struct {
	question string // regular expression
	line     string
}

// choose answers a list of choices by the beginning of one of them.
func choose(head, line string) answer {
	return answer{`== ` + regexp.QuoteMeta(head) + `\r\n(?s:.*?)Choose \[\w\]: $`, line}
}

// fill answers one question of a form.
func fill(label, line string) answer {
	return answer{regexp.QuoteMeta(label) + `(?: \[[^\]\r\n]*\])?: $`, line}
}

// firstAnswers set up the first box of a pair as boxConf and Conf would. The
// lines that are empty take what the box proposes.
var firstAnswers = []answer{
	choose("Set up this box", "The first"),
	choose("Set up: which port is the LAN?", "LAN1"),
	choose("Set up: which port is the direct cable?", "LAN2"),
	fill("Name of this box", Names[0]),
	fill("LAN address", Addrs[0]+"/24"),
	fill("VLAN", ""),
	fill("Partner's LAN address", ""),
	fill("Gateway", "-"),
	fill("Name servers (DNS)", "-"),
	fill("NTP servers", "10.77.0.11 10.77.0.12 10.77.0.13"),
	choose("What the time servers say", "Go on"),
	choose("Set up: what shall be served?", "Address"),
	fill("Ranges for clients", "10.77.0.100-10.77.0.199"),
	fill("Router for clients", "10.77.0.254"),
	fill("DNS for clients", ""),
	fill("Domain name", "lab.example"),
	fill("Lease time", "30s"),
	fill("Longest lease time", "60s"),
	fill("Password", ""),
	fill("Once more", ""),
	choose("Set up: summary", "Write it"),
}

// secondAnswers set up the box that joins, with the code of the other one.
func secondAnswers(way, code string) []answer {
	return []answer{
		choose("Set up this box", way),
		choose("Set up: the way to the other box", "LAN2"),
		fill("Pairing code", code),
		choose("Set up: what the other box says", "Check"),
		choose("Set up: checked", "Go on"),
		fill("Password", ""),
		fill("Once more", ""),
		choose("Set up: summary", "Accept"),
	}
}

// The beginnings of the choices of the first question.
const (
	asSecond      = "The second"
	asReplacement = "The replacement"
)

// answerPatience is how long one answer may take to be asked for.
const answerPatience = 90 * time.Second

// typeAll answers questions in their order.
func typeAll(ctx context.Context, b *qemu.Box, answers []answer) error {
	for _, a := range answers {
		if err := typeOne(ctx, b, a); err != nil {
			return err
		}
	}
	return nil
}

func typeOne(ctx context.Context, b *qemu.Box, a answer) error {
	ctx, stop := context.WithTimeout(ctx, answerPatience)
	defer stop()
	if _, err := b.Console.Expect(ctx, a.question); err != nil {
		return fmt.Errorf("%s: %w", b.Machine.Name, err)
	}
	return b.Console.Type(a.line)
}

// SetUp sets up two blank boxes that have power, as a person does on their
// serial consoles; others need nothing.
func (s *Stage) SetUp(ctx context.Context) error {
	if !s.blank {
		return nil
	}
	s.blank = false
	s.Say("lab", "somebody sets %s up on its console", Names[0])
	if err := typeAll(ctx, s.Boxes[0], firstAnswers); err != nil {
		return err
	}
	code, err := s.code(ctx, 0)
	if err != nil {
		return err
	}
	s.Say("lab", "%s shows the pairing code %s, which is typed at %s", Names[0], code, Names[1])
	return typeAll(ctx, s.Boxes[1], secondAnswers(asSecond, code))
}

// code waits for the pairing code that a box shows.
func (s *Stage) code(ctx context.Context, i int) (string, error) {
	ctx, stop := context.WithTimeout(ctx, answerPatience)
	defer stop()
	err := s.Eyes[i].Await(ctx, "showing a code", func(st State) bool { return st.Code != "" })
	return s.Eyes[i].State().Code, err
}
