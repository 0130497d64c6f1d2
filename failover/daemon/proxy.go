package daemon

import "tandem/failover/lease"

// A router with proxy ARP for its own link, as on private VLANs, answers for
// every address there is. Taken at its word it would have every free address
// abandoned, so whoever answers for too many addresses is not believed, and an
// address counts as used only if it answers an echo request.

// proxyAfter is for how many addresses one machine may answer; proxiesMax
// bounds the table of those who answered.
const (
	proxyAfter = 4
	proxiesMax = 1024
)

// proxies is who answered ARP requests, and for which addresses.
type proxies map[[6]byte][]lease.IP

// proxyVerdict says what an answer is worth.
type proxyVerdict uint8

const (
	proxyNone  proxyVerdict = iota // believe it
	proxyFound                     // this one was too many
	proxyKnown                     // it was too many before
)

// seen notes that hw answered for ip.
func (p proxies) seen(hw [6]byte, ip lease.IP) proxyVerdict {
	list, ok := p[hw]
	if !ok && len(p) >= proxiesMax {
		clear(p) // those who are still there will show again
	}
	for _, known := range list {
		if known == ip {
			return p.verdict(list)
		}
	}
	if len(list) > proxyAfter {
		return proxyKnown
	}
	p[hw] = append(list, ip)
	if len(list) == proxyAfter {
		return proxyFound
	}
	return proxyNone
}

func (p proxies) verdict(list []lease.IP) proxyVerdict {
	if len(list) > proxyAfter {
		return proxyKnown
	}
	return proxyNone
}
