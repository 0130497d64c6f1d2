package main

import (
	"time"

	"tandem/init/setup"
)

// poolInfo is what dhcpfd tells of a pool, as far as it is shown.
type poolInfo struct {
	Network   string `json:"network"`
	Size      int    `json:"size"`
	Free      int    `json:"free"`
	Backup    int    `json:"backup"`
	Active    int    `json:"active"`
	Abandoned int    `json:"abandoned"`
}

// sumPools sums the pools up by network, in the order in which they come.
func sumPools(pools []poolInfo) []setup.Pool {
	var list []setup.Pool
	at := map[string]int{}
	for _, p := range pools {
		i, ok := at[p.Network]
		if !ok {
			i = len(list)
			at[p.Network] = i
			list = append(list, setup.Pool{Network: p.Network, Endurance: -1})
		}
		sum := &list[i]
		sum.Size += p.Size
		sum.Active += p.Active
		sum.Free += p.Free
		sum.Backup += p.Backup
		sum.Abandoned += p.Abandoned
	}
	return list
}

// The pace at which a network fills is that of the last paceTime, looked at
// every paceEvery.
const (
	paceEvery = time.Minute
	paceTime  = time.Hour
	// pacedNetworks bounds the networks that are followed.
	pacedNetworks = 256
)

// pace follows how many addresses of each network are leased.
type pace struct {
	next    time.Duration
	samples map[string][]paceSample
}

type paceSample struct {
	at     time.Duration
	active int
}

// paint sums the pools up and says how long their free addresses last; now is
// the time since boot.
func (p *pace) paint(now time.Duration, pools []poolInfo) []setup.Pool {
	list := sumPools(pools)
	if p.samples == nil {
		p.samples = map[string][]paceSample{}
	}
	look := now >= p.next
	if look {
		p.next = now + paceEvery
	}
	for i := range list {
		n := &list[i]
		s, known := p.samples[n.Network]
		if look && (known || len(p.samples) < pacedNetworks) {
			s = append(s, paceSample{now, n.Active})
			for now-s[0].at > paceTime {
				s = s[1:]
			}
			p.samples[n.Network] = s
		}
		if len(s) > 0 {
			n.Endurance = endurance(n.Free+n.Backup, n.Active-s[0].active, now-s[0].at)
		}
	}
	return list
}

// endurance is how long free addresses last if grown more of them are leased
// every while; negative if they are not on the way to their end.
func endurance(free, grown int, while time.Duration) time.Duration {
	if grown <= 0 || while < paceEvery {
		return -1
	}
	const longest = 1000 * 24 * time.Hour
	return time.Duration(min(float64(while)*float64(free)/float64(grown), float64(longest)))
}
