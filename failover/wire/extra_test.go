package wire

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"tandem/failover/lease"
)

func fullExtra() Extra {
	return Extra{
		Client: &lease.Extra{
			Hostname: "printer", FQDN: "printer.example.org", VendorClass: "MSFT 5.0", UserClass: "\x03lab",
			RelayAgent: "\x01\x04eth0\x02\x03sw1", Requested: "\x01\x03\x06", Billing: "lab", BillingSub: "\x01\x02",
			Vars: []lease.Var{{Name: "ddns-fwd-name", Value: "printer.example.org"}, {Name: "empty"}},
		},
		Entered: 1795216500, Epoch: 3, Declined: true,
	}
}

func sameExtra(a, b Extra) bool {
	ca, cb := a.Client, b.Client
	a.Client, b.Client = nil, nil
	if a != b || (ca == nil) != (cb == nil) {
		return false
	}
	if ca == nil {
		return true
	}
	return ca.Hostname == cb.Hostname && ca.FQDN == cb.FQDN && ca.VendorClass == cb.VendorClass &&
		ca.UserClass == cb.UserClass && ca.RelayAgent == cb.RelayAgent && ca.Requested == cb.Requested &&
		ca.Billing == cb.Billing && ca.BillingSub == cb.BillingSub && slices.Equal(ca.Vars, cb.Vars)
}

func TestExtraComesThrough(t *testing.T) {
	long := fullExtra()
	long.Client.RelayAgent = strings.Repeat("r", 255)
	long.Client.VendorClass = strings.Repeat("v", 256) // two pieces
	long.Client.UserClass = strings.Repeat("u", 511)   // three
	for name, x := range map[string]Extra{
		"full":    fullExtra(),
		"long":    long,
		"nothing": {},
		"no text": {Entered: 5},
		"one":     {Client: &lease.Extra{Billing: "b"}},
		"name":    {Client: &lease.Extra{Hostname: "h"}},
		"was cut": {Client: &lease.Extra{Hostname: "h"}, Cut: true},
	} {
		m := &Bndupd{}
		if whole := m.SetExtra(x); whole != !x.Cut {
			t.Errorf("%s: whole is %v", name, whole)
		}
		frame, err := Frame(m)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decode(frame)
		if err != nil {
			t.Fatal(err)
		}
		got, ok, err := again.(*Bndupd).Extra()
		if err != nil || !ok || !sameExtra(got, x) {
			t.Errorf("%s: %v, %v\n got %+v %+v\nwant %+v %+v", name, ok, err, got, got.Client, x, x.Client)
		}
	}
}

// TestExtraIsCutInOrder takes octet after octet of the budget away: what is
// left out must be the later parts, never a piece of one.
func TestExtraIsCutInOrder(t *testing.T) {
	x := fullExtra()
	full, _, whole := encodedLen(x, 2000)
	if !whole {
		t.Fatal("does not fit into 2000 octets")
	}
	// Four octets are set aside for the sign that something is missing.
	if _, _, whole := encodedLen(x, full+4); !whole {
		t.Errorf("does not fit into %d octets", full+4)
	}
	for budget := full + 3; budget >= 0; budget-- {
		n, got, whole := encodedLen(x, budget)
		if whole || n > budget {
			t.Fatalf("budget %d: whole is %v, %d octets", budget, whole, n)
		}
		if n == 0 {
			continue
		}
		if !got.Cut || got.Epoch != 3 || got.Entered != x.Entered || !got.Declined {
			t.Fatalf("budget %d: %+v", budget, got)
		}
		checkParts(t, budget, got.Client, x.Client)
	}
}

// encodedLen encodes x and reads it back; n is the room it takes.
func encodedLen(x Extra, budget int) (n int, got Extra, whole bool) {
	request, vendor, whole := EncodeExtra(x, budget)
	for _, o := range []Opt[string]{request, vendor} {
		if o.Set {
			n += 4 + len(o.V)
		}
	}
	if vendor.Set {
		var ok bool
		var err error
		if got, ok, err = DecodeExtra(request.V, vendor.V); !ok || err != nil {
			panic(err)
		}
	}
	return n, got, whole
}

func checkParts(t *testing.T, budget int, got, want *lease.Extra) {
	t.Helper()
	if got == nil {
		return
	}
	for _, p := range [][2]string{
		{got.Billing, want.Billing}, {got.BillingSub, want.BillingSub}, {got.RelayAgent, want.RelayAgent},
		{got.Hostname, want.Hostname}, {got.FQDN, want.FQDN}, {got.VendorClass, want.VendorClass},
		{got.UserClass, want.UserClass}, {got.Requested, want.Requested},
	} {
		if p[0] != "" && p[0] != p[1] {
			t.Errorf("budget %d: %q is a piece of %q", budget, p[0], p[1])
		}
	}
	for _, v := range got.Vars {
		if !slices.Contains(want.Vars, v) {
			t.Errorf("budget %d: variable %v", budget, v)
		}
	}
	if got.Billing == "" && got.BillingSub != "" && len(want.BillingSub) >= len(want.Billing) {
		t.Errorf("budget %d: the subclass without the class", budget)
	}
}

func TestExtraNeverBreaksTheMessageLimit(t *testing.T) {
	x := Extra{Client: &lease.Extra{
		RelayAgent: strings.Repeat("r", 255), Hostname: strings.Repeat("h", 255), FQDN: strings.Repeat("f", 255),
		VendorClass: strings.Repeat("v", 255), UserClass: strings.Repeat("u", 255), Requested: strings.Repeat("q", 255),
		Vars: []lease.Var{{Name: "a", Value: strings.Repeat("a", 700)}, {Name: "b", Value: "small"}, {Name: strings.Repeat("n", 256)}},
	}}
	m := &Bndupd{Binding: Binding{
		IP: Some(lease.IP(1)), Status: Some(lease.Active), ClientID: Some(strings.Repeat("c", 255)),
		HW: Some(strings.Repeat("\x01", MaxHW)), Vendor: Some(strings.Repeat("old", 600)),
	}}
	if m.SetExtra(x) {
		t.Error("all of it fits")
	}
	frame, err := Encode(m, ISC)
	if err != nil || len(frame) > MaxMessage {
		t.Fatalf("%d octets, %v", len(frame), err)
	}
	got, ok, err := m.Extra()
	if !ok || err != nil || !got.Cut || got.Client.Requested != x.Client.Requested {
		t.Fatalf("%v, %v, %+v", ok, err, got)
	}
	// The large variable does not fit, the small one behind it does.
	if len(got.Client.Vars) != 1 || got.Client.Vars[0].Name != "b" {
		t.Errorf("variables %v", got.Client.Vars)
	}
	m.ClientID = Some(strings.Repeat("c", MaxMessage))
	if ExtraBudget(m) != 0 || m.SetExtra(x) || m.Vendor.Set {
		t.Error("room in a message that is too long already")
	}
}

func TestDecodeExtraLeavesOthersAlone(t *testing.T) {
	for _, vendor := range []string{"", "\x00\x01\x00\x00", "\x54\x4d\x00\x01\x02\x00\x08\x00\x04\x00\x00\x00\x01"} {
		if x, ok, err := DecodeExtra("no cookie", vendor); ok || err != nil || x.Client != nil {
			t.Errorf("%x: %v, %v, %v", vendor, x, ok, err)
		}
	}
}

func TestDecodeExtraErrors(t *testing.T) {
	start := string(vendorStart())
	for _, c := range []struct{ request, vendor, text string }{
		{"", start + "\x00", "1 octets left at the end"},
		{"", start + "\x00\x2b\x00\x05b", "billing runs past the end: 5 octets, 1 are left"},
		{"", start + "\x00\x08\x00\x01\x00", "epoch has 1 octets, want 4"},
		{"", start + "\x00\x29\x00\x00", "entered has 0 octets, want 4"},
		{"", start + "\x00\x2d\x00\x00", "var is cut off"},
		{"", start + "\x00\x2d\x00\x02\x02a", "var is cut off"},
		{"abcd", start, "client-request-options without the DHCP magic number"},
		{dhcpCookie + "\x0c", start, "DHCP option 12 is cut off"},
		{dhcpCookie + "\x0c\x02a", start, "DHCP option 12 is cut off"},
	} {
		x, _, err := DecodeExtra(c.request, c.vendor)
		if !errors.Is(err, ErrVendor) || !strings.HasSuffix(err.Error(), ": "+c.text) || x.Client != nil {
			t.Errorf("%x %x: %v, want %s", c.request, c.vendor, err, c.text)
		}
	}
}

func TestDecodeExtraIsTolerant(t *testing.T) {
	request := dhcpCookie + "\x00\x0c\x01h\x33\x04\x00\x00\x00\x00\xff\x0c" // pad, unknown option, end, rubbish
	vendor := string(vendorStart()) + "\x7f\x00\x00\x01z" + "\x00\x2d\x00\x02\x01b" + "\x00\x2d\x00\x03\x01av"
	x, ok, err := DecodeExtra(request, vendor)
	if err != nil || !ok || x.Client.Hostname != "h" {
		t.Fatalf("%+v, %v, %v", x, ok, err)
	}
	if v := x.Client.Vars; len(v) != 2 || v[0] != (lease.Var{Name: "a", Value: "v"}) || v[1].Name != "b" {
		t.Errorf("variables not by name: %v", v)
	}
}
