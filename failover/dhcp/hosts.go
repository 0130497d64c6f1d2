package dhcp

import (
	"tandem/failover/conf"
	"tandem/failover/lease"
)

// SetHosts puts cfg in force, which differs from the configuration before in
// its hosts and groups only. Offers that are out stand.
func (r *Responder) SetHosts(cfg *conf.Config) {
	r.cfg = cfg
	r.profiles = map[profileKey]*profile{}
	r.indexHosts()
}

// indexHosts notes the addresses that are kept for hosts.
func (r *Responder) indexHosts() {
	r.fixed, r.byOption = map[lease.IP]struct{}{}, false
	for _, h := range r.cfg.Hosts {
		if h.Deleted {
			continue
		}
		for _, ip := range h.Fixed {
			r.fixed[ip] = struct{}{}
		}
		r.byOption = r.byOption || h.IdentifierValue != nil
	}
}
