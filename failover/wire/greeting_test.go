package wire

import (
	"errors"
	"strings"
	"testing"

	"tandem/failover/lease"
)

func TestGreetingComesThrough(t *testing.T) {
	for _, g := range []Greeting{
		{},
		{
			Role: RolePrimary, Authority: Some(lease.Seconds(3600)), MCLT: Some(lease.Seconds(0)),
			Pools: strings.Repeat("\xaa", 32), Capabilities: CapExtra | CapStrict, Software: "tandem 1",
			Boot: "b-17", Epoch: Some(uint32(0)), LastContact: Some(lease.Time(9)),
		},
		{Role: RoleSecondary, Epoch: Some(uint32(7))},
	} {
		got, ok, err := DecodeGreeting(g.Encode())
		if !ok || err != nil || got != g {
			t.Errorf("%v, %v\n got %+v\nwant %+v", ok, err, got, g)
		}
	}
	long := Greeting{Software: strings.Repeat("s", 5000)}
	if got, ok, err := DecodeGreeting(long.Encode()); !ok || err != nil || len(got.Software) != 255 {
		t.Errorf("%d octets of software, %v, %v", len(got.Software), ok, err)
	}
}

func TestGreetingOfOthers(t *testing.T) {
	start := string(vendorStart())
	if _, ok, err := DecodeGreeting("\x00\x01\x00\x01\x01"); ok || err != nil {
		t.Errorf("somebody else's: %v, %v", ok, err)
	}
	if g, ok, err := DecodeGreeting(start + "\x7f\xff\x00\x01x"); !ok || err != nil || g != (Greeting{}) {
		t.Errorf("of a later version: %+v, %v, %v", g, ok, err)
	}
	for _, bad := range []string{"\x00\x01\x00\x02\x01\x01", "\x00\x02\x00\x01\x01", "\x00\x05\x00\x00", "\x00\x09\x00\x08", "\x00"} {
		if g, _, err := DecodeGreeting(start + "\x00\x06\x00\x01s" + bad); !errors.Is(err, ErrVendor) || g != (Greeting{}) {
			t.Errorf("%x: %+v, %v", bad, g, err)
		}
	}
}

func TestEchoAndGoodbye(t *testing.T) {
	e := Echo{Time: 1795216515, XID: 9}
	if got, ok, err := DecodeEcho(e.Encode()); !ok || err != nil || got != e {
		t.Errorf("%v, %v, %v", got, ok, err)
	}
	start := string(vendorStart())
	for vendor, bad := range map[string]bool{
		"":    false,
		start: false,
		start + "\x00\x14\x00\x04\x00\x00\x00\x01": false, // without XID
		start + "\x00\x15\x00\x01\x00":             true,
	} {
		if got, ok, err := DecodeEcho(vendor); ok || (err != nil) != bad || got != (Echo{}) {
			t.Errorf("%x: %v, %v, %v", vendor, got, ok, err)
		}
	}
	if g, err := DecodeGoodbye(GoodbyeBoundToRecover.Encode()); g != GoodbyeBoundToRecover || err != nil {
		t.Errorf("%v, %v", g, err)
	}
	if g, err := DecodeGoodbye(""); g != GoodbyeNone || err != nil {
		t.Errorf("%v, %v", g, err)
	}
	if g, err := DecodeGoodbye(start + "\x00\x1e\x00\x02\x01\x01"); g != GoodbyeNone || !errors.Is(err, ErrVendor) {
		t.Errorf("%v, %v", g, err)
	}
}

func TestAnswerTLS(t *testing.T) {
	for _, c := range []struct {
		request, own TLSRequest
		reply        uint8
		reject       Reject
	}{
		{TLSNone, TLSNone, 0, RejectNone},
		{TLSNone, TLSDesired, 0, RejectNone},
		{TLSNone, TLSRequired, 1, RejectTLSRequired},
		{TLSDesired, TLSNone, 0, RejectNone},
		{TLSDesired, TLSDesired, 1, RejectNone},
		{TLSDesired, TLSRequired, 1, RejectNone},
		{TLSRequired, TLSNone, 0, RejectTLSUnconfigured},
		{TLSRequired, TLSDesired, 1, RejectNone},
		{TLSRequired, TLSRequired, 1, RejectNone},
		{7, TLSNone, 0, RejectTLSUnconfigured},
	} {
		if reply, reject := AnswerTLS(c.request, c.own); reply != c.reply || reject != c.reject {
			t.Errorf("%v, %v: %d, %v; want %d, %v", c.request, c.own, reply, reject, c.reply, c.reject)
		}
	}
}
