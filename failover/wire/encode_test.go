package wire

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"tandem/failover/lease"
)

// sampleUpdate is a BNDUPD with everything that one can carry.
func sampleUpdate(t testing.TB) []byte {
	t.Helper()
	m := &Bndupd{
		Header: Header{Time: 1795216515, XID: 7},
		Binding: Binding{
			IP: Some(lease.MustIP("10.77.0.100")), Status: Some(lease.Active),
			ClientID: Some("\x00printer"), HW: Some("\x01\x02\x00\x00\x00\x00\x01"),
			LeaseExpiry: Some(lease.Time(1795216535)), PotentialExpiry: Some(lease.Time(1795216585)),
			STOS: Some(lease.Time(1795216515)), CLTT: Some(lease.Time(1795216514)),
			IPFlags: Some(IPReserved | IPBOOTP), ReplyOptions: Some(dhcpCookie + "\x01\x04\xff\xff\xff\x00"),
		},
	}
	if !m.SetExtra(fullExtra()) {
		t.Fatal("extra does not fit")
	}
	b, err := Encode(m, ISC)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEncodeInTheOrderOfDhcpd(t *testing.T) {
	m := &Bndupd{
		Header: Header{Time: 1, XID: 2},
		Binding: Binding{
			CLTT: Some(lease.Time(5)), STOS: Some(lease.Time(4)), PotentialExpiry: Some(lease.Time(3)),
			LeaseExpiry: Some(lease.Time(2)), HW: Some("\x01\xaa"), ClientID: Some("c"), Status: Some(lease.Active),
			IP: Some(lease.IP(1)), IPFlags: Some(IPBOOTP),
		},
	}
	got, err := Encode(m, ISC)
	want := frameOf(t, KindBndupd, "0002 0004 00000001 0003 0001 02 0004 0001 63 0005 0002 01aa"+
		"000d 0004 00000002 0012 0004 00000003 0019 0004 00000004 0006 0004 00000005 000c 0002 0002")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v\n got %x\nwant %x", err, got, want)
	}
}

func TestEncodeGivesAnotherOrderBack(t *testing.T) {
	frame := frameOf(t, KindState, "0063 0001 01 0017 0001 00 0019 0004 00000001 0018 0001 02 0063 0001 02")
	m, err := Decode(frame)
	if err != nil {
		t.Fatal(err)
	}
	s := m.(*State)
	if got, err := Frame(s); err != nil || !bytes.Equal(got, frame) {
		t.Errorf("%v: %x", err, got)
	}
	// A change of the message is encoded all the same.
	s.Flags, s.Vendor = Opt[ServerFlags]{}, Some("v")
	want := frameOf(t, KindState, "0063 0001 01 0019 0004 00000001 0018 0001 02 0063 0001 02 001d 0001 76")
	if got, err := Frame(s); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v\n got %x\nwant %x", err, got, want)
	}
}

func TestEncodeKeepsTheLimits(t *testing.T) {
	m := &Disconnect{Message: Some(strings.Repeat("x", MaxMessage-HeaderLen-4))}
	b, err := Frame(m)
	if err != nil || len(b) != MaxMessage {
		t.Fatalf("%d octets, %v", len(b), err)
	}
	for _, n := range []int{1, 70000} {
		m.Message = Some(strings.Repeat("x", MaxMessage-HeaderLen-4+n))
		dst, err := AppendFrame([]byte("before"), m)
		if !errors.Is(err, FaultLong) || string(dst) != "before" {
			t.Errorf("%q, %v", dst, err)
		}
	}
	m = &Disconnect{Surplus: Surplus{Pad: strings.Repeat("p", 243)}}
	if b, err := Frame(m); err != nil || b[3] != 255 {
		t.Errorf("%x, %v", b, err)
	}
	m.Pad += "p"
	if _, err := Frame(m); !errors.Is(err, FaultOffset) {
		t.Errorf("offset 256: %v", err)
	}
}

func TestAppendAddsToWhatIsThere(t *testing.T) {
	a, err := Append(nil, &Contact{Header: Header{XID: 1}}, ISC)
	if err != nil {
		t.Fatal(err)
	}
	both, err := Append(a, &Updreq{Header: Header{XID: 2}}, ISC)
	if err != nil || len(both) != 24 || both[2] != 11 || both[14] != 9 || both[13] != 12 {
		t.Errorf("%x, %v", both, err)
	}
}
