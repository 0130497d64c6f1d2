package node

import (
	"net"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/wire"
)

// kindBOOTP stands for a message without type.
const kindBOOTP = dhcpv4.MessageTypeNone

// send gives the node a client's packet and gives what it answers, nil if
// nothing.
func (w *talk) send(client byte, kind dhcpv4.MessageType, mods ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	w.Helper()
	msg, err := dhcpv4.New(append([]dhcpv4.Modifier{dhcpv4.WithMessageType(kind), dhcpv4.WithHwAddr(net.HardwareAddr{2, 0, 0, 0, 0, client})}, mods...)...)
	if err != nil {
		w.Fatal(err)
	}
	if kind == kindBOOTP {
		msg.DeleteOption(dhcpv4.OptionDHCPMessageType)
	}
	raw := msg.ToBytes()
	decoded, err := dhcp.Decode(raw)
	if err != nil {
		w.Fatal(err)
	}
	p := dhcp.Packet{If: eth0, SrcPort: 68, Dst: 1<<32 - 1, Raw: raw, Msg: decoded}
	if !msg.ClientIPAddr.IsUnspecified() {
		p.Src, p.Dst = lease.MustIP(msg.ClientIPAddr.String()), eth0.Addrs[0]
	}
	if !msg.GatewayIPAddr.IsUnspecified() {
		p.Src, p.SrcPort = lease.MustIP(msg.GatewayIPAddr.String()), 67
	}
	w.Step(w.now, &PacketIn{Packet: p})
	var reply *dhcpv4.DHCPv4
	out := w.Flush(w.now)
	if len(out.Replies) > 0 {
		if reply, err = dhcpv4.FromBytes(out.Replies[0].Payload); err != nil {
			w.Fatal(err)
		}
	}
	for _, l := range append([]Link(nil), out.Links...) {
		w.carry(l)
	}
	return reply
}

// ip4 is an address as the codec has it.
func ip4(addr string) net.IP { return net.ParseIP(addr).To4() }

// wants names an address (option 50), from is a client that has one, via a
// relay, with an option with text.
func wants(addr string) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(ip4(addr)))
}
func from(addr string) dhcpv4.Modifier {
	return func(m *dhcpv4.DHCPv4) { m.ClientIPAddr = ip4(addr) }
}
func via(relay string) dhcpv4.Modifier {
	return func(m *dhcpv4.DHCPv4) { m.GatewayIPAddr = ip4(relay) }
}
func having(code uint8, text string) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(code), []byte(text)))
}

// late is a client that has waited long enough for every server.
func late(m *dhcpv4.DHCPv4) { m.NumSeconds = 60 }

// bind gives a client an address.
func (w *talk) bind(client byte, mods ...dhcpv4.Modifier) string {
	w.Helper()
	offer := w.send(client, discover, append(mods, late)...)
	if offer == nil {
		w.Fatalf("client %d got no offer: %v", client, w.why(mac(client)))
	}
	addr := offer.YourIPAddr.String()
	if w.send(client, request, append(mods, wants(addr), late, dhcpv4.WithOption(dhcpv4.OptServerIdentifier(ip4("10.0.0.1"))))...) == nil {
		w.Fatalf("client %d got no ACK: %v", client, w.why(mac(client)))
	}
	return addr
}

func mac(client byte) string { return net.HardwareAddr{2, 0, 0, 0, 0, client}.String() }

const (
	discover = dhcpv4.MessageTypeDiscover
	request  = dhcpv4.MessageTypeRequest
	release  = dhcpv4.MessageTypeRelease
	decline  = dhcpv4.MessageTypeDecline
	inform   = dhcpv4.MessageTypeInform
)

// update is the partner's news of a lease.
func (w *talk) update(addr string, client byte, seconds lease.Seconds) *talk {
	m := &wire.Bndupd{}
	now := w.now.Time()
	m.IP, m.Status = wire.Some(lease.MustIP(addr)), wire.Some(lease.Active)
	m.HW = wire.Some("\x01\x02\x00\x00\x00\x00" + string([]byte{client}))
	m.LeaseExpiry, m.PotentialExpiry = wire.Some(now.Add(seconds)), wire.Some(now.Add(seconds))
	m.STOS, m.CLTT = wire.Some(now), wire.Some(now)
	return w.hear(m)
}

// record is a lease that is remembered of client 9, which ends so many seconds
// after the start.
func record(s lease.State, ends int, edit func(l *lease.Lease)) []lease.Record {
	at := start.Time()
	l := &lease.Lease{IP: lease.MustIP("10.0.1.5"), State: s, Rewind: s, HW: "\x01\x02\x00\x00\x00\x00\x09",
		Starts: at - 500, STOS: at - 500, CLTT: at - 500, Ends: lease.Time(int(at) + ends)}
	l.TSTP, l.ATSFP = l.Ends, l.Ends
	if edit != nil {
		edit(l)
	}
	return []lease.Record{l}
}

// pending is a lease of which the partner does not know everything.
func pending(l *lease.Lease) { l.Flags |= lease.FlagPending }

// unknown is one without client.
func unknown(l *lease.Lease) { l.HW, l.Ends, l.TSTP, l.ATSFP = "", 0, 0, 0 }

const five = "10.0.1.5"

// leaseScenes explain one address of a pair.
var leaseScenes = []scene{
	{"address: bound, both know", after(setting{records: record(lease.Active, 500, nil)}, untilNormal), five},
	{"address: bound, the partner does not know", after(setting{records: record(lease.Active, 500, pending)}, func(w *talk) { w.hush(20 * time.Second) }), five},
	{"address: ended, to be told by the primary", after(setting{secondary: true, records: record(lease.Active, 10, nil)}, func(w *talk) {
		untilNormal(w)
		w.pass(15 * time.Second)
	}), five},
	{"address: ended a moment ago", after(setting{records: record(lease.Active, 10, nil)}, func(w *talk) { untilNormal(w); w.pass(10 * time.Second) }), five},
	{"address: ended, and nobody may say so", after(setting{records: record(lease.Active, 10, nil)}, func(w *talk) { w.hush(13 * time.Second) }), five},
	{"address: ended while recovering", after(setting{saved: saved(lease.RecoverDone, 0), records: record(lease.Active, 10, nil)}, func(w *talk) { w.hush(20 * time.Second) }), five},
	{"address: ended, to be freed", after(setting{records: record(lease.Active, 30, nil)}, func(w *talk) {
		w.hush(20 * time.Second)
		w.now = w.now.Add(15 * time.Second)
	}), five},
	{"address: own half", after(setting{records: record(lease.Free, 0, unknown)}, untilNormal), five},
	{"address: partner's half", after(setting{records: record(lease.Backup, 0, unknown)}, untilNormal), five},
	{"address: no authority", after(setting{records: record(lease.Free, 0, unknown), off: 200, saved: func(p *lease.Peer) { p.LastContact -= 200 }},
		func(w *talk) { w.hush(20 * time.Second) }), five},
	{"address: never given, no authority", after(setting{off: 200, saved: func(p *lease.Peer) { p.LastContact -= 200 }},
		func(w *talk) { w.hush(20 * time.Second) }), five},
	{"address: the partner has not acknowledged the end", after(setting{records: record(lease.Expired, -5, pending)}, func(w *talk) { w.hush(20 * time.Second) }), five},
	{"address: reset, not acknowledged", after(setting{records: record(lease.Reset, -5, pending)}, func(w *talk) { w.hush(20 * time.Second) }), five},
	{"address: abandoned, not acknowledged", after(setting{records: record(lease.Abandoned, 5000, pending)}, func(w *talk) { w.hush(20 * time.Second) }), five},
	{"address: abandoned, and a store was lost", after(setting{saved: func(p *lease.Peer) { p.Lost = start.Time() - 20 }, records: record(lease.Abandoned, 5000, nil)}, untilNormal), five},
	{"address: abandoned, the secondary's view", after(setting{secondary: true, records: record(lease.Abandoned, 5000, nil)}, untilNormal), five},
	{"address: to be taken over", after(setting{records: record(lease.Backup, 0, unknown)}, func(w *talk) {
		alone(w)
		w.hush(20*time.Second).order("partner-down", "alice")
	}), five},
	{"address: taken over", after(setting{records: record(lease.Backup, 0, unknown)}, func(w *talk) {
		alone(w)
		w.hush(20*time.Second).order("partner-down", "alice").hush(3 * time.Minute)
	}), five},
	{"address: not taken over any more", after(setting{records: record(lease.Backup, 0, unknown)}, func(w *talk) {
		alone(w)
		w.hush(20*time.Second).order("partner-down", "alice").hush(2 * time.Minute)
		w.bind(1)
		w.meet(lease.RecoverDone)
	}), five},
	{"address: in no pool", after(setting{}, func(w *talk) {}), "10.0.7.7"},
	{"address: in no subnet", after(setting{}, func(w *talk) {}), "192.0.2.1"},
	{"address: reserved", after(setting{records: record(lease.Active, 500, func(l *lease.Lease) { l.Flags |= lease.FlagReserved })}, untilNormal), five},
	{"address: without an end", after(setting{records: record(lease.Active, 500, func(l *lease.Lease) { l.Ends = lease.Never })}, untilNormal), five},
}

// site is the configuration of a server without partner.
func site(globals, subnet, rest string) setting {
	return setting{conf: "authoritative; ping-check off; default-lease-time 600;\n" + globals +
		"\nsubnet 10.0.0.0 netmask 255.255.255.0 {\n" + subnet + "\n}\n" + rest}
}

const (
	twoAddresses = "range 10.0.0.10 10.0.0.11;"
	beyond       = "subnet 10.9.0.0 netmask 255.255.255.0 { range 10.9.0.10 10.9.0.11; }"
)

// client is a scene of one packet of client 1.
func client(name string, set setting, kind dhcpv4.MessageType, mods ...dhcpv4.Modifier) scene {
	return scene{name, after(set, func(w *talk) { w.send(1, kind, mods...) }), mac(1)}
}

// clientScenes explain a client.
var clientScenes = []scene{
	{"client: never seen", after(site("", twoAddresses, ""), func(w *talk) {}), mac(1)},
	client("client: offered", site("", twoAddresses, ""), discover),
	{"client: bound", after(site("", twoAddresses, ""), func(w *talk) { w.bind(1); w.hush(10 * time.Second) }), mac(1)},
	{"client: its address", after(site("", twoAddresses, ""), func(w *talk) { w.send(1, discover) }), "10.0.0.10"},
	client("client: probed", site("ping-check on;", twoAddresses, ""), discover),
	{"client: informed", after(site("", twoAddresses, ""), func(w *talk) { w.send(1, inform, from("10.0.0.77")) }), mac(1)},
	client("client: inform without address", site("", twoAddresses, ""), inform),
	{"client: released", after(site("", twoAddresses, ""), func(w *talk) { w.send(1, release, from(w.bind(1))) }), mac(1)},
	client("client: releases what it has not", site("", twoAddresses, ""), release, from("10.0.0.10")),
	{"client: declined", after(site("", twoAddresses, ""), func(w *talk) { w.send(1, decline, wants(w.bind(1))) }), mac(1)},
	{"client: what it declined", after(site("", twoAddresses, ""), func(w *talk) { w.send(1, decline, wants(w.bind(1))) }), "10.0.0.10"},
	{"client: deny declines", after(site("deny declines;", twoAddresses, ""), func(w *talk) { w.send(1, decline, wants(w.bind(1))) }), mac(1)},
	client("client: wrong network", site("", twoAddresses, beyond), request, wants("10.9.0.10")),
	client("client: unknown lease", site("", twoAddresses, ""), request, wants("10.0.0.99")),
	client("client: not authoritative", setting{conf: "subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.11; }" + beyond}, request, wants("10.9.0.10")),
	client("client: other server", site("", twoAddresses, ""), request, wants("10.0.0.10"), dhcpv4.WithOption(dhcpv4.OptServerIdentifier(ip4("10.0.0.99")))),
	client("client: relay from nowhere", site("", twoAddresses, ""), discover, via("192.0.2.9")),
	client("client: relay", site("", twoAddresses, beyond), discover, via("10.9.0.1")),
	client("client: relay that selects the subnet", site("", twoAddresses, beyond), discover, via("10.0.0.3"), having(82, "\x05\x04\x0a\x09\x00\x00")),
	{"client: no free leases", after(site("", twoAddresses, ""), func(w *talk) { w.bind(2); w.bind(3); w.send(1, discover) }), mac(1)},
	{"client: bound by another", after(site("", twoAddresses, ""), func(w *talk) { w.send(1, request, wants(w.bind(2))) }), mac(1)},
	{"client: offered to another", after(site("", twoAddresses, ""), func(w *talk) { w.send(2, discover); w.send(1, request, wants("10.0.0.10")) }), mac(1)},
	{"client: wants an abandoned one", after(site("", twoAddresses, ""), func(w *talk) {
		w.send(2, decline, wants(w.bind(2)))
		w.send(1, request, wants("10.0.0.10"))
	}), mac(1)},
	client("client: fixed address", site("", twoAddresses, `host f { hardware ethernet 02:00:00:00:00:01; fixed-address 10.0.0.50; }`), discover),
	{"client: the fixed address", after(site("", twoAddresses, `host f { hardware ethernet 02:00:00:00:00:01; fixed-address 10.0.0.50; }`),
		func(w *talk) {}), "10.0.0.50"},
	client("client: another than the fixed address", site("", twoAddresses, `host f { hardware ethernet 02:00:00:00:00:01; fixed-address 10.0.0.50; }`), request, wants("10.0.0.10")),
	{"client: fixed address taken", after(setting{conf: site("", twoAddresses, `host f { hardware ethernet 02:00:00:00:00:01; fixed-address 10.0.0.10; }`).conf,
		records: record(lease.Active, 500, func(l *lease.Lease) { l.IP = lease.MustIP("10.0.0.10") })},
		func(w *talk) { w.send(1, discover) }), mac(1)},
	client("client: host declaration", site("", twoAddresses, `host k { hardware ethernet 02:00:00:00:00:01; }`), discover),
	client("client: fixed address elsewhere", site("", twoAddresses, beyond+`host k { hardware ethernet 02:00:00:00:00:01; fixed-address 10.9.0.50; }`), discover),
	client("client: min-secs", site("min-secs 5;", twoAddresses, ""), discover),
	client("client: deny unknown-clients", site("deny unknown-clients;", twoAddresses, ""), discover),
	client("client: deny booting", site("", twoAddresses, `host n { hardware ethernet 02:00:00:00:00:01; deny booting; }`), discover),
	client("client: deny bootp", site("deny bootp;", "range dynamic-bootp 10.0.0.10 10.0.0.11;", ""), kindBOOTP),
	client("client: no dynamic BOOTP", site("", twoAddresses, ""), kindBOOTP),
	client("client: lease query", site("", twoAddresses, ""), 10, via("10.0.0.3")),
	{"client: lease limit", after(site(`class "phone" { match if option vendor-class-identifier = "phone"; lease limit 1; }`, twoAddresses, ""), func(w *talk) {
		w.bind(2, having(60, "phone"))
		w.send(1, discover, having(60, "phone"))
	}), mac(1)},
	{"client: counts against the limit", after(site(`class "phone" { match if option vendor-class-identifier = "phone"; lease limit 1; }`, twoAddresses, ""), func(w *talk) {
		w.bind(1, having(60, "phone"))
	}), "10.0.0.10"},
	client("client: many classes", site(`class "a" { match if known or not known; } class "b" { match if known or not known; }
		class "c" { match if known or not known; } class "d" { match if known or not known; } class "e" { match if known or not known; }`, twoAddresses, ""), discover),
	client("client: subclass", site(`class "s" { match hardware; } subclass "s" 1:02:00:00:00:00:01;`, twoAddresses, ""), discover),
	client("client: denied by the pool", site(`class "phone" { match if option vendor-class-identifier = "phone"; }`,
		`pool { range 10.0.0.10 10.0.0.11; deny members of "phone"; }`, ""), request, wants("10.0.0.10"), having(60, "phone")),
	client("client: permits", site(`class "phone" { match if option vendor-class-identifier = "phone"; }`, `
		pool { range 10.0.0.10 10.0.0.11; allow members of "phone"; allow known-clients; }
		pool { range 10.0.0.20 10.0.0.21; allow known-clients; }
		pool { range 10.0.0.30 10.0.0.31; deny unknown-clients; }
		pool { range 10.0.0.40 10.0.0.41; deny all clients; }
		pool { range 10.0.0.50 10.0.0.51; allow authenticated clients; }
		pool { range 10.0.0.60 10.0.0.61; deny unauthenticated clients; }
		pool { range 10.0.0.70 10.0.0.71; allow dynamic bootp clients; }
		pool { range 10.0.0.80 10.0.0.81; range 10.0.0.83; range 10.0.0.85; range 10.0.0.87; deny after 4 2020/01/02 03:04:05; }`, ""), discover),
	{"client: the partner's by the hash", after(setting{records: record(lease.Backup, 0, unknown)}, func(w *talk) { untilNormal(w); w.send(1, discover) }), mac(1)},
	{"client: refused without authority", after(setting{off: 200, saved: func(p *lease.Peer) { p.LastContact -= 200 }}, func(w *talk) {
		w.hush(20 * time.Second)
		w.send(1, discover)
	}), mac(1)},
	{"client: the partner has the free ones", after(setting{secondary: true}, func(w *talk) {
		w.hush(20 * time.Second)
		w.send(1, discover)
	}), mac(1)},
	{"client: by client identifier", after(site("", twoAddresses, ""), func(w *talk) { w.bind(1, having(61, "\xff\x01\x02")) }), "ff:01:02"},
	{"client: R1 without partner", after(setting{conf: site("", twoAddresses, "").conf, watched: true}, func(w *talk) { w.send(1, discover) }), mac(1)},
}
