package boxes

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"tandem/qemu"
)

// types answers questions on the console of a box.
func types(t *testing.T, b *qemu.Box, answers ...answer) {
	t.Helper()
	if err := typeAll(t.Context(), b, answers); err != nil {
		t.Fatal(err)
	}
}

// wrong answers a question wrongly: the box says so and asks again.
func wrong(t *testing.T, b *qemu.Box, a answer, complaint string) {
	t.Helper()
	types(t, b, a)
	expect(t, b, servePatience, complaint)
}

// TestSetupGoesWrong types nonsense, pulls the power before and while the
// answers are written, and joins with wrong codes.
func TestSetupGoesWrong(t *testing.T) {
	opt := options()
	opt.Blank, opt.Start = true, qemu.StartDirect
	s := stage(t, opt)
	a, b := s.Boxes[0], s.Boxes[1]
	start(t, s)
	types(t, a, firstAnswers[:3]...)
	wrong(t, a, fill("Name of this box", "box_a"), `"_" in place 4|'_' in place 4`)
	types(t, a, fill("Name of this box", Names[0]))
	wrong(t, a, fill("LAN address", "10.77.0.256/24"), `256 in "10\.77\.0\.256" is too large`)
	wrong(t, a, fill("LAN address", "10.77.0.2"), `The length of the network is missing`)
	types(t, a, firstAnswers[4:6]...)
	wrong(t, a, fill("Partner's LAN address", "10.77.0.2"), `10\.77\.0\.2 is this box's own address`)
	types(t, a, firstAnswers[6:len(firstAnswers)-1]...)
	expect(t, a, servePatience, `Nothing has been written yet`)

	s.Say("lab", "the power of %s goes at the summary", Names[0])
	again(t, s, 0)
	types(t, a, firstAnswers...)
	s.Say("lab", "and while the answers are written")
	again(t, s, 0)
	if m := expect(t, a, bootPatience, `== Set up this box|ok +box configuration`); strings.HasPrefix(m[0], "==") {
		s.Say(Names[0], "the answers were lost as a whole")
		a.PullPower()
		again(t, s, 0)
		types(t, a, firstAnswers...)
	}

	code, err := s.code(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	answers := secondAnswers(asSecond, code)
	types(t, b, answers[:2]...)
	wrong(t, b, fill("Pairing code", "0OIL"), `is in no code, because it looks like another one`)
	other := strings.Map(func(r rune) rune {
		if r == 'A' || r == 'B' {
			return 'C'
		}
		return map[bool]rune{true: r, false: 'A'}[r == '-']
	}, code)
	wrong(t, b, fill("Pairing code", other), `The code does not match\. It is mistyped`)
	expect(t, b, servePatience, `Pairing code(?: \[[^\]]*\])?: $`)
	if err := b.Console.Type(code); err != nil {
		t.Fatal(err)
	}
	types(t, b, answers[3:]...)
	awaitNormal(t, s)
	serves(t, s)
}

// again pulls the power of a box and gives it back.
func again(t *testing.T, s *Stage, i int) {
	t.Helper()
	if err := s.Power(t.Context(), i, false); err != nil {
		t.Fatal(err)
	}
	if err := s.Power(t.Context(), i, true); err != nil {
		t.Fatal(err)
	}
}

// TestChangeAndReplace changes the configuration of a pair that was paired by
// its code, and then replaces one of its boxes by a blank one, under load.
func TestChangeAndReplace(t *testing.T) {
	opt := options()
	opt.Start = qemu.StartDirect
	opt.Box = func(i int, text string) string { return strings.Replace(text, "tandem clear", "tandem", 1) }
	opt.BlankSecond = true
	s := stage(t, opt)
	a := s.Boxes[0]
	start(t, s)
	joins(t, s, asSecond)
	awaitNormal(t, s)
	before := settle(t, s)
	stop := keepAsking(t, s)

	changes(t, s)

	s.Say("lab", "%s burns down; a blank box takes its place", Names[1])
	if err := s.Power(t.Context(), 1, false); err != nil {
		t.Fatal(err)
	}
	if err := qemu.CopySparse(opt.Image.Path, s.Boxes[1].Machine.Disk, 512<<20); err != nil {
		t.Fatal(err)
	}
	if err := s.Power(t.Context(), 1, true); err != nil {
		t.Fatal(err)
	}
	if err := a.Console.Type("failctl pair open replacement"); err != nil {
		t.Fatal(err)
	}
	joins(t, s, asReplacement)
	expect(t, s.Boxes[1], bootPatience, `I move from .* to recover`)
	awaitNormal(t, s)
	stop()
	serves(t, s)
	if err := s.Power(t.Context(), 0, false); err != nil {
		t.Fatal(err)
	}
	awaitAlone(t, s, 1)
	serves(t, s)
	if err := unchanged(before, s.addresses()); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Crowd.Conflicts); n > 0 {
		t.Fatalf("%d addresses had two clients: %v", n, s.Crowd.Conflicts[0])
	}
}

// joins sets the blank second box up with the code that the first one shows.
func joins(t *testing.T, s *Stage, way string) {
	t.Helper()
	code, err := s.code(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	types(t, s.Boxes[1], secondAnswers(way, code)...)
}

// changed is Conf with one more line.
var changed = strings.Replace(Conf, "max-lease-time 120;", "max-lease-time 121;", 1)

// changes changes the configuration of the pair in every way: with a mistake
// in it, as it should be, with a partner that dies in the middle, and while it
// is away.
func changes(t *testing.T, s *Stage) {
	t.Helper()
	a, b := s.Boxes[0], s.Boxes[1]
	if got := change(t, a, strings.Replace(changed, "range", "rang", 1)); !strings.Contains(got, "dhcpd.conf") || !strings.HasPrefix(got, "Not in force") {
		t.Fatalf("a mistake in dhcpd.conf is answered with\n%s", got)
	}
	if got := change(t, b, changed); !strings.HasPrefix(got, "In force") {
		t.Fatalf("a good dhcpd.conf is answered with\n%s", got)
	}
	awaitConfig(t, s, 1, `waiting for confirmation`)
	confirm(t, b)
	for i := range s.Boxes {
		awaitConfig(t, s, i, `version [2-9]\d* .*in force`)
	}
	good := regexp.QuoteMeta(s.Eyes[0].State().Config)
	s.Say("lab", "%s dies while a change is tried", Names[1])
	if got := change(t, a, strings.Replace(changed, "121", "122", 1)); !strings.HasPrefix(got, "In force") {
		t.Fatalf("a good dhcpd.conf is answered with\n%s", got)
	}
	awaitConfig(t, s, 0, `on trial`)
	again(t, s, 1)
	awaitConfig(t, s, 0, good)
	awaitNormal(t, s)
	awaitConfig(t, s, 1, good)
}

// change puts a dhcpd.conf in force by the menu of a console, and gives what
// comes of it.
func change(t *testing.T, b *qemu.Box, text string) string {
	t.Helper()
	if err := b.Console.Type("menu"); err != nil {
		t.Fatal(err)
	}
	types(t, b, choose("Menu", "f"), choose("Configuration of the pair", "p"))
	expect(t, b, servePatience, `only a dot\.\r\n`)
	for line := range strings.Lines(text + ".\n") {
		if err := b.Console.Type(strings.TrimSuffix(line, "\n")); err != nil {
			t.Fatal(err)
		}
	}
	types(t, b, answer{`edit> $`, "done"}, choose("Draft of the configuration", "p"), fill("Comment", "by the laboratory"))
	m := expect(t, b, 2*time.Minute, `(?s)== ((?:In|Not in) force\r\n.*?)\r\n(?:Choose|== )`)
	home(t, b)
	return strings.ReplaceAll(m[1], "\r", "")
}

// home leaves every menu of a console.
func home(t *testing.T, b *qemu.Box) {
	t.Helper()
	for range 6 {
		if err := b.Console.Type("<"); err != nil {
			t.Fatal(err)
		}
	}
}

// confirm keeps the change that waits.
func confirm(t *testing.T, b *qemu.Box) {
	t.Helper()
	if err := b.Console.Type("menu"); err != nil {
		t.Fatal(err)
	}
	types(t, b, choose("Menu", "f"), choose("Configuration of the pair", "c"))
	expect(t, b, servePatience, `== Confirm\r\n`)
	home(t, b)
}

// awaitConfig waits until a box says so of its configuration.
func awaitConfig(t *testing.T, s *Stage, i int, pattern string) {
	t.Helper()
	says := regexp.MustCompile(pattern)
	if err := s.Eyes[i].Await(within(t, 2*time.Minute), pattern, func(st State) bool { return says.MatchString(st.Config) }); err != nil {
		t.Fatalf("%v; it says of its configuration %q", err, s.Eyes[i].State().Config)
	}
}
