package omapi

import (
	"strings"

	"tandem/failover/lease"
)

// flag reads a boolean of the message values.
func (m *message) flag(name string) bool {
	data, _ := m.values.get(name)
	n, ok := number(data)
	return ok && n != 0
}

// kindNamed gives the type of object that a client asks for by name.
func kindNamed(name string) kind {
	switch name {
	case "authenticator":
		return kindAuthenticator
	case "failover-state":
		return kindPeer
	case "lease":
		return kindLease
	case "host":
		return kindHost
	case "group":
		return kindGroup
	case "control":
		return kindControl
	case "subnet":
		return kindSubnet
	case "pool":
		return kindPool
	case "class", "subclass", "shared-network", "interface":
		return kindOther
	}
	return kindNone
}

// open finds an object, or makes it. The order of the checks is dhcpd's.
func (s *Session) open(out *Output, to sender, m *message, now lease.Now) {
	for _, name := range []string{"create", "update", "exclusive"} {
		if data, there := m.values.get(name); there && len(data) != 4 {
			s.status(out, to, Result{InvalidArgument, "invalid " + name + " flag value"})
			return
		}
	}
	typeName, _ := m.values.get("type")
	create := m.flag("create")
	k := kindNamed(string(typeName))
	switch {
	case string(typeName) == "message":
		s.status(out, to, Result{NotImplemented, "unsearchable object type"})
		return
	case k == kindNone && create:
		s.status(out, to, Result{InvalidArgument, "type required on create"})
		return
	case k == kindNone:
		s.refresh(out, to, m.handle)
		return
	case k == kindAuthenticator:
		s.openKey(out, to, m.object)
		return
	}
	o, code := s.find(k, m.object)
	switch {
	case code == OK && create && m.flag("exclusive"):
		s.status(out, to, Result{Exists, "specified object already exists"})
	case code == OK && (create || m.flag("update")):
		s.openChanged(out, to, o, m.object)
	case code == OK:
		s.show(out, to, o)
	case code == NotFound && !create:
		s.status(out, to, Result{NotFound, textNoMatch})
	case code == NotFound || code == NoKey:
		s.create(out, to, k, m, now)
	default:
		s.status(out, to, Result{code, textLookup})
	}
}

// openChanged changes an object while opening it. What decides over the pair
// and its leases is changed by its handle only, so that no recorded request
// can do it again.
func (s *Session) openChanged(out *Output, to sender, o object, attributes values) {
	if o.kind != kindHost && o.kind != kindGroup {
		s.status(out, to, refuse(NoPermission, "open it first, then update"))
		return
	}
	c, r := s.changeOf(o, attributes)
	s.begin(out, request{to: to, object: o, show: true}, c, r)
}

// create makes a host or a group. A plain open that names nothing makes
// nothing, other than with dhcpd.
func (s *Session) create(out *Output, to sender, k kind, m *message, now lease.Now) {
	if k != kindHost && k != kindGroup {
		s.status(out, to, Result{NotImplemented, textCreate})
		return
	}
	if !m.flag("create") {
		s.status(out, to, refuse(InvalidArgument, "nothing to search by was given"))
		return
	}
	var c Change
	var o object
	var r Result
	if k == kindHost {
		o, c, r = s.newHost(m.object, now.Time())
	} else {
		o, c, r = s.newGroup(m.object, now.Time())
	}
	s.begin(out, request{to: to, object: o, show: true}, c, r)
}

// openKey gives out the handle of a key. This needs no proof: whoever uses
// the handle must sign.
func (s *Session) openKey(out *Output, to sender, by values) {
	name, named := by.get("name")
	algorithm, chosen := by.get("algorithm")
	k := s.server.key(string(name))
	switch {
	case !named || !chosen || k == nil || !strings.EqualFold(plainAlgorithm(string(algorithm)), plainAlgorithm(k.Algorithm)):
		s.status(out, to, Result{NotFound, textNoMatch})
	case !s.server.accepts(k):
		s.status(out, to, Result{InvalidKey, "can't select authenticator"})
	default:
		s.show(out, to, object{kind: kindAuthenticator, name: k.Name})
		return
	}
	s.server.stats.BadKeys++
	s.refusals++
}

// find looks an object up by the attributes given. NoKey means that none of
// them can be searched by.
func (s *Session) find(k kind, by values) (object, Code) {
	var o object
	if data, ok := by.key("handle"); ok {
		n, valid := number(data)
		if !valid {
			return o, InvalidArgument
		}
		if o, ok = s.handles.object(n); !ok {
			return o, NotFound
		}
		if o.kind != k {
			return object{}, InvalidArgument
		}
		return o, OK
	}
	switch k {
	case kindPeer:
		return s.findPeer(by)
	case kindLease:
		return s.findLease(by)
	case kindHost:
		return s.findHost(by)
	case kindGroup:
		return s.findGroup(by)
	case kindControl:
		return object{kind: kindControl}, OK
	}
	return object{}, NoKey
}

// attributes gives the present attributes of o; false if it is no more.
func (s *Session) attributes(o object) (values, bool) {
	switch o.kind {
	case kindAuthenticator:
		return s.keyAttributes(o)
	case kindPeer:
		return s.peerAttributes(o)
	case kindLease:
		return s.leaseAttributes(o)
	case kindHost:
		return s.hostAttributes(o)
	case kindGroup:
		return s.groupAttributes(o)
	case kindControl:
		return values{{"state", u32(controlStartup)}}, true
	}
	return nil, true
}

func (s *Session) keyAttributes(o object) (v values, ok bool) {
	k := s.server.key(o.name)
	if k == nil {
		return nil, false
	}
	v.text("name", k.Name)
	v.text("algorithm", plainAlgorithm(k.Algorithm)+algorithmSuffix)
	return v, true
}

// changeOf turns attributes to set into a change: nil if they change nothing.
// The attributes are looked at in their order, the first fault decides, and
// then nothing is changed at all.
func (s *Session) changeOf(o object, set values) (Change, Result) {
	switch o.kind {
	case kindPeer:
		return s.changePeer(o, set)
	case kindLease:
		return s.changeLease(o, set)
	case kindHost:
		return s.changeHost(o, set)
	case kindGroup:
		return s.changeGroup(o, set)
	case kindControl:
		return changeControl(set)
	}
	return nil, Result{NotImplemented, textUpdate}
}
