package omapi

import (
	"tandem/failover/lease"
)

// Bits of the attribute flags. dhcpd has two more for its own use.
const (
	flagBOOTP    = 2
	flagReserved = 4
)

// hardware reads hardware-address with hardware-type, which is Ethernet
// unless given, as type octet + address.
func hardware(v values) (string, Code) {
	address, _ := v.key("hardware-address")
	htype := byte(1)
	if data, ok := v.key("hardware-type"); ok {
		n, ok := number(data)
		if !ok || n > 255 {
			return "", InvalidArgument
		}
		htype = byte(n)
	}
	return string(htype) + string(address), OK
}

// findLease takes the lease that all keys name.
func (s *Session) findLease(by values) (object, Code) {
	search, code := leaseSearch(by)
	if code != OK {
		return object{}, code
	}
	found := s.server.authority.Leases(search)
	if len(found) == 0 {
		return object{}, NotFound
	}
	var o object
	for _, l := range found {
		agree, code := leaseAgrees(&l, by)
		switch {
		case code != OK:
			return object{}, code
		case agree && o.kind != kindNone:
			return object{}, Multiple
		case agree:
			o = object{kind: kindLease, number: uint32(l.IP)}
		}
	}
	if o.kind == kindNone {
		return object{}, KeyConflict
	}
	return o, OK
}

// leaseSearch makes a search of the first key: address, client identifier,
// hardware.
func leaseSearch(by values) (Search, Code) {
	if data, ok := by.key("ip-address"); ok {
		n, ok := number(data)
		if !ok {
			return Search{}, InvalidArgument
		}
		return Search{IP: lease.IP(n)}, OK
	}
	if uid, ok := by.key("dhcp-client-identifier"); ok {
		return Search{UID: string(uid)}, OK
	}
	if _, ok := by.key("hardware-address"); ok {
		hw, code := hardware(by)
		return Search{HW: hw}, code
	}
	return Search{}, NoKey
}

// leaseAgrees holds a lease against the keys that it was not found by.
func leaseAgrees(l *Lease, by values) (bool, Code) {
	if uid, ok := by.key("dhcp-client-identifier"); ok && string(uid) != l.UID {
		return false, OK
	}
	if _, ok := by.key("hardware-address"); ok {
		hw, code := hardware(by)
		return hw == l.HW, code
	}
	return true, OK
}

// lease finds the lease of a handle.
func (s *Session) lease(o object) (l Lease, ok bool) {
	found := s.server.authority.Leases(Search{IP: lease.IP(o.number)})
	if len(found) == 0 {
		return l, false
	}
	return found[0], true
}

// leaseAttributes are those of dhcpd in its order.
func (s *Session) leaseAttributes(o object) (v values, ok bool) {
	l, ok := s.lease(o)
	if !ok {
		return nil, false
	}
	v.number("state", uint32(l.State))
	v.number("ip-address", uint32(l.IP))
	if l.UID != "" {
		v.text("dhcp-client-identifier", l.UID)
	}
	if name := l.Hostname(); name != "" {
		v.text("client-hostname", name)
	}
	if l.Host != "" {
		v.number("host", s.handles.give(object{kind: kindHost, name: l.Host}))
	}
	v.number("subnet", s.handles.give(object{kind: kindSubnet, number: l.Subnet}))
	v.number("pool", s.handles.give(object{kind: kindPool, number: l.Pool}))
	if l.Extra != nil && l.Extra.Billing != "" {
		v.number("billing-class", s.handles.give(object{kind: kindOther, name: l.Extra.Billing}))
	}
	v.hardware(l.HW)
	v.number("ends", uint32(l.Ends))
	v.number("starts", uint32(l.Starts))
	v.number("tstp", uint32(l.TSTP))
	v.number("tsfp", uint32(l.TSFP))
	v.number("atsfp", uint32(l.ATSFP))
	v.number("cltt", uint32(l.CLTT))
	v.text("flags", string([]byte{leaseFlags(l.Flags)}))
	if l.Extra != nil {
		for _, set := range l.Extra.Vars {
			if isVariable(set.Name) {
				v.text(set.Name, set.Value)
			}
		}
	}
	return v, true
}

// hardware adds the two attributes of a hardware address, if there is one.
func (v *values) hardware(hw string) {
	if len(hw) > 1 {
		v.text("hardware-address", hw[1:])
		v.number("hardware-type", uint32(hw[0]))
	}
}

func leaseFlags(f lease.Flags) byte {
	bits := byte(0)
	if f.Has(lease.FlagBOOTP) {
		bits |= flagBOOTP
	}
	if f.Has(lease.FlagReserved) {
		bits |= flagReserved
	}
	return bits
}

// changeLease turns attributes to set into a change of the lease.
func (s *Session) changeLease(o object, set values) (Change, Result) {
	l, ok := s.lease(o)
	if !ok {
		return nil, Result{NotFound, textNoHandle}
	}
	c := &SetLease{IP: l.IP}
	for _, v := range set {
		if r := c.set(&l, v); r.Code != OK {
			return nil, r
		}
	}
	if c.State == 0 && c.Ends == 0 && c.Mask == 0 && c.Vars == nil {
		return nil, Result{}
	}
	return c, Result{}
}

// set takes one attribute. What is the client's own (identifier, names,
// hardware) stays unchanged without a word, as with dhcpd.
func (c *SetLease) set(l *Lease, v value) Result {
	switch v.name {
	case "state":
		return c.setState(l, v.data)
	case "ends":
		n, ok := number(v.data)
		if !ok || n == 0 {
			return refuse(InvalidArgument, "ends is a moment in seconds since 1970, of 4 octets")
		}
		if lease.Time(n) != l.Ends {
			c.Ends = lease.Time(n)
		}
	case "flags":
		return c.setFlags(l, v.data)
	case "ip-address", "starts", "tstp", "tsfp", "atsfp", "cltt", "pool", "billing-class":
		return Result{NoPermission, textUpdate}
	case "subnet":
		return Result{InvalidArgument, textUpdate}
	case "dhcp-client-identifier", "hostname", "client-hostname", "host", "hardware-address", "hardware-type":
	case "remote-handle", "refused": // of the protocol, not of the lease
	default:
		return c.setVariable(v)
	}
	return Result{}
}

// setState takes the states that a person may give a lease. Nobody can make
// one active without a client, and backup belongs to the balance of the pair.
func (c *SetLease) setState(l *Lease, data []byte) Result {
	n, ok := number(data)
	state := lease.State(n)
	switch {
	case !ok || n > 255 || !state.Valid():
		return Result{InvalidArgument, textUpdate}
	case state == l.State:
	case state == lease.Active || state == lease.Backup:
		return refuse(InvalidArgument, "state %d (%v) cannot be set by hand", n, state)
	default:
		c.State = state
	}
	return Result{}
}

// setFlags takes the reservation; the other bits stay as they are.
func (c *SetLease) setFlags(l *Lease, data []byte) Result {
	if len(data) != 1 && len(data) != 4 {
		return Result{InvalidArgument, textUpdate}
	}
	var want lease.Flags
	if data[len(data)-1]&flagReserved != 0 {
		want = lease.FlagReserved
	}
	if l.Flags&lease.FlagReserved != want {
		c.Flags, c.Mask = want, lease.FlagReserved
	}
	return Result{}
}

// setVariable takes any other name as a variable of the lease.
func (c *SetLease) setVariable(v value) Result {
	switch {
	case !isVariable(v.name):
		return refuse(InvalidArgument, "%q cannot be the name of a variable: letters, digits, - and _, beginning with a letter", v.name)
	case len(v.data) > MaxVariable:
		return refuse(InvalidArgument, "variable %s has %d octets; at most %d are kept", v.name, len(v.data), MaxVariable)
	}
	c.Vars = append(c.Vars, lease.Var{Name: v.name, Value: string(v.data)})
	return Result{}
}

// isVariable tells whether name can stand in dhcpd.leases after "set".
func isVariable(name string) bool {
	if name == "" || len(name) > MaxName || !isLetter(name[0]) {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !isLetter(c) && !isDigit(c) && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
