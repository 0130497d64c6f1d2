package pairs

import (
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// machine is the part of a box that tells its server about clock, cables and
// restarts, as PID 1 of a Tandem does.
type machine struct {
	file string

	mu     sync.Mutex
	lan    bool
	resets []time.Time
}

// boxed gives a server a machine that tells it, for the next start.
func (h *harness) boxed(b *Box) *machine {
	h.Helper()
	m := &machine{file: filepath.Join(b.Dir, "facts"), lan: true}
	if h.machines == nil {
		h.machines = map[*Box]*machine{}
	}
	h.machines[b] = m
	must0(h, m.tell())
	b.Flags = append(append([]string(nil), b.Flags...), "--facts", m.file)
	down := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for tick := time.NewTicker(time.Second); ; {
			select {
			case <-tick.C:
				if err := m.tell(); err != nil {
					h.Error(err)
				}
			case <-down:
				tick.Stop()
				return
			}
		}
	}()
	h.Cleanup(func() {
		close(down)
		<-ended
	})
	return m
}

// carrier tells a boxed server that its LAN carries, or not.
func (h *harness) carrier(b *Box, up bool) {
	h.Helper()
	m := h.machines[b]
	if m == nil {
		return // it is told nothing
	}
	m.mu.Lock()
	m.lan = up
	m.mu.Unlock()
	must0(h, m.tell())
}

// restarts are what the machine tells of restarts that nobody commanded.
func (m *machine) restarts(at ...time.Time) error {
	m.mu.Lock()
	m.resets = at
	m.mu.Unlock()
	return m.tell()
}

// tell writes the file that the server reads every second.
func (m *machine) tell() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var boot unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot); err != nil {
		return err
	}
	type port struct {
		Configured bool `json:"configured"`
		Carrier    bool `json:"carrier"`
	}
	text, err := json.Marshal(map[string]any{
		"sinceBoot": boot.Nano(),
		"clock":     map[string]any{"trusted": true, "bound": 50 * time.Millisecond},
		"lan":       port{true, m.lan},
		"boot":      map[string]any{"reason": "power", "started": time.Now(), "resets": m.resets},
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(m.file+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(m.file+".new", m.file)
}
