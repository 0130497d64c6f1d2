package failover

import (
	"hash/fnv"
	"strconv"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// Config is what an operator says about one relationship. The zero value of
// every option is the safe choice.
type Config struct {
	// Name is the relationship name, equal on both servers.
	Name      string
	Secondary bool

	// MaxResponseDelay is how long nothing may be heard before the connection
	// counts as lost; it is announced as receive-timer. At least 3 s.
	MaxResponseDelay lease.Seconds
	// MaxUnacked is how many updates the partner may have in flight to us.
	MaxUnacked int
	// MCLT is the maximum client lead time. Zero on a secondary: the primary
	// says.
	MCLT lease.Seconds
	// Authority is G, how long grant authority outlives contact with a Tandem
	// partner; zero means MCLT. A dhcpd partner knows no G.
	Authority lease.Seconds
	// HBA says which clients the primary serves; meaningless on a secondary.
	HBA wire.HBA
	// LoadBalanceMaxSeconds is the secs value above which everybody answers;
	// zero switches load balancing off.
	LoadBalanceMaxSeconds int
	// MaxMisbalance and MaxOwnership are percentages (dhcpd.conf
	// max-lease-misbalance, max-lease-ownership).
	MaxMisbalance, MaxOwnership int
	MinBalance, MaxBalance      lease.Seconds

	// Digest names the pools, see Digest; two Tandem boxes compare it.
	Digest string
	// Expect is which implementation the partner must be.
	Expect Expect
	// TLS is wire.TLSRequired once a key is pinned.
	TLS wire.TLSRequest
	// MaxClockDelta is the largest difference between both clocks; zero means
	// 5 s towards a Tandem and 60 s towards dhcpd.
	MaxClockDelta lease.Seconds

	// Strict applies authority and horizon (R11) also without a restart, so
	// that a living partner may be declared dead without harm.
	Strict bool
	// AutoPartnerDown enters PARTNER-DOWN after so long a silence, and not
	// before G (R6); zero switches it off. It implies Strict.
	AutoPartnerDown lease.Seconds
	// Survivor is set on the box that may do so by time alone.
	Survivor bool
	// ServeAfterOutage goes on giving addresses after an outage longer than G
	// although the partner may do so as well (R3, `after-long-outage serve`).
	ServeAfterOutage bool
	// FullLeasesAlone gives up the MCLT limit in PARTNER-DOWN
	// (`partner-down-lease full`).
	FullLeasesAlone bool
	// Isolated is what a restart without contact does when the partner is
	// dhcpd, which takes over without the waits that R3 relies on.
	Isolated Isolation

	// Software and Boot identify this box and run to a Tandem partner.
	Software, Boot string
	// Seed feeds the only random choice, the spread of the balance timer.
	Seed uint64
	// Without switches rules off. For simulation only.
	Without Rule
	// Observe, if not nil, is called where each event meets the endpoint, once
	// what was due before it is done. For simulation only.
	Observe func(*Endpoint, lease.Now)
}

// Expect restricts which implementation the partner may be.
type Expect uint8

// Expectations.
const (
	ExpectAny Expect = iota
	ExpectTandem
	ExpectISC
)

// Isolation is how far a server may go after a restart without contact with
// a dhcpd partner.
type Isolation uint8

// Isolations, the safest first.
const (
	IsolatedSilent Isolation = iota
	IsolatedRenewOnly
	// IsolatedServe is what dhcpd itself does: one address may get two clients.
	IsolatedServe
)

// Defaults for what a Config leaves at zero.
const (
	defaultResponseDelay lease.Seconds = 20
	defaultMaxUnacked                  = 10
	defaultMCLT          lease.Seconds = 3600
	defaultMisbalance                  = 15
	defaultOwnership                   = 10
	defaultMinBalance    lease.Seconds = 60
	defaultMaxBalance    lease.Seconds = 3600
	tandemClockDelta     lease.Seconds = 5
	iscClockDelta        lease.Seconds = 60
)

// defaulted fills in what was left at zero.
func (c Config) defaulted() Config {
	c.MaxResponseDelay = max(orSeconds(c.MaxResponseDelay, defaultResponseDelay), wire.MinReceiveTimer)
	if c.MaxUnacked <= 0 {
		c.MaxUnacked = defaultMaxUnacked
	}
	if !c.Secondary {
		c.MCLT = orSeconds(c.MCLT, defaultMCLT)
	}
	if c.MaxMisbalance <= 0 {
		c.MaxMisbalance = defaultMisbalance
	}
	if c.MaxOwnership <= 0 {
		c.MaxOwnership = defaultOwnership
	}
	c.MinBalance = orSeconds(c.MinBalance, defaultMinBalance)
	c.MaxBalance = orSeconds(c.MaxBalance, defaultMaxBalance)
	return c
}

func orSeconds(d, def lease.Seconds) lease.Seconds {
	if d == 0 {
		return def
	}
	return d
}

// digestText bounds the part of a Digest that a person can read.
const digestText = 200

// Digest names a set of pools so that equal pools have equal digests: the
// ranges as text, cut where that gets long and followed by a checksum of all.
func Digest(pools [][]lease.Range) string {
	var all []byte
	for i, ranges := range pools {
		if i > 0 {
			all = append(all, ';', ' ')
		}
		for j, r := range ranges {
			if j > 0 {
				all = append(all, ',', ' ')
			}
			all = append(r.Low.Append(all), '-')
			all = r.High.Append(all)
		}
	}
	if len(all) <= digestText {
		return string(all)
	}
	h := fnv.New64a()
	h.Write(all)
	return string(all[:digestText]) + "... #" + strconv.FormatUint(h.Sum64(), 16)
}
