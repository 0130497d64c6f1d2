package omapi

import (
	"fmt"
	"slices"

	"tandem/failover/lease"
)

// Limits of a host declaration.
const (
	maxHardware = 16  // chaddr, RFC 2131 section 2
	maxUID      = 255 // an option's longest value
)

// findHost takes the first host that all keys name.
func (s *Session) findHost(by values) (object, Code) {
	search, code := s.hostSearch(by)
	if code != OK {
		return object{}, code
	}
	found := s.server.authority.Hosts(search)
	if len(found) == 0 {
		return object{}, NotFound
	}
	for _, h := range found {
		if s.hostAgrees(&h, by) {
			return object{kind: kindHost, name: h.Name}, OK
		}
	}
	return object{}, KeyConflict
}

// hostSearch makes a search of the first key in dhcpd's order: hardware,
// client identifier, address, name.
func (s *Session) hostSearch(by values) (Search, Code) {
	if _, ok := by.key("hardware-address"); ok {
		hw, code := hardware(by)
		return Search{HW: hw}, code
	}
	if uid, ok := by.key("dhcp-client-identifier"); ok {
		return Search{UID: string(uid)}, OK
	}
	if data, ok := by.key("ip-address"); ok {
		hw := s.hardwareAt(data)
		if hw == "" {
			return Search{}, NotFound
		}
		return Search{HW: hw}, OK
	}
	if name, ok := by.key("name"); ok {
		return Search{Name: string(name)}, OK
	}
	return Search{}, NoKey
}

// hardwareAt gives the hardware address of the lease at an address; empty if
// there is none. Addresses outside of the ranges have no lease.
func (s *Session) hardwareAt(data []byte) string {
	n, ok := number(data)
	if !ok {
		return ""
	}
	l, _ := s.lease(object{number: n})
	return l.HW
}

// hostAgrees holds a host against all keys.
func (s *Session) hostAgrees(h *Host, by values) bool {
	if _, ok := by.key("hardware-address"); ok {
		if hw, _ := hardware(by); hw != h.HW {
			return false
		}
	}
	if uid, ok := by.key("dhcp-client-identifier"); ok && string(uid) != h.UID {
		return false
	}
	if data, ok := by.key("ip-address"); ok && s.hardwareAt(data) != h.HW {
		return false
	}
	name, ok := by.key("name")
	return !ok || string(name) == h.Name
}

// host finds a host by its name.
func (s *Session) host(name string) (h Host, ok bool) {
	found := s.server.authority.Hosts(Search{Name: name})
	if len(found) == 0 {
		return h, false
	}
	return found[0], true
}

// hostAttributes are those of dhcpd in its order. Group and statements are
// not sent back.
func (s *Session) hostAttributes(o object) (v values, ok bool) {
	h, ok := s.host(o.name)
	if !ok {
		return nil, false
	}
	if len(h.Fixed) > 0 {
		addresses := make([]byte, 0, 4*len(h.Fixed))
		for _, ip := range h.Fixed {
			addresses = append(addresses, u32(uint32(ip))...)
		}
		v.text("ip-address", string(addresses))
	}
	if h.UID != "" {
		v.text("dhcp-client-identifier", h.UID)
	}
	v.text("name", h.Name)
	v.hardware(h.HW)
	return v, true
}

// newHost makes a host of the attributes given.
func (s *Session) newHost(set values, now lease.Time) (object, Change, Result) {
	var h Host
	if r := s.setHost(&h, set); r.Code != OK {
		return object{}, nil, r
	}
	if h.HW == "" && h.UID == "" {
		return object{}, nil, Result{InvalidArgument, textUpdate}
	}
	if h.Name == "" {
		h.Name = unusedName("nh", now, func(name string) bool { _, taken := s.host(name); return taken })
	} else if _, taken := s.host(h.Name); taken {
		return object{}, nil, Result{Exists, textUpdate}
	}
	return object{kind: kindHost, name: h.Name}, &PutHost{Host: h, New: true}, Result{}
}

// unusedName invents a name of the present moment.
func unusedName(prefix string, now lease.Time, taken func(string) bool) string {
	for i := 0; ; i++ {
		if name := fmt.Sprintf("%s%08x%04x", prefix, uint32(now), i); !taken(name) {
			return name
		}
	}
}

// changeHost turns attributes to set into the host as it shall be.
func (s *Session) changeHost(o object, set values) (Change, Result) {
	h, ok := s.host(o.name)
	if !ok {
		return nil, Result{NotFound, textNoHandle}
	}
	before := h
	if r := s.setHost(&h, set); r.Code != OK {
		return nil, r
	}
	if h.HW == before.HW && h.UID == before.UID && h.Group == before.Group &&
		h.Statements == before.Statements && slices.Equal(h.Fixed, before.Fixed) {
		return nil, Result{}
	}
	return &PutHost{Host: h}, Result{}
}

// setHost takes the attributes. Name, hardware and identifier can be set once
// and not be changed.
func (s *Session) setHost(h *Host, set values) Result {
	for _, v := range set {
		r := Result{}
		switch v.name {
		case "name":
			r = setName(&h.Name, v.data)
		case "hardware-address":
			r = setHardware(h, set)
		case "hardware-type":
			if _, ok := set.key("hardware-address"); !ok {
				r = setHardwareType(h, v.data)
			}
		case "dhcp-client-identifier":
			r = setOnce(&h.UID, string(v.data), maxUID)
		case "ip-address":
			r = setAddresses(h, v.data)
		case "group":
			r = s.setGroup(h, string(v.data))
		case "statements":
			r = setStatements(&h.Statements, v.data)
		case "known", "refused": // dhcpd ignores the one; the other is our own
		default:
			r = Result{UnknownAttribute, textUpdate}
		}
		if r.Code != OK {
			return r
		}
	}
	return Result{}
}

// setOnce sets a value that cannot be changed.
func setOnce(field *string, to string, longest int) Result {
	switch {
	case *field == to:
	case *field != "":
		return Result{Exists, textUpdate}
	case len(to) > longest:
		return refuse(InvalidArgument, "%d octets are too many; at most %d", len(to), longest)
	default:
		*field = to
	}
	return Result{}
}

// setName sets the name of a host or group. It must be able to stand in
// dhcpd.leases.
func setName(field *string, data []byte) Result {
	for _, c := range data {
		if !isLetter(c) && !isDigit(c) && c != '-' && c != '_' && c != '.' {
			return refuse(InvalidArgument, "a name has only letters, digits, -, _ and dots, not %q", c)
		}
	}
	return setOnce(field, string(data), MaxName)
}

// setStatements sets the text of a host or group; whether it makes sense is
// for Authority to say.
func setStatements(field *string, data []byte) Result {
	if len(data) > MaxStatements {
		return refuse(InvalidArgument, "statements of %d octets are too long; at most %d", len(data), MaxStatements)
	}
	*field = string(data)
	return Result{}
}

// setHardware sets type and address together. The type is Ethernet unless
// given; with dhcpd such a host never matches.
func setHardware(h *Host, set values) Result {
	address, ok := set.key("hardware-address")
	if !ok {
		if h.HW == "" {
			return Result{}
		}
		return Result{Exists, textUpdate}
	}
	hw, code := hardware(set)
	if code != OK || len(address) > maxHardware {
		return Result{InvalidArgument, textUpdate}
	}
	return setOnce(&h.HW, hw, 1+maxHardware)
}

// setHardwareType takes a type without an address: only the one that is there.
func setHardwareType(h *Host, data []byte) Result {
	n, ok := number(data)
	switch {
	case !ok || n > 255:
		return Result{InvalidArgument, textUpdate}
	case h.HW != "" && uint32(h.HW[0]) != n:
		return Result{Exists, textUpdate}
	}
	return Result{}
}

// setAddresses sets the fixed addresses; none removes them.
func setAddresses(h *Host, data []byte) Result {
	switch {
	case len(data)%4 != 0:
		return Result{InvalidArgument, textUpdate}
	case len(data) > 4*MaxFixed:
		return refuse(InvalidArgument, "%d addresses are too many; at most %d", len(data)/4, MaxFixed)
	}
	h.Fixed = nil
	for at := 0; at < len(data); at += 4 {
		h.Fixed = append(h.Fixed, lease.From4([4]byte(data[at:])))
	}
	return Result{}
}

// setGroup puts the host into a named group; an empty name takes it out.
func (s *Session) setGroup(h *Host, name string) Result {
	if name != "" {
		if _, ok := s.server.authority.Group(name); !ok {
			return Result{NotFound, textUpdate}
		}
	}
	h.Group = name
	return Result{}
}
