package sim

import "math/rand/v2"

// Draw makes the plan of a seed: one in three begins like one of the tales,
// and some of the high ones are near a life that was kept.
func Draw(seed uint64) *Plan {
	if seed >= nearFrom && seed%nearEvery == 1 {
		return Near(seed)
	}
	if n := seed % 3; n == 0 {
		names := append(Tales(), "quarrel", "quarrel") // a conflict is short, and much may happen in it
		return Tell(names[seed/3%uint64(len(names))], seed)
	}
	r := stream(seed, 0)
	p := &Plan{Seed: seed, Seconds: 1200 + r.IntN(3600)}
	p.Promise = []Promise{Strict, Strict, Auto, Standard}[r.IntN(4)]
	p.MCLT = []int{60, 60, 120, 240}[r.IntN(4)]
	if r.IntN(3) == 0 {
		p.Authority = p.MCLT/2 + r.IntN(p.MCLT)
	}
	p.Lease = p.MCLT * (1 + r.IntN(6))
	p.Delay = 6 + r.IntN(15)
	p.Bound = []int{0, 200, 1000, 1500}[r.IntN(4)]
	p.Pool = 2 + r.IntN(9)
	if r.IntN(3) == 0 {
		p.Far = 2 + r.IntN(4)
	}
	if r.IntN(3) > 0 {
		p.Watchdog = 30
	}
	drawBeats(p, r)
	drawClients(p, r)
	drawFaults(p, r)
	p.Ping = r.IntN(6) == 0
	return p
}

// drawBeats says on which paths the boxes hear each other.
func drawBeats(p *Plan, r *rand.Rand) {
	p.Beats = []string{"", BeatsLAN, BeatsCable, BeatsBoth, BeatsBoth, BeatsBoth}[r.IntN(6)]
	p.Gateway = r.IntN(4) > 0
}

func drawClients(p *Plan, r *rand.Rand) {
	n := 1 + r.IntN(p.Pool+p.Far+4)
	for i := range n {
		s := ClientSpec{N: i + 1, From: r.IntN(p.Seconds / 2)}
		s.Far = p.Far > 0 && r.IntN(4) == 0
		s.Kind = []string{"", "", "", "", Steady, Mute, Nomad, Rogue}[r.IntN(8)]
		switch r.IntN(8) {
		case 0:
			s.UID = twinUID
		case 1:
			s.UID = "own" + string(rune('a'+i%26))
		}
		p.Clients = append(p.Clients, s)
	}
}

// menu is what may happen, the more often named the more likely.
var menu = []string{"power", "power", "power", "power", "power-writing", "power-writing", "crash", "freeze", "freeze",
	"link", "link", "link", "link", "link-slow", "link-reset", "lan", "carrier", "carrier", "flap", "loss", "lan-slow",
	"clock-step", "clock-wild", "disk-lost", "backup", "backup", "restore", "storm", "declare", "declare", "declare", "declare", "removed",
	"maintenance", "pause", "upgrade", "calm", "reload", "deaf", "paused-machine", "paused-machine"}

func drawFaults(p *Plan, r *rand.Rand) {
	gap := []int{20, 60, 150, 300}[r.IntN(4)]
	for at := 60 + r.IntN(60); at < p.Seconds; at += 1 + r.IntN(2*gap) {
		f := Fault{At: int64(at)*1000 + int64(r.IntN(1000)), What: menu[r.IntN(len(menu))], Box: r.IntN(2)}
		f.For = int64(drawLength(p, r)) * 1000
		f.N = drawNumber(f.What, r)
		if f.What == "storm" {
			f.For = int64(15+r.IntN(60)) * 1000
		}
		p.Faults = append(p.Faults, f)
	}
}

// drawNumber gives the N of a fault.
func drawNumber(what string, r *rand.Rand) int {
	switch what {
	case "power-writing":
		return r.IntN(12)
	case "link-slow", "lan-slow":
		return 1 + r.IntN(3000)
	case "loss":
		return 1 + r.IntN(60)
	case "flap":
		return 2 + r.IntN(4)
	case "link":
		all := alsoLAN | alsoCable
		return []int{0, alsoCable, alsoCable | unplugged, all, all, all | unplugged}[r.IntN(6)]
	case "deaf":
		return []int{alsoLAN, alsoCable, unplugged, alsoLAN | alsoCable}[r.IntN(4)]
	case "clock-step":
		return r.IntN(2001)
	case "clock-wild":
		return r.IntN(200) - 100
	case "storm":
		return 3 + r.IntN(3)
	case "paused-machine":
		return r.IntN(standings)
	}
	return 0
}

// drawLength is short, about the waits of the rules, or long.
func drawLength(p *Plan, r *rand.Rand) int {
	switch r.IntN(4) {
	case 0:
		return 1 + r.IntN(2*p.Delay)
	case 1:
		return 1 + r.IntN(2*p.MCLT)
	case 2:
		return 1 + r.IntN(p.MCLT+p.Lease)
	}
	return 1 + r.IntN(4*p.MCLT)
}
