package wire

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// frameOf makes a frame: kind, payload offset 12, time 1, xid 2, options in hex.
func frameOf(t testing.TB, kind Kind, options string) []byte {
	t.Helper()
	o, err := hex.DecodeString(strings.ReplaceAll(options, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	n := HeaderLen + len(o)
	return append([]byte{byte(n >> 8), byte(n), byte(kind), 12, 0, 0, 0, 1, 0, 0, 0, 2}, o...)
}

func TestDecodeErrors(t *testing.T) {
	long := make([]byte, MaxMessage+1)
	long[0], long[1], long[2], long[3] = 0x08, 0x01, 11, 12
	offset := func(at, n byte) []byte {
		return append([]byte{0, n, 11, at}, make([]byte, n-4)...)
	}
	for _, c := range []struct {
		name  string
		frame []byte
		fault Fault
		at    int
		text  string
	}{
		{"empty", nil, FaultFrame, 0, "failover message: octet 0: frame is not one whole message: 0, want 12"},
		{"length 11", []byte("\x00\x0b\x0b\x0c1234123"), FaultShort, 0, "failover message: octet 0: message too short: 11, want 12"},
		{"length 2049", long, FaultLong, 0, "failover message: octet 0: message too long: 2049, want 2048 at most"},
		{"longer than it says", append(frameOf(t, KindContact, ""), 0), FaultFrame, 0,
			"failover message: octet 0: frame is not one whole message: 13, want 12"},
		{"shorter than it says", frameOf(t, KindState, "0018000102")[:15], FaultFrame, 0,
			"failover message: octet 0: frame is not one whole message: 15, want 17"},
		{"offset 11", offset(11, 12), FaultOffset, 3, "CONTACT: octet 3: payload offset out of range: 11, want 12"},
		{"offset past the end", offset(17, 16), FaultOffset, 3, "CONTACT: octet 3: payload offset out of range: 17, want 12"},
		{"option header cut", frameOf(t, KindState, "0018 0001 02 0017 00"), FaultCut, 17,
			"STATE: octet 17: message ends within an option header: 4, want 3 at most"},
		{"option past end", frameOf(t, KindState, "0018 0002 02"), FaultPastEnd, 12,
			"STATE: octet 12: option runs past the end of the message: server-state (24): 2, want 1 at most"},
		{"unknown option past end", frameOf(t, KindContact, "0063 0002 02"), FaultPastEnd, 12,
			"CONTACT: octet 12: option runs past the end of the message: option 99 (99): 2, want 1 at most"},
		{"option twice", frameOf(t, KindState, "0018 0001 02 0018 0001 02"), FaultDuplicate, 17,
			"STATE: octet 17: option appears twice: server-state (24)"},
		{"two updates", frameOf(t, KindBndupd, "0002 0004 0a000001 0003 0001 01 0002 0004 0a000002 0003 0001 01"),
			FaultDuplicate, 25, "BNDUPD: octet 25: option appears twice: assigned-IP-address (2)"},
		{"octet of two", frameOf(t, KindConnect, "001b 0002 0000"), FaultSize, 12,
			"CONNECT: octet 12: option has a wrong length: TLS-request (27): 2, want 1"},
		{"number of three", frameOf(t, KindBndupd, "000d 0003 000000"), FaultSize, 12,
			"BNDUPD: octet 12: option has a wrong length: lease-expiration-time (13): 3, want 4"},
		{"flags of one", frameOf(t, KindBndupd, "000c 0001 00"), FaultSize, 12,
			"BNDUPD: octet 12: option has a wrong length: IP-flags (12): 1, want 2"},
		{"empty number", frameOf(t, KindPoolresp, "0001 0000"), FaultSize, 12,
			"POOLRESP: octet 12: option has a wrong length: addresses-transferred (1): 0, want 4"},
		{"type 77 with options", frameOf(t, 77, "0003 0001 01"), FaultType, 2,
			"type 77: octet 2: unknown message type with options"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Decode(c.frame)
			var e *Error
			if m != nil || !errors.As(err, &e) {
				t.Fatalf("got %v, %v", m, err)
			}
			if !errors.Is(err, c.fault) || e.Offset != c.at || err.Error() != c.text {
				t.Errorf("got %v at %d\nwant %v at %d: %s", err, e.Offset, c.fault, c.at, c.text)
			}
		})
	}
}

func TestDecodeSetsAsideWhatDhcpdSkips(t *testing.T) {
	for _, c := range []struct {
		name    string
		kind    Kind
		options string
		code    Code
	}{
		{"unknown", KindContact, "0063 0003 78797a", 99},
		{"unknown twice", KindContact, "0063 0000 0063 0000", 99},
		{"code 0", KindContact, "0000 0001 00", 0},
		{"of no use here, twice and too long", KindContact, "0018 0003 010101 0018 0001 01", CodeServerState},
		{"digest", KindContact, "0011 0003 010203", CodeDigest},
		{"delayed service", KindBndupd, "000a 0001 01", CodeDelayedService},
		{"DDNS", KindBndupd, "0009 0005 0000016100", CodeDDNS},
		{"HBA of 31", KindConnect, "000b 001f" + strings.Repeat("00", 31), CodeHBA},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Decode(frameOf(t, c.kind, c.options))
			if err != nil {
				t.Fatal(err)
			}
			if o := m.Over().Others; len(o) == 0 || o[0].Code != c.code {
				t.Errorf("set aside: %v", o)
			}
			if k, ok := m.(*Connect); ok && k.HBA.Set {
				t.Error("HBA is there")
			}
		})
	}
	m, err := Decode(frameOf(t, 77, ""))
	if u, ok := m.(*Unknown); err != nil || !ok || u.Kind() != 77 || u.XID != 2 {
		t.Errorf("type 77 without options: %v, %v", m, err)
	}
}

func TestDecodeTellsAbsentFromZero(t *testing.T) {
	m, err := Decode(frameOf(t, KindBndupd, "0002 0004 00000000 000d 0004 00000000 0004 0000"))
	if err != nil {
		t.Fatal(err)
	}
	u := m.(*Bndupd)
	if !u.IP.Set || !u.LeaseExpiry.Set || !u.ClientID.Set || u.ClientID.V != "" {
		t.Errorf("zero is absent: %+v", u.Binding)
	}
	if u.PotentialExpiry.Set || u.STOS.Set || u.CLTT.Set || u.HW.Set || u.Status.Set || u.IPFlags.Set {
		t.Errorf("absent is zero: %+v", u.Binding)
	}
}

func TestDecodeKeepsNothingOfTheFrame(t *testing.T) {
	frame := frameOf(t, KindConnect, "0016 0002 6162 0063 0001 78")
	frame[3] = 12
	m, err := Decode(frame)
	if err != nil {
		t.Fatal(err)
	}
	clear(frame)
	if c := m.(*Connect); c.Relationship.V != "ab" || c.Others[0].Data != "x" {
		t.Errorf("changed with the frame: %v", m)
	}
}
