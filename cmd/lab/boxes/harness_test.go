package boxes

import (
	"context"
	"flag"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"tandem/qemu"
)

// long asks for the proofs that take longer than a build server likes.
var long = flag.Bool("boxes.long", os.Getenv("BOXES_LONG") != "", "run the long proofs too")

// onlyLong leaves a test out of the short set; see the package comment.
func onlyLong(t *testing.T) {
	t.Helper()
	if !*long {
		t.Skip("a long proof: run it with -boxes.long")
	}
}

// within is a context for one act of a test.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), d)
	t.Cleanup(stop)
	return ctx
}

// expect waits until the console says something after what was seen before.
func expect(t *testing.T, b *qemu.Box, patience time.Duration, pattern string) []string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	m, err := b.Console.Expect(ctx, pattern)
	if err != nil {
		t.Fatalf("%s: %v", b.Machine.Name, err)
	}
	return m
}

// ask types a command on the console and gives the answer: all that comes up
// to a prompt after its heading.
func ask(t *testing.T, b *qemu.Box, words string) string {
	t.Helper()
	if err := b.Console.Type(words); err != nil {
		t.Fatal(err)
	}
	m := expect(t, b, 30*time.Second, `(?s)== `+regexp.QuoteMeta(words)+`\r\n(.*?)\r\n> `)
	return strings.ReplaceAll(m[1], "\r", "")
}

// factsPatience covers that what init finds out reaches dhcpfd with the facts,
// once a second.
const factsPatience = 10 * time.Second

// answers requires that an answer on the console fits a pattern, soon.
func answers(t *testing.T, b *qemu.Box, words, pattern string) {
	t.Helper()
	want := regexp.MustCompile(pattern)
	for until := time.Now().Add(factsPatience); ; {
		got := ask(t, b, words)
		if want.MatchString(got) {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("%s: %q answers\n%s\nwant %q", b.Machine.Name, words, got, pattern)
		}
	}
}

// serves requires that every client of the crowd gets or keeps an address.
func serves(t *testing.T, s *Stage) {
	t.Helper()
	if err := s.Crowd.Rebind(within(t, servePatience), 0, s.Crowd.Len(), 4); err != nil {
		t.Fatalf("not served: %v", err)
	}
}

// settle lets every client get an address and renew it, and gives the
// addresses. The first lease is as short as MCLT; the next, once the partner
// knows of the first, lasts through what a test does.
func settle(t *testing.T, s *Stage) []netip.Addr {
	t.Helper()
	serves(t, s)
	<-time.After(2 * time.Second)
	serves(t, s)
	return s.addresses()
}

// keepAsking has the clients renew all the time until stop is called.
func keepAsking(t *testing.T, s *Stage) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			// Who is not answered now asks again in the next round.
			round, over := context.WithTimeout(ctx, 10*time.Second)
			_ = s.Crowd.Rebind(round, 0, s.Crowd.Len(), 4)
			over()
			select {
			case <-time.After(5 * time.Second):
			case <-ctx.Done():
			}
		}
	}()
	return func() { cancel(); <-ended }
}

// silent requires that nobody is answered for a while.
func silent(t *testing.T, s *Stage) {
	t.Helper()
	acks := len(s.Crowd.Acks)
	err := s.Crowd.Acquire(within(t, 4*time.Second), 0, 4, 4)
	if len(s.Crowd.Acks) != acks || err == nil {
		t.Fatal("a client was served by a box that must be silent")
	}
}

// awaitNormal waits until both boxes say that the pair is well.
func awaitNormal(t *testing.T, s *Stage) {
	t.Helper()
	if err := s.AwaitNormal(within(t, bootPatience)); err != nil {
		t.Fatal(err)
	}
}

// start switches the boxes on.
func start(t *testing.T, s *Stage) {
	t.Helper()
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}
