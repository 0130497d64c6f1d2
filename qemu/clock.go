package qemu

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"time"
)

// NTPPort is where time is asked for.
const NTPPort = 123

// ntpEra is the number of seconds from 1900, NTP's beginning, to 1970.
const ntpEra = 2_208_988_800

// Clock is an NTP server (RFC 5905, client/server mode) whose time, honesty and
// presence can be changed while it runs. Give its Answer to Host.Serve.
type Clock struct {
	mu       sync.Mutex
	settings ClockSettings
	asked    uint64
}

// ClockSettings is how a Clock behaves. The zero value is a good server of
// stratum 2 that shows the host's time.
type ClockSettings struct {
	Offset  time.Duration // how far it is ahead of the host's time
	Silent  bool          // does not answer
	Unset   bool          // answers that it is not synchronised (leap 3, stratum 16)
	Stratum byte          // 0: 2
	// Dispersion is the error that it admits (root dispersion); 0: 1 ms.
	Dispersion time.Duration
}

// Set changes the behaviour from the next request on.
func (c *Clock) Set(s ClockSettings) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settings = s
}

// Settings returns the present behaviour.
func (c *Clock) Settings() ClockSettings {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.settings
}

// Asked returns how many requests came, answered or not.
func (c *Clock) Asked() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

// Answer is the Service of the clock.
func (c *Clock) Answer(_ netip.AddrPort, q []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	const client, server = 3, 4
	if len(q) < 48 || q[0]&7 != client {
		return nil
	}
	c.asked++
	s := c.settings
	if s.Silent {
		return nil
	}
	now := time.Now().Add(s.Offset)
	r := make([]byte, 48)
	r[0] = q[0]&0x38 | server // the client's version
	r[1] = max(s.Stratum, 1)
	if s.Stratum == 0 {
		r[1] = 2
	}
	if s.Unset {
		r[0] |= 3 << 6
		r[1] = 16
	}
	r[2] = q[2]
	r[3] = 0xec // precision: 2^-20 s
	dispersion := s.Dispersion
	if dispersion == 0 {
		dispersion = time.Millisecond
	}
	binary.BigEndian.PutUint32(r[4:], uint32(short(time.Millisecond)))
	binary.BigEndian.PutUint32(r[8:], uint32(short(dispersion)))
	copy(r[12:], "LAB\x00")
	putTime(r[16:], now.Add(-time.Second))
	copy(r[24:32], q[40:48])
	putTime(r[32:], now)
	putTime(r[40:], now)
	return r
}

// short is NTP's 16.16 format of a duration.
func short(d time.Duration) uint64 { return uint64(d) << 16 / uint64(time.Second) }

// putTime writes NTP's 32.32 format; the era wraps as the protocol does.
func putTime(b []byte, t time.Time) {
	binary.BigEndian.PutUint32(b, uint32(t.Unix()+ntpEra))
	binary.BigEndian.PutUint32(b[4:], uint32(uint64(t.Nanosecond())<<32/1e9))
}
