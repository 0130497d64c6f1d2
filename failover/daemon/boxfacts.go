package daemon

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"tandem/failover"
	"tandem/failover/lease"
	"tandem/failover/node"
	"tandem/failover/store"
)

// On a box, PID 1 tells what the restart rules must know in a small file that
// it renews every second: the clock (R1), the ports (R7), the reason of the
// last restart and the resets before it (R10), and when the partner's
// heartbeats were heard (R5, R6). A file that nobody renews counts as an
// untrusted clock.
const (
	factsEvery = time.Second
	factsStale = 5 * time.Second
)

// boxFile is the file; what is not needed here is left out.
type boxFile struct {
	SinceBoot int64 `json:"sinceBoot"` // CLOCK_BOOTTIME in nanoseconds
	Clock     struct {
		Trusted bool          `json:"trusted"`
		Bound   time.Duration `json:"bound"`
		Apart   int64         `json:"apart"` // time of day less time since boot when it was right; 0 unknown
		Why     string        `json:"why"`
	} `json:"clock"`
	LAN    boxPort `json:"lan"`
	Direct boxPort `json:"direct"`
	Boot   struct {
		ID       string      `json:"id"`
		Reason   string      `json:"reason"`
		Started  time.Time   `json:"started"`
		Resets   []time.Time `json:"resets"`
		DataLost bool        `json:"dataLost"`
		Restored bool        `json:"restored"`
	} `json:"boot"`
	// Heard has the moment of the partner's latest heartbeat on each path, as
	// SinceBoot counts.
	Heard heardAt `json:"heard"`
}

// heardAt are moments by CLOCK_BOOTTIME in nanoseconds, zero for never.
type heardAt struct {
	LAN    int64 `json:"lan"`
	Direct int64 `json:"direct"`
}

type boxPort struct {
	Configured bool `json:"configured"`
	Carrier    bool `json:"carrier"`
	Changes    int  `json:"changes"`
	// Alive: somebody other than the partner answered there lately.
	Alive bool `json:"alive"`
}

func readBoxFile(path string) (boxFile, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return boxFile{}, err
	}
	var f boxFile
	if err := json.Unmarshal(raw, &f); err != nil {
		return boxFile{}, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// ReadBoot reads from the box's facts what is known of this run.
func ReadBoot(path string) (lease.Boot, error) {
	f, err := readBoxFile(path)
	if err != nil {
		return lease.Boot{}, err
	}
	b := lease.Boot{ID: f.Boot.ID, Reason: f.Boot.Reason, Started: lease.FromUTC(f.Boot.Started)}
	for _, r := range f.Boot.Resets {
		b.Resets = append(b.Resets, lease.FromUTC(r))
	}
	if f.Boot.DataLost {
		b.StoreOrigin = string(store.OriginNew)
	}
	if f.Boot.Restored {
		b.StoreOrigin = string(store.OriginRestored)
	}
	return b, nil
}

// watchBox tells the node what the box says, until down is closed.
func (s *server) watchBox(path string) {
	tick := time.NewTicker(factsEvery)
	defer tick.Stop()
	var told heardAt
	for {
		if !s.inbox.send(s.down, boxFacts(path, bootClock(), &told)) {
			return
		}
		select {
		case <-tick.C:
		case <-s.down:
			return
		}
	}
}

// boxFacts reads the facts. told are the heartbeats that the node knows of.
func boxFacts(path string, now int64, told *heardAt) *node.BoxFacts {
	f, err := readBoxFile(path)
	in := &node.BoxFacts{}
	in.Link = failover.LinkFacts{LAN: f.LAN.Carrier || !f.LAN.Configured, Changes: f.LAN.Changes, LANAlive: f.LAN.Alive}
	if f.Direct.Configured {
		in.Link.Cable = failover.CableDown
		if f.Direct.Carrier {
			in.Link.Cable = failover.CableUp
		}
	}
	in.Heard = told.news(f.Heard, now)
	switch age := time.Duration(now - f.SinceBoot); {
	case err != nil:
		in.ClockWhy = err.Error()
	case age > factsStale:
		in.ClockWhy = fmt.Sprintf("the box has said nothing for %v", age.Round(time.Second))
	default:
		in.Clock, in.ClockApart = failover.ClockFacts{Trusted: f.Clock.Trusted, Error: f.Clock.Bound}, f.Clock.Apart
		in.ClockWhy = f.Clock.Why
	}
	return in
}

// news gives the paths with a heartbeat that was not told yet. An old one,
// from before this process began, says nothing of now.
func (h *heardAt) news(got heardAt, now int64) (paths []string) {
	fresh := func(at int64, told *int64) bool {
		if at <= *told || at > now || time.Duration(now-at) > factsStale {
			return false
		}
		*told = at
		return true
	}
	if fresh(got.LAN, &h.LAN) {
		paths = append(paths, failover.PathLAN)
	}
	if fresh(got.Direct, &h.Direct) {
		paths = append(paths, "direct cable")
	}
	return paths
}
