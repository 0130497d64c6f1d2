package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/failover/conf"
	"tandem/failover/lease"
)

// scene is a capture, the server in whose place the model is, and what the
// capture does not show.
type scene struct {
	file      string
	secondary bool
	// normal is when the pair had come to NORMAL; zero if the capture begins
	// with a new server, which starts at start.
	normal, start time.Duration
	down          time.Duration    // an operator's partner-down
	reboot        time.Duration    // the server, killed before, starts again
	wiped         bool             // with an empty file
	cut           [2]time.Duration // the link carries nothing; what is sent then is not in the capture
	drops         []time.Duration  // the partner ends the connection
	exits         string           // what makes dhcpd exit or shut itself down
	from, till    time.Duration    // what comes sooner or later is left out
	acks          []acking         // the scripted partner's, which the probes do not show
	luck          []lease.Seconds  // by which dhcpd put off its balancing, once and again
	set           settings
}

// acking is a time in which the scripted partner acknowledged what it was sent.
type acking struct {
	from, to float64
	uid      bool // with a client identifier
}

var always = []acking{{from: 0, to: 100}}

// ackDelay is how late the scripted partner did that.
const ackDelay = 300 * time.Millisecond

// settings are those of the captures, as far as they differ.
type settings struct {
	name       string
	low        string
	high       string
	split      int
	lease      int
	mclt       int
	unacked    int
	balance    [2]int // min and max
	misbalance int
}

// or fills in what most captures have.
func (s settings) or(probe bool) settings {
	net := "10.77"
	if probe {
		net = "10.88"
	}
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	if s.name == "" {
		s.name = "fo-pair"
	}
	s.low = net + ".0.100"
	if s.high == "" {
		s.high = net + ".0.119"
		if probe {
			s.high = net + ".0.109"
		}
	}
	def(&s.split, 128)
	def(&s.lease, 60)
	def(&s.mclt, 20)
	def(&s.unacked, 10)
	def(&s.misbalance, 15)
	if s.balance == [2]int{} {
		s.balance = [2]int{5, 30}
		if probe {
			s.balance = [2]int{3, 6}
		}
	}
	return s
}

func (s settings) compile(t *testing.T, secondary bool) *conf.Config {
	t.Helper()
	role, mclt := "primary; address 10.99.0.1; peer address 10.99.0.2", fmt.Sprintf("mclt %d; split %d;", s.mclt, max(s.split, 0))
	if secondary {
		role, mclt = "secondary; address 10.99.0.2; peer address 10.99.0.1", ""
	}
	net := strings.Join(strings.Split(s.low, ".")[:2], ".")
	text := fmt.Sprintf(`authoritative; ping-check false; default-lease-time %d; max-lease-time %d; min-lease-time 1;
failover peer "fo-pair" { %s; port 647; peer port 647; max-response-delay 12; max-unacked-updates %d;
  load balance max seconds 3; min-balance %d; max-balance %d; max-lease-misbalance %d; %s }
subnet %s.0.0 netmask 255.255.255.0 { pool { failover peer "fo-pair"; range %s %s; } pool { range %[9]s.0.200 %[9]s.0.201; } }
`, s.lease, s.lease, role, s.unacked, s.balance[0], s.balance[1], s.misbalance, mclt, net, s.low, s.high)
	text = strings.ReplaceAll(text, "fo-pair", s.name)
	cfg, diags := conf.Load("dhcpd.conf", func(string) ([]byte, error) { return []byte(text), nil })
	if cfg == nil {
		t.Fatalf("%v\n%s", diags, text)
	}
	return cfg
}

// cuts tells whether the link was cut shortly before at.
func (s *scene) cuts(at time.Duration) bool {
	return s.cut[1] != 0 && at > s.cut[0] && at <= s.cut[1]+slack
}

// second is a moment in seconds, as captures count.
func second(s float64) time.Duration { return time.Duration(s * 1e9) }

var scenes = []scene{
	{file: "01", start: 1},
	{file: "01", secondary: true, start: second(2.19)},
	{file: "03", normal: second(-2.5)},
	{file: "03", secondary: true, normal: second(-2.5)},
	{file: "04", normal: second(-2.5)},
	{file: "04", secondary: true, normal: second(-2.5)},
	{file: "05", normal: second(-2.5), set: settings{lease: 20, mclt: 15}},
	{file: "05", secondary: true, normal: second(-2.5), set: settings{lease: 20, mclt: 15}},
	{file: "06", normal: second(-2.5)},
	{file: "06", secondary: true, normal: second(-2.5)},
	{file: "07", normal: second(-2.5)},
	{file: "07", secondary: true, normal: second(-2.5), reboot: second(20.55)},
	{file: "07b", normal: second(-1.9), reboot: second(15.83)},
	{file: "07b", secondary: true, normal: second(-1.9)},
	{file: "08", normal: second(-2.5), down: second(6.5)},
	{file: "08", secondary: true, normal: second(-2.5), reboot: second(36.41)},
	{file: "08b", normal: second(-2.5), reboot: second(35.58), luck: []lease.Seconds{2}},
	{file: "08b", secondary: true, normal: second(-2.5), down: second(6.5)},
	{file: "09", start: second(.19)},
	{file: "09", secondary: true, start: 1, set: settings{name: "other-name"}},
	{file: "10", normal: second(-2.386)},
	{file: "11", normal: second(-2.5), down: second(16.5), cut: [2]time.Duration{second(4.2), second(44.015)}},
	{file: "11", secondary: true, normal: second(-2.5), down: second(16.5), cut: [2]time.Duration{second(4.2), second(44.015)}},
	{file: "12", normal: second(-2.42), set: settings{high: "10.77.0.109", split: 256, balance: [2]int{3, 6}}},
	{file: "12", secondary: true, normal: second(-2.42), luck: []lease.Seconds{3, 1}, set: settings{high: "10.77.0.109", split: 256, balance: [2]int{3, 6}}},
	{file: "13", normal: second(-2.5), cut: [2]time.Duration{second(4.2), second(25.571)}},
	{file: "13", secondary: true, normal: second(-2.5), cut: [2]time.Duration{second(4.2), second(25.571)}},
	{file: "14", normal: second(-2.5)},
	{file: "14", secondary: true, normal: second(-2.5), reboot: second(6.25), wiped: true},
	{file: "15", normal: second(-2.5), down: second(5.5), cut: [2]time.Duration{second(4.2), second(57.647)}},
	{file: "15", secondary: true, normal: second(-2.5), reboot: second(33), cut: [2]time.Duration{second(4.2), second(57.647)}},
	{file: "15b", normal: second(-2.5), down: second(5), cut: [2]time.Duration{second(4.2), second(33.424)}},
	{file: "15b", secondary: true, normal: second(-2.5), reboot: second(16.5), cut: [2]time.Duration{second(4.2), second(33.424)}},
	{file: "16", normal: second(-2.5), set: settings{unacked: 3}},
	{file: "16", secondary: true, normal: second(-2.5), set: settings{unacked: 3}},
	{file: "17", normal: second(-2.5), set: settings{split: -1, balance: [2]int{300, 600}}},
	{file: "17", secondary: true, normal: second(-2.334), luck: []lease.Seconds{1, 0}, set: settings{split: -1, balance: [2]int{2, 3}, misbalance: 1}},
	{file: "18", normal: second(-2.762)},
	{file: "18", secondary: true, normal: second(-2.5)},
	{file: "19", normal: second(-2.5), reboot: second(26.54), set: settings{lease: 300}},
	{file: "19", secondary: true, normal: second(-2.5), down: second(5.5), set: settings{lease: 300}},
	{file: "p1", secondary: true, start: second(14), from: second(15.1)},
	{file: "p3", secondary: true, start: second(-.6), acks: always, exits: "12", luck: []lease.Seconds{1, 3, 4, 1, 1}},
	{file: "p4", secondary: true, start: second(-1), acks: always, exits: "status 9", luck: []lease.Seconds{1}},
	{file: "p6", secondary: true, start: second(-.6)},
	{file: "p7", start: second(.55), acks: always, drops: []time.Duration{second(53.6)}},
	{file: "p8", start: second(.5), acks: []acking{{to: 8}, {from: 8, to: 19, uid: true}, {from: 19, to: 60}}, drops: []time.Duration{second(35.5)}, exits: "CONFLICT-DONE"},
	{file: "p9", start: second(1), acks: always, exits: "normal"},
	{file: "p10", start: second(.5), acks: []acking{{to: 9}, {from: 20, to: 28}}, drops: []time.Duration{second(8), second(15), second(27)}},
	{file: "p11", start: second(.5), acks: always, drops: []time.Duration{second(15)}, till: second(16)},
}

func (s scene) String() string {
	if s.secondary {
		return s.file + " secondary"
	}
	return s.file + " primary"
}

func (s scene) read(t *testing.T) *capture {
	c := readCapture(t, s.file, s.secondary)
	c.lines = slices.DeleteFunc(c.lines, func(x captured) bool { return x.at < s.from || s.till != 0 && x.at > s.till })
	return c
}
