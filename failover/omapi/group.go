package omapi

import "tandem/failover/lease"

func (s *Session) findGroup(by values) (object, Code) {
	name, ok := by.key("name")
	if !ok {
		return object{}, NoKey
	}
	if _, ok := s.server.authority.Group(string(name)); !ok {
		return object{}, NotFound
	}
	return object{kind: kindGroup, name: string(name)}, OK
}

// groupAttributes has the name only: dhcpd does not send statements back.
func (s *Session) groupAttributes(o object) (v values, ok bool) {
	g, ok := s.server.authority.Group(o.name)
	v.text("name", g.Name)
	return v, ok
}

// newGroup makes a group of the attributes given, with a name of its own if
// none is given.
func (s *Session) newGroup(set values, now lease.Time) (object, Change, Result) {
	var g Group
	if r := setGroup(&g, set); r.Code != OK {
		return object{}, nil, r
	}
	taken := func(name string) bool { _, taken := s.server.authority.Group(name); return taken }
	if g.Name == "" {
		g.Name = unusedName("ng", now, taken)
	} else if taken(g.Name) {
		return object{}, nil, Result{Exists, textUpdate}
	}
	return object{kind: kindGroup, name: g.Name}, &PutGroup{Group: g, New: true}, Result{}
}

// changeGroup turns attributes to set into the group as it shall be.
func (s *Session) changeGroup(o object, set values) (Change, Result) {
	g, ok := s.server.authority.Group(o.name)
	if !ok {
		return nil, Result{NotFound, textNoHandle}
	}
	before := g
	if r := setGroup(&g, set); r.Code != OK || g == before {
		return nil, r
	}
	return &PutGroup{Group: g}, Result{}
}

func setGroup(g *Group, set values) Result {
	for _, v := range set {
		r := Result{}
		switch v.name {
		case "name":
			r = setName(&g.Name, v.data)
		case "statements":
			r = setStatements(&g.Statements, v.data)
		case "refused": // our own
		default:
			r = Result{UnknownAttribute, textUpdate}
		}
		if r.Code != OK {
			return r
		}
	}
	return Result{}
}
