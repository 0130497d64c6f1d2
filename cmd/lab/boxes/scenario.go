package boxes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"tandem/cmd/lab/clients"
	"tandem/cmd/lab/load"
	"tandem/cmd/lab/netlab"
)

// Stage is a pair of boxes with clients, and a place to tell what happens.
type Stage struct {
	*Pair
	blank bool // the boxes are still to be set up
	Eyes  []*Eye
	Net   *netlab.Net
	Crowd *load.Crowd
	Real  []*clients.Client

	leases []clients.Lease // of the real clients, as they were served first

	mu    sync.Mutex
	out   io.Writer
	began time.Time
	dir   string
}

// crowdSize and the real programs make twenty clients.
const crowdSize = 17

// NewStage sets up a pair and its clients; nothing has power yet.
func NewStage(opt Options, out io.Writer) (*Stage, error) {
	p, err := New(opt)
	if err != nil {
		return nil, err
	}
	s := &Stage{Pair: p, blank: opt.Blank, out: out, began: time.Now()}
	if s.dir, err = os.MkdirTemp("", "stage-"); err != nil {
		p.Close()
		return nil, err
	}
	if err := s.furnish(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Stage) furnish() error {
	// Clients that give up root must get at their files.
	if err := os.Chmod(s.dir, 0o755); err != nil {
		return err
	}
	var err error
	if s.Net, err = netlab.New(s.dir); err != nil {
		return err
	}
	crowd, err := s.Machine(s.Net, "crowd", 0x30)
	if err != nil {
		return err
	}
	if s.Crowd, err = load.NewCrowd(crowd, "eth0", 1, crowdSize); err != nil {
		return err
	}
	for i, b := range s.Boxes {
		s.Eyes = append(s.Eyes, Watch(b, Names[i], func(line string) { s.Say(Names[i], "%s", plain(line)) }))
	}
	return nil
}

// plain takes from a console line what the story has already: the time, and
// the names of the only service and relationship.
func plain(line string) string {
	line = logStamp.ReplaceAllString(strings.TrimSpace(line), "")
	return strings.TrimPrefix(strings.TrimPrefix(line, "dhcpfd: "), "failover peer tandem: ")
}

var logStamp = regexp.MustCompile(`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\(no time\) +[0-9.]+) `)

// Close ends everything.
func (s *Stage) Close() error {
	var errs []error
	for _, e := range s.Eyes {
		e.Close()
	}
	if s.Crowd != nil {
		errs = append(errs, s.Crowd.Close())
	}
	if s.Net != nil {
		errs = append(errs, s.Net.Close())
	}
	s.Pair.Close()
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

// Say writes one line of the story.
func (s *Stage) Say(who, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out != nil {
		fmt.Fprintf(s.out, "%6.1fs  %-8s %s\n", time.Since(s.began).Seconds(), who, fmt.Sprintf(format, args...))
	}
}

// Start switches both boxes on.
func (s *Stage) Start(ctx context.Context) error {
	for i := range s.Boxes {
		if err := s.Power(ctx, i, true); err != nil {
			return err
		}
	}
	return nil
}

// Power gives or pulls the power of a box.
func (s *Stage) Power(ctx context.Context, i int, on bool) error {
	if !on {
		s.Boxes[i].PullPower()
		s.Eyes[i].Mark(false, false)
		s.Say("lab", "the power of %s is pulled", Names[i])
		return nil
	}
	s.Say("lab", "%s is switched on", Names[i])
	s.Eyes[i].Mark(true, false)
	return s.Boxes[i].PowerOn(ctx)
}

// Freeze stops a box in the middle of what it does, or lets it go on.
func (s *Stage) Freeze(ctx context.Context, i int, frozen bool) error {
	if !s.Boxes[i].On() {
		return nil
	}
	s.Eyes[i].Mark(true, frozen)
	if frozen {
		s.Say("lab", "%s is frozen", Names[i])
		return s.Boxes[i].Freeze(ctx)
	}
	s.Say("lab", "%s thaws", Names[i])
	return s.Boxes[i].Thaw(ctx)
}

// CutDirect pulls the direct cable out of both boxes, or plugs it in.
func (s *Stage) CutDirect(ctx context.Context, cut bool) error {
	for _, b := range s.Boxes {
		if !b.On() {
			continue
		}
		if err := b.SetCarrier(ctx, PortDirect, !cut); err != nil {
			return err
		}
	}
	return nil
}

// AwaitNormal waits until both boxes say that the pair is well.
func (s *Stage) AwaitNormal(ctx context.Context) error {
	for _, e := range s.Eyes {
		if err := e.Await(ctx, "NORMAL", Normal); err != nil {
			return err
		}
	}
	s.Say("lab", "both boxes are NORMAL")
	return nil
}

// Join lets the real clients in, one of each program.
func (s *Stage) Join(kinds ...clients.Kind) error {
	for i, k := range kinds {
		node, err := s.Machine(s.Net, string(k), byte(0x40+i))
		if err != nil {
			return err
		}
		c, err := k.Start(node, s.dir, "eth0", clients.Options{Hostname: string(k) + "-host"})
		if err != nil {
			return err
		}
		s.Real = append(s.Real, c)
	}
	return nil
}

// AwaitReal waits until every real client reports a lease after mark.
func (s *Stage) AwaitReal(marks []int, patience time.Duration) ([]clients.Lease, error) {
	var got []clients.Lease
	for i, c := range s.Real {
		l, err := c.AwaitLease(marks[i], patience)
		if err != nil {
			return got, fmt.Errorf("%s: %w", c.Kind, err)
		}
		s.Say(string(c.Kind), "%s %s for %d s from %s", strings.ToLower(l.Event), l.Addr, l.Seconds, l.Server)
		got = append(got, l)
	}
	return got, nil
}

// marks are the places in the real clients' output where now is.
func (s *Stage) marks() []int {
	var list []int
	for _, c := range s.Real {
		list = append(list, c.Mark())
	}
	return list
}

// addresses are those of the crowd.
func (s *Stage) addresses() []netip.Addr {
	var list []netip.Addr
	for i := range s.Crowd.Len() {
		list = append(list, s.Crowd.Addr(i))
	}
	return list
}

// unchanged tells whether every client still has its address.
func unchanged(before, after []netip.Addr) error {
	for i := range before {
		if !after[i].IsValid() || after[i] != before[i] {
			return fmt.Errorf("client %d had %v and has %v now", i, before[i], after[i])
		}
	}
	return nil
}

// Patience for the parts of the story, under plain emulation on a busy machine.
const (
	bootPatience  = 3 * time.Minute
	servePatience = 60 * time.Second
)

// Scenario plays the fixed story: two blank boxes are set up, both NORMAL,
// twenty clients served, the primary's power pulled, the clients renewed by the
// secondary, the primary back, both NORMAL. It says what failed.
func (s *Stage) Scenario(ctx context.Context) error {
	if err := s.opening(ctx); err != nil {
		return err
	}
	return s.story(ctx)
}

// story is what happens to a pair that is well.
func (s *Stage) story(ctx context.Context) error {
	for _, act := range []func(context.Context) error{s.serveAll, s.losePrimary, s.primaryBack} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	if n := len(s.Crowd.Conflicts); n > 0 {
		return fmt.Errorf("%d addresses had two clients: %v", n, s.Crowd.Conflicts[0])
	}
	s.Say("lab", "done: no client lost its address, no address had two clients")
	return nil
}

func (s *Stage) opening(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, bootPatience)
	defer stop()
	kind := "two boxes"
	if s.blank {
		kind = "two blank boxes"
	}
	s.Say("lab", "%s, clocks wrong (2020 and 2031), three time servers, a direct cable", kind)
	began := time.Now()
	if err := s.Start(ctx); err != nil {
		return err
	}
	if err := s.SetUp(ctx); err != nil {
		return err
	}
	if err := s.AwaitNormal(ctx); err != nil {
		return err
	}
	s.Say("lab", "power-on to NORMAL: %.1f s of box time", time.Since(began).Seconds())
	return nil
}

func (s *Stage) serveAll(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, servePatience)
	defer stop()
	if err := s.Crowd.Acquire(ctx, 0, crowdSize, 4); err != nil {
		return fmt.Errorf("not every client got an address: %w", err)
	}
	s.Say("clients", "%d simulated clients have addresses", crowdSize)
	if err := s.Join(clients.Udhcpc, clients.Dhclient, clients.Dhcpcd); err != nil {
		return err
	}
	var err error
	s.leases, err = s.AwaitReal(make([]int, len(s.Real)), servePatience)
	return err
}

func (s *Stage) losePrimary(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, bootPatience)
	defer stop()
	before, marks := s.addresses(), s.marks()
	// The partner learns of a lease right after the client: let it.
	select {
	case <-time.After(2 * time.Second):
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := s.Power(ctx, 0, false); err != nil {
		return err
	}
	if err := s.Eyes[1].Await(ctx, "alone", Alone); err != nil {
		return err
	}
	if err := s.Crowd.Rebind(ctx, 0, crowdSize, 4); err != nil {
		return fmt.Errorf("not every client could renew at the secondary: %w", err)
	}
	if err := unchanged(before, s.addresses()); err != nil {
		return err
	}
	s.Say("clients", "%d simulated clients renewed at %s, all with the same address", crowdSize, Names[1])
	renewed, err := s.awaitRealMeanwhile(ctx, marks)
	for i := range renewed {
		if renewed[i].Addr != s.leases[i].Addr {
			return fmt.Errorf("%s had %v and has %v now", s.Real[i].Kind, s.leases[i].Addr, renewed[i].Addr)
		}
	}
	return err
}

// rebindEvery keeps the simulated clients' leases alive while the real ones
// take their time.
const rebindEvery = 10 * time.Second

func (s *Stage) awaitRealMeanwhile(ctx context.Context, marks []int) (renewed []clients.Lease, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		renewed, err = s.AwaitReal(marks, 2*servePatience)
	}()
	for {
		select {
		case <-done:
			return renewed, err
		case <-time.After(rebindEvery):
		}
		if err := s.Crowd.Rebind(ctx, 0, crowdSize, 4); err != nil {
			<-done
			return nil, fmt.Errorf("not every client could renew again: %w", err)
		}
	}
}

func (s *Stage) primaryBack(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, bootPatience)
	defer stop()
	before := s.addresses()
	if err := s.Power(ctx, 0, true); err != nil {
		return err
	}
	if err := s.AwaitNormal(ctx); err != nil {
		return err
	}
	if err := s.Crowd.Rebind(ctx, 0, crowdSize, 4); err != nil {
		return fmt.Errorf("not every client could renew: %w", err)
	}
	return unchanged(before, s.addresses())
}
