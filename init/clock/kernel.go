package clock

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Clock is the machine's time of day, as far as the gate moves it.
type Clock interface {
	// Step adds d to the time of day at once.
	Step(d time.Duration) error
	// Slew has the time of day run faster or slower until d is worked off.
	Slew(d time.Duration) error
	// WriteRTC copies the time of day to the hardware clock, if there is one.
	WriteRTC() error
	// ReadRTC reads the hardware clock, in whole seconds; ok is false if there
	// is none.
	ReadRTC() (now time.Time, ok bool)
}

// Kernel is the Clock of this machine. RTC names the hardware clock's device;
// an empty name or a missing device means that there is none.
type Kernel struct{ RTC string }

// Step implements Clock by clock_settime(2).
func (k Kernel) Step(d time.Duration) error {
	ts := unix.NsecToTimespec(time.Now().Add(d).UnixNano())
	if err := unix.ClockSettime(unix.CLOCK_REALTIME, &ts); err != nil {
		return fmt.Errorf("set the clock: %w", err)
	}
	return nil
}

// Constants of adjtimex(2) that x/sys does not name.
const (
	adjOffset    = 0x0001
	adjStatus    = 0x0010
	adjTimeconst = 0x0020
	adjNano      = 0x2000
	staPLL       = 0x0001
)

// pllTimeConstant makes the kernel's phase-locked loop fit for polls every
// 64 s (RFC 5905 section 11.3).
const pllTimeConstant = 2

// Slew implements Clock by the kernel's phase-locked loop, adjtimex(2).
func (k Kernel) Slew(d time.Duration) error {
	tx := unix.Timex{
		Modes:    adjOffset | adjStatus | adjTimeconst | adjNano,
		Offset:   int64(d),
		Status:   staPLL,
		Constant: pllTimeConstant,
	}
	if _, err := unix.Adjtimex(&tx); err != nil {
		return fmt.Errorf("steer the clock: %w", err)
	}
	return nil
}

// WriteRTC implements Clock.
func (k Kernel) WriteRTC() error {
	if k.RTC == "" {
		return nil
	}
	f, err := os.OpenFile(k.RTC, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	now := time.Now().UTC()
	rt := unix.RTCTime{
		Sec: int32(now.Second()), Min: int32(now.Minute()), Hour: int32(now.Hour()),
		Mday: int32(now.Day()), Mon: int32(now.Month()) - 1, Year: int32(now.Year()) - 1900,
	}
	if err := unix.IoctlSetRTCTime(int(f.Fd()), &rt); err != nil {
		return fmt.Errorf("%s: set the hardware clock: %w", k.RTC, err)
	}
	return nil
}

// ReadRTC implements Clock.
func (k Kernel) ReadRTC() (time.Time, bool) {
	if k.RTC == "" {
		return time.Time{}, false
	}
	f, err := os.Open(k.RTC)
	if err != nil {
		return time.Time{}, false
	}
	defer f.Close()
	rt, err := unix.IoctlGetRTCTime(int(f.Fd()))
	if err != nil {
		return time.Time{}, false
	}
	return time.Date(int(rt.Year)+1900, time.Month(rt.Mon+1), int(rt.Mday), int(rt.Hour), int(rt.Min), int(rt.Sec), 0, time.UTC), true
}

// Two clocks cannot be read at once: a process that is starved in between
// reads them again.
const (
	readSpan  = time.Millisecond // between two readings that count as one
	readTries = 50
)

// readClocks reads the time since boot and the time of day together.
func readClocks() (mono time.Duration, wall time.Time) {
	for range readTries {
		before := SinceBoot()
		wall = time.Now()
		if mono = SinceBoot(); mono-before <= readSpan {
			break
		}
	}
	return mono, wall
}

// SinceBoot reads the clock that no step moves (CLOCK_BOOTTIME).
func SinceBoot() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}
