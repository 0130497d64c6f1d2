package netlab

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc/PID/stat: USER_HZ is 100 on every Linux
// architecture that Debian builds for.
const tick = 10 * time.Millisecond

// CPU is the time that the process has spent in user and system mode so far,
// to 10 ms.
func (p *Program) CPU() (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		return 0, err
	}
	// The second field, the name, may hold blanks; it ends at the last ")".
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	const utime, stime = 14 - 3, 15 - 3
	if len(f) <= stime {
		return 0, fmt.Errorf("short stat of process %d", p.PID())
	}
	u, uerr := strconv.ParseInt(f[utime], 10, 64)
	s, serr := strconv.ParseInt(f[stime], 10, 64)
	if uerr != nil || serr != nil {
		return 0, fmt.Errorf("odd stat of process %d: %q", p.PID(), b)
	}
	return time.Duration(u+s) * tick, nil
}

// Resident is the resident memory of the process in octets.
func (p *Program) Resident() (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kb * 1024, err
		}
	}
	return 0, fmt.Errorf("process %d has no resident memory", p.PID())
}
