package dhcp

import (
	"encoding/binary"
	"time"

	"tandem/failover/conf"
	"tandem/failover/lease"
)

// profile is what the statements in force say for one kind of client: the
// options, and the server parameters read once. Where no statement depends on
// the request, a profile is kept and shared by all clients of its kind,
// together with the option blocks encoded for it.
type profile struct {
	set    *conf.Settings
	kept   bool
	subnet *conf.Subnet
	host   *conf.Host

	defaultTime, maxTime, minTime, abandonTime lease.Seconds
	t1, t2                                     lease.Seconds // configured; zero if not
	pingAfter                                  lease.Seconds
	pingTimeout                                time.Duration
	minSecs, cacheThreshold, adaptive          uint32
	serverID, nextServer, everybody            lease.IP
	file, sname                                string

	ignoreUIDs, checkSecs, oneLease, ping       bool
	broadcast, stash, echoID, leaseAddrAsRouter bool
	infiniteReserved, rfc1048, hostDeclNames    bool
	fqdn, queryable                             bool
	bootUnknown, booting                        answer
	bootpAllowed, dynamicBOOTP                  answer
	declines, duplicates                        answer

	blocks map[string][]byte
}

// answer is the value of an allow/deny/ignore flag: ignore is deny without a
// word in the log.
type answer uint8

const (
	allow answer = iota
	deny
	ignore
)

// profileKey names a kind of client: the scopes that apply to it.
type profileKey struct {
	base, pool *conf.Scope
	subnet     *conf.Subnet
	host       *conf.Host
	classes    [maxKeyClasses]*conf.Scope
}

const (
	// maxKeyClasses is the number of classes up to which profiles are kept.
	maxKeyClasses = 6
	// maxProfiles bounds the profiles kept; when it is reached, all go.
	maxProfiles = 4096
	// maxBlocks bounds the option blocks kept with one profile.
	maxBlocks = 64
)

// base gives the profile of a network for what must be known before the
// client's binding is: the statements of the network, and of its subnet where
// one is given or stands alone.
func (r *Responder) base(q *inquiry, n *conf.SharedNetwork, s *conf.Subnet) *profile {
	if s == nil && len(n.Subnets) == 1 {
		s = n.Subnets[0]
	}
	scope := n.Scope
	if s != nil {
		scope = s.Scope
	}
	return r.profileFor(q, profileKey{base: scope, subnet: s}, false)
}

// settle gives the profile that decides about target t (dhcpd.conf(5): the
// subnet, the pool, the classes, the host, each overriding what is before).
func (r *Responder) settle(q *inquiry, t *target) *profile {
	k := profileKey{base: t.subnet.Scope, subnet: t.subnet, host: q.host}
	if t.pool != nil {
		k.pool = t.pool.Scope
	}
	q.leased = t.ip
	q.hasLeft = t.pool != nil && t.lease.Binding(q.now.Time())
	if q.hasLeft {
		q.left = t.lease.Ends.Sub(q.now.Time())
	}
	p := r.profileFor(q, k, true)
	for _, l := range p.set.Logs() {
		q.out.line(levelOf(l.Level), "log", append(r.line[:0], l.Text...))
	}
	return p
}

// profileFor finds the profile of k, or makes it. One that is not kept is good
// until the next call with the same value of classes.
func (r *Responder) profileFor(q *inquiry, k profileKey, classes bool) *profile {
	keep := k.base.Static && (k.pool == nil || k.pool.Static) && (k.host == nil || k.host.Scope.Static)
	if classes {
		for i, c := range q.classes {
			if i >= maxKeyClasses || !c.Scope.Static {
				keep = false
				break
			}
			k.classes[i] = c.Scope
		}
	}
	if keep {
		if p, ok := r.profiles[k]; ok {
			return p
		}
	}
	set := r.evaluate(q, k, classes)
	p := &r.loose[0]
	if classes {
		p = &r.loose[1]
	}
	if keep {
		if len(r.profiles) >= maxProfiles {
			r.count[cProfileEvicted] += maxProfiles
			clear(r.profiles)
		}
		p = &profile{}
		r.profiles[k] = p
	}
	*p = profile{set: set, kept: keep, subnet: k.subnet, host: k.host}
	p.read()
	return p
}

func (r *Responder) evaluate(q *inquiry, k profileKey, classes bool) *conf.Settings {
	s := append(r.scopes[:0], k.base)
	if k.pool != nil {
		s = append(s, k.pool)
	}
	if classes {
		for _, c := range q.classes {
			s = append(s, c.Scope)
		}
	}
	if k.host != nil {
		s = append(s, k.host.Scope)
	}
	r.scopes = s
	return r.cfg.Evaluate(q, s...)
}

func levelOf(name string) Level {
	switch name {
	case "debug":
		return LevelDebug
	case "error", "fatal":
		return LevelError
	}
	return LevelInfo
}

// read takes the parameters from the settings.
func (p *profile) read() {
	s := p.set
	p.readTimes()
	p.minSecs, p.cacheThreshold = s.Uint(conf.MinSecs), s.Uint(conf.DHCPCacheThreshold)
	p.adaptive = s.Uint(conf.AdaptiveLeaseTimeThreshold)
	p.file, p.sname = s.Text(conf.Filename), s.Text(conf.ServerName)
	p.nextServer, _ = s.Addr(conf.NextServer)
	p.everybody = broadcastIP
	if a, ok := s.Addr(conf.LimitedBroadcastAddress); ok {
		p.everybody = a
	}
	if v, ok := s.DHCP(optServerID); ok {
		p.serverID, _ = addressOption(v)
	}
	p.ignoreUIDs, p.checkSecs = s.Bool(conf.IgnoreClientUIDs), s.Bool(conf.CheckSecsByteOrder)
	p.oneLease, p.ping = s.Bool(conf.OneLeasePerClient), s.Bool(conf.PingCheck)
	p.broadcast, p.stash = s.Bool(conf.AlwaysBroadcast), s.Bool(conf.StashAgentOptions)
	p.echoID = s.Bool(conf.EchoClientID)
	p.leaseAddrAsRouter = s.Bool(conf.UseLeaseAddrForDefaultRoute)
	p.infiniteReserved, p.rfc1048 = s.Bool(conf.InfiniteIsReserved), s.Bool(conf.AlwaysReplyRFC1048)
	p.hostDeclNames = s.Bool(conf.UseHostDeclNames)
	p.fqdn = s.Has(conf.ClientUpdates) || s.Has(conf.DDNSUpdates)
	if s.Has(conf.FQDNReply) {
		p.fqdn = s.Bool(conf.FQDNReply)
	}
	p.booting, p.bootpAllowed = answerOf(s.Flag(conf.Booting)), answerOf(s.Flag(conf.BOOTP))
	p.bootUnknown, p.dynamicBOOTP = answerOf(s.Flag(conf.UnknownClients)), answerOf(s.Flag(conf.DynamicBOOTP))
	p.declines, p.duplicates = answerOf(s.Flag(conf.Declines)), answerOf(s.Flag(conf.Duplicates))
	// Lease queries are answered only where the configuration says so.
	p.queryable = s.Has(conf.LeaseQuery) && answerOf(s.Flag(conf.LeaseQuery)) == allow
}

func (p *profile) readTimes() {
	s := p.set
	p.defaultTime, p.maxTime = s.Seconds(conf.DefaultLeaseTime), s.Seconds(conf.MaxLeaseTime)
	p.minTime = min(s.Seconds(conf.MinLeaseTime), p.maxTime)
	p.abandonTime = s.Seconds(conf.AbandonLeaseTime)
	p.t1, p.t2 = secondsOption(s, optT1), secondsOption(s, optT2)
	p.pingTimeout = max(1, min(s.Seconds(conf.PingTimeout), maxPingTimeout)).Duration()
	if ms := s.Uint(conf.PingTimeoutMS); ms > 0 {
		p.pingTimeout = min(time.Duration(ms)*time.Millisecond, maxPingTimeout.Duration())
	}
	p.pingAfter = defaultPingAfter
	if s.Has(conf.PingClttSecs) {
		p.pingAfter = s.Seconds(conf.PingClttSecs)
	}
}

// defaultPingAfter is how long after the last word of its client an address
// is offered to the same client without a probe (ping-cltt-secs), in seconds.
const defaultPingAfter lease.Seconds = 60

// maxPingTimeout bounds how long an offer may wait for a probe, in seconds:
// clients give up soon after.
const maxPingTimeout lease.Seconds = 10

func secondsOption(s *conf.Settings, code uint8) lease.Seconds {
	if v, ok := s.DHCP(code); ok && len(v) == 4 {
		return lease.Seconds(binary.BigEndian.Uint32(v))
	}
	return 0
}

func answerOf(v conf.FlagValue) answer {
	switch v {
	case conf.Deny:
		return deny
	case conf.Ignore:
		return ignore
	}
	return allow
}
