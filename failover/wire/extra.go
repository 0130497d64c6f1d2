package wire

import (
	"fmt"
	"slices"
	"strings"

	"tandem/failover/lease"
)

// Extra is the part of a lease that the protocol has no options for. Between
// two Tandem boxes it travels in the BNDUPD: what the client sent in
// client-request-options (8), the rest in vendor-specific-options (29).
// dhcpd ignores both.
type Extra struct {
	// Client describes the client; nil if nothing is known.
	Client *lease.Extra
	// Entered is lease.Lease.STOS, the moment at which the state was entered
	// (option 25 carries Starts, as dhcpd does it).
	Entered lease.Time
	// Epoch is lease.Lease.Epoch.
	Epoch uint32
	// Declined is lease.FlagDeclined.
	Declined bool
	// Cut tells that the sender left something of Client out because the
	// message would have become too long. What is absent then is unknown, so
	// the receiver keeps what it has of the same client.
	Cut bool
}

// dhcpCookie is the magic number of DHCP options (RFC 2131 section 3).
const dhcpCookie = "\x63\x82\x53\x63"

// DHCP options that client-request-options carries.
const (
	dhcpHostName    = 12
	dhcpRequested   = 55
	dhcpVendorClass = 60
	dhcpUserClass   = 77
	dhcpFQDN        = 81
	dhcpRelayAgent  = 82
)

// fqdnHead is flags and two unused result codes (RFC 4702 section 2).
const fqdnHead = "\x00\x00\x00"

// ExtraBudget is how many octets EncodeExtra may add to a BNDUPD that carries
// everything else already.
func ExtraBudget(m *Bndupd) int {
	bare := *m
	bare.RequestOptions, bare.Vendor = Opt[string]{}, Opt[string]{}
	b, err := Frame(&bare)
	if err != nil {
		return 0
	}
	return MaxMessage - len(b)
}

// SetExtra puts x into the message, as much of it as there is room for.
// whole is false if something of x.Client had to be left out.
func (m *Bndupd) SetExtra(x Extra) (whole bool) {
	m.RequestOptions, m.Vendor, whole = EncodeExtra(x, ExtraBudget(m))
	return whole
}

// Extra reads what SetExtra put into the message. ok is false if there is
// nothing of a Tandem box in it; errors wrap ErrVendor.
func (m *Bndupd) Extra() (x Extra, ok bool, err error) {
	return DecodeExtra(m.RequestOptions.Or(""), m.Vendor.Or(""))
}

// EncodeExtra gives the contents of client-request-options and
// vendor-specific-options, which need at most budget octets in the message,
// option headers included. If not all of x.Client fits, its parts are taken in
// this order, each whole if there is still room for it, else not at all:
// billing class, billing subclass, relay agent data, host name, FQDN, vendor
// class, user class, requested options, variables by name. whole is false, and
// the receiver sees Cut, if one was left out. If budget is too small even
// without x.Client, both options are absent.
func EncodeExtra(x Extra, budget int) (request, vendor Opt[string], whole bool) {
	v := vendorStart()
	if x.Entered != 0 {
		v = appendElement32(v, elemEntered, uint32(x.Entered))
	}
	if x.Epoch != 0 {
		v = appendElement32(v, elemEpoch, x.Epoch)
	}
	if x.Declined {
		v = appendHead(v, elemDeclined, 0)
	}
	const cutLen = 4
	left := budget - 4 - len(v) - cutLen
	if left < 0 {
		return Opt[string]{}, Opt[string]{}, false
	}
	p := packer{vendor: v, left: left, whole: !x.Cut}
	if x.Client != nil {
		p.client(x.Client)
	}
	if !p.whole {
		p.vendor = appendHead(p.vendor, elemCut, 0)
	}
	if len(p.request) > 0 {
		request = Some(string(p.request))
	}
	return request, Some(string(p.vendor)), p.whole
}

// packer fills both options while there is room.
type packer struct {
	request, vendor []byte
	left            int
	whole           bool
}

func (p *packer) client(c *lease.Extra) {
	p.element(elemBilling, c.Billing)
	p.element(elemBillingSub, c.BillingSub)
	p.option(dhcpRelayAgent, c.RelayAgent)
	p.option(dhcpHostName, c.Hostname)
	if c.FQDN != "" {
		p.option(dhcpFQDN, fqdnHead+c.FQDN)
	}
	p.option(dhcpVendorClass, c.VendorClass)
	p.option(dhcpUserClass, c.UserClass)
	p.option(dhcpRequested, c.Requested)
	for _, v := range c.Vars {
		if len(v.Name) > 255 {
			p.whole = false
			continue
		}
		p.element(elemVar, string([]byte{byte(len(v.Name))})+v.Name+v.Value)
	}
}

// room takes n octets off what is left, or notes that something is missing.
func (p *packer) room(n int) bool {
	if n > p.left {
		p.whole = false
		return false
	}
	p.left -= n
	return true
}

func (p *packer) element(e element, data string) {
	if data != "" && p.room(4+len(data)) {
		p.vendor = appendElement(p.vendor, e, data)
	}
}

// option adds a DHCP option, in pieces of 255 octets (RFC 3396).
func (p *packer) option(code byte, data string) {
	if data == "" {
		return
	}
	need := len(data) + 2*((len(data)+254)/255)
	if len(p.request) == 0 {
		need += 4 + len(dhcpCookie)
	}
	if !p.room(need) {
		return
	}
	if len(p.request) == 0 {
		p.request = append(p.request, dhcpCookie...)
	}
	for data != "" {
		n := min(len(data), 255)
		p.request = append(append(p.request, code, byte(n)), data[:n]...)
		data = data[n:]
	}
}

// DecodeExtra reads what EncodeExtra made. ok is false if vendor is not a
// Tandem's; then request is not looked at. Errors wrap ErrVendor.
func DecodeExtra(request, vendor string) (x Extra, ok bool, err error) {
	var c lease.Extra
	ok, err = eachElement(vendor, func(e element, data string) error {
		return x.element(&c, e, data)
	})
	if !ok || err != nil {
		return Extra{}, ok, err
	}
	slices.SortStableFunc(c.Vars, func(a, b lease.Var) int { return strings.Compare(a.Name, b.Name) })
	if request != "" {
		rest, dhcp := strings.CutPrefix(request, dhcpCookie)
		if !dhcp {
			return Extra{}, true, fmt.Errorf("%w: client-request-options without the DHCP magic number", ErrVendor)
		}
		err := eachDHCP(rest, func(code byte, data string) { clientOption(&c, code, data) })
		if err != nil {
			return Extra{}, true, err
		}
		c.FQDN = strings.TrimPrefix(c.FQDN, fqdnHead)
	}
	if !isEmpty(&c) {
		x.Client = &c
	}
	return x, true, nil
}

func isEmpty(c *lease.Extra) bool {
	return len(c.Vars) == 0 && c.Hostname+c.FQDN+c.VendorClass+c.UserClass+c.RelayAgent+
		c.Requested+c.Billing+c.BillingSub == ""
}

func (x *Extra) element(c *lease.Extra, e element, data string) error {
	switch e {
	case elemCut:
		x.Cut = true
	case elemDeclined:
		x.Declined = true
	case elemEntered, elemEpoch:
		n, err := element32(e, data)
		if e == elemEntered {
			x.Entered = lease.Time(n)
		} else {
			x.Epoch = n
		}
		return err
	case elemBilling:
		c.Billing = data
	case elemBillingSub:
		c.BillingSub = data
	case elemVar:
		name, value, err := cutVar(data)
		c.Vars = append(c.Vars, lease.Var{Name: name, Value: value})
		return err
	}
	return nil
}

// cutVar takes name and value of elemVar apart.
func cutVar(data string) (name, value string, err error) {
	if data == "" || int(data[0]) > len(data)-1 {
		return "", "", fmt.Errorf("%w: %v is cut off", ErrVendor, elemVar)
	}
	n := int(data[0]) + 1
	return data[1:n], data[n:], nil
}

// clientOption stores a DHCP option; a repeated one goes on (RFC 3396).
func clientOption(c *lease.Extra, code byte, data string) {
	switch code {
	case dhcpHostName:
		c.Hostname += data
	case dhcpRequested:
		c.Requested += data
	case dhcpVendorClass:
		c.VendorClass += data
	case dhcpUserClass:
		c.UserClass += data
	case dhcpFQDN:
		c.FQDN += data
	case dhcpRelayAgent:
		c.RelayAgent += data
	}
}

// eachDHCP gives every DHCP option up to the end option to fn.
func eachDHCP(s string, fn func(code byte, data string)) error {
	for s != "" {
		switch s[0] {
		case 0:
			s = s[1:]
			continue
		case 255:
			return nil
		}
		if len(s) < 2 || int(s[1]) > len(s)-2 {
			return fmt.Errorf("%w: DHCP option %d is cut off", ErrVendor, s[0])
		}
		n := 2 + int(s[1])
		fn(s[0], s[2:n])
		s = s[n:]
	}
	return nil
}
