package omapi

import "tandem/failover/lease"

func (s *Session) findPeer(by values) (object, Code) {
	name, ok := by.key("name")
	if !ok {
		return object{}, NoKey
	}
	if _, ok := s.server.authority.Peer(string(name)); !ok {
		return object{}, NotFound
	}
	return object{kind: kindPeer, name: string(name)}, OK
}

// peerAttributes are those of dhcpd in its order. Addresses have four octets;
// dhcpd sends eight of its memory.
func (s *Session) peerAttributes(o object) (v values, ok bool) {
	p, ok := s.server.authority.Peer(o.name)
	if !ok {
		return nil, false
	}
	hierarchy := uint32(0)
	if p.Secondary {
		hierarchy = 1
	}
	v.text("name", p.Name)
	v.number("partner-address", uint32(p.PartnerAddress))
	v.number("partner-port", uint32(p.PartnerPort))
	v.number("local-address", uint32(p.LocalAddress))
	v.number("local-port", uint32(p.LocalPort))
	v.number("max-outstanding-updates", p.MaxUnacked)
	v.number("mclt", uint32(p.MCLT))
	v.number("load-balance-max-secs", uint32(p.LoadBalance))
	if p.HBA != nil {
		v.text("load-balance-hba", string(p.HBA[:]))
	}
	v.number("partner-state", uint32(p.Partner))
	v.number("local-state", uint32(p.Local))
	v.number("partner-stos", uint32(p.PartnerSince))
	v.number("local-stos", uint32(p.LocalSince))
	v.number("hierarchy", hierarchy)
	v.number("last-packet-sent", 0) // neither is kept by dhcpd
	v.number("last-timestamp-received", 0)
	v.number("skew", 0)
	v.number("max-response-delay", uint32(p.MaxResponseDelay))
	v.number("cur-unacked-updates", p.Unacked)
	return v, true
}

// changePeer takes local-state and ignores the other attributes, as dhcpd does.
func (s *Session) changePeer(o object, set values) (Change, Result) {
	p, ok := s.server.authority.Peer(o.name)
	if !ok {
		return nil, Result{NotFound, textNoHandle}
	}
	var c Change
	for _, v := range set {
		switch v.name {
		case "local-state":
			state, r := handState(v.data, p.Local)
			if r.Code != OK {
				return nil, r
			}
			if state != p.Local {
				c = &SetPeerState{Peer: p.Name, State: state}
			}
		case "name", "partner-address", "partner-port", "local-address", "local-port",
			"max-outstanding-updates", "mclt", "load-balance-max-secs", "load-balance-hba",
			"partner-state", "partner-stos", "local-stos", "hierarchy", "last-packet-sent",
			"last-timestamp-received", "skew", "max-response-delay", "cur-unacked-updates":
		default:
			return nil, Result{NotFound, textUpdate}
		}
	}
	return c, Result{}
}

// handState reads a server state that may be set by hand: partner-down, or
// the one that holds anyway. dhcpd takes any number, and dies of some.
func handState(data []byte, now lease.ServerState) (lease.ServerState, Result) {
	n, ok := number(data)
	if !ok {
		return 0, refuse(InvalidArgument, "local-state is an integer of 4 octets, not %d", len(data))
	}
	state := lease.ServerState(n)
	switch {
	case uint32(state) != n || !state.Valid():
		return 0, refuse(InvalidArgument, "local-state %d is no server state; only 4 (partner-down) can be set by hand", n)
	case state != now && state != lease.PartnerDown:
		return 0, refuse(InvalidArgument, "local-state %d (%v) cannot be set by hand, the pair enters it by itself; only 4 (partner-down) can be set", n, state)
	}
	return state, Result{}
}
