package daemon

import (
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/node"
)

// defaultWatchdog is W where the service manager sets none: replies are
// dropped if the process stood still for half of it.
const defaultWatchdog = 10 * time.Second

// heartbeat tells the service manager that the server lives. It is called by
// the loop after its work and a sync, so it beats only while the loop turns
// and the disk answers, and only while packets get to the loop (R8).
type heartbeat struct {
	every  time.Duration
	notify func(state string)
	passed func() bool // the check of the path that packets take
	log    *Logger

	next   int64 // monotonic moment of the next beat
	status string
	silent bool
}

// watchdogTime is W, the time after which the service manager resets a silent
// process; ok is false if it does not watch.
func watchdogTime() (w time.Duration, ok bool, err error) {
	w, err = daemon.SdWatchdogEnabled(false)
	if err != nil {
		return 0, false, fmt.Errorf("WATCHDOG_USEC and WATCHDOG_PID: %w", err)
	}
	if w <= 0 {
		return defaultWatchdog, false, nil
	}
	return w, true, nil
}

// newHeartbeat beats four times in w.
func newHeartbeat(w time.Duration, notify func(string), passed func() bool, log *Logger) *heartbeat {
	return &heartbeat{every: w / 4, notify: notify, passed: passed, log: log}
}

// sdNotify sends a line to the service manager; without one it does nothing.
func sdNotify(log *Logger) func(string) {
	return func(state string) {
		if _, err := daemon.SdNotify(false, state); err != nil {
			log.Line(dhcp.Line{Level: dhcp.LevelWarning, Class: "notify", Text: "notify the service manager: " + err.Error()})
		}
	}
}

// due tells whether it is time for a beat.
func (h *heartbeat) due(now lease.Now) bool { return now.Mono >= h.next }

// send beats, and brings the status line up to date.
func (h *heartbeat) send(now lease.Now, n *node.Node) {
	h.next = now.Mono + int64(h.every)
	if !h.passed() {
		if !h.silent {
			h.log.Sayf(dhcp.LevelError, "no packet gets to this server any more: no more beats for the watchdog")
		}
		h.silent = true
		return
	}
	h.silent = false
	state := daemon.SdNotifyWatchdog
	if s := n.Status(now).Sentence; s != h.status {
		h.status = s
		state += "\nSTATUS=" + s
	}
	h.notify(state)
}
