package main

import (
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/cmd/lab/load"
	"tandem/cmd/lab/netlab"
	"tandem/cmd/lab/peers"
)

// dhcpLine is a line about a message, as log parsers look for it.
var dhcpLine = regexp.MustCompile(`^(DHCP|BOOT|Abandoning)`)

// The lines about clients are dhcpd's own, word by word: the same clients talk
// to both servers.
func TestLogLinesAreThoseOfDhcpd(t *testing.T) {
	ours(t)
	theirs := logOfScript(t, peers.Dhcpd)
	our := logOfScript(t, peers.Dhcpfd)
	for i := range max(len(theirs), len(our)) {
		if i >= len(theirs) || i >= len(our) || theirs[i] != our[i] {
			t.Fatalf("line %d differs.\ndhcpd:\n  %s\ndhcpfd:\n  %s", i+1, strings.Join(theirs, "\n  "), strings.Join(our, "\n  "))
		}
	}
}

// logOfScript lets clients do one of everything and gives the server's lines
// about them.
func logOfScript(t *testing.T, k peers.Kind) []string {
	t.Helper()
	l := newLab(t)
	l.server = must(k.StartConf(l.box, l.dir, strings.Replace(simple, "range", "allow leasequery; range", 1), "eth0"))(t)
	w := l.wire("clients")
	name := dhcpv4.WithOption(dhcpv4.OptHostName("desk"))
	named := lease(t, w, 1, 1, name)
	plain := lease(t, w, 1, 2)
	addr := func(m load.Message) netip.Addr { a, _ := netip.AddrFromSlice(m.DHCP.YourIPAddr.To4()); return a }
	self := netip.MustParseAddr("10.0.0.1")
	message := func(n byte, kind dhcpv4.MessageType, more ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
		return must(dhcpv4.New(append([]dhcpv4.Modifier{dhcpv4.WithHwAddr(net.HardwareAddr{2, 1, 0, 0, 0, n}), dhcpv4.WithMessageType(kind)}, more...)...))(t)
	}
	wants := func(m load.Message) dhcpv4.Modifier {
		return dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(m.DHCP.YourIPAddr))
	}
	here := dhcpv4.WithOption(dhcpv4.OptServerIdentifier(self.AsSlice()))

	// INIT-REBOOT: right, another's, of another network.
	must(w.Ask(message(1, dhcpv4.MessageTypeRequest, wants(named), name)))(t)
	must(w.Ask(message(3, dhcpv4.MessageTypeRequest, wants(plain))))(t)
	must(w.Ask(message(4, dhcpv4.MessageTypeRequest, dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(net.IPv4(192, 168, 9, 9))))))(t)
	// REBINDING.
	w.Claim(addr(plain), load.MAC{2, 1, 0, 0, 0, 2})
	must(w.Ask(message(2, dhcpv4.MessageTypeRequest, dhcpv4.WithClientIP(plain.DHCP.YourIPAddr))))(t)
	// DHCPINFORM of somebody with an address of his own.
	informer := netip.MustParseAddr("10.0.7.7")
	must0(t, w.Send(load.MAC{2, 1, 0, 0, 0, 5}, informer, netip.Addr{}, message(5, dhcpv4.MessageTypeInform, dhcpv4.WithClientIP(informer.AsSlice()))))
	l.logged(`^DHCPACK to 10\.0\.7\.7`)
	// RELEASE, DECLINE, and both again when there is nothing to give up.
	for range 2 {
		must0(t, w.Send(load.MAC{2, 1, 0, 0, 0, 1}, addr(named), self, message(1, dhcpv4.MessageTypeRelease, dhcpv4.WithClientIP(named.DHCP.YourIPAddr), here)))
	}
	must0(t, w.Send(load.MAC{2, 1, 0, 0, 0, 2}, netip.Addr{}, netip.Addr{}, message(2, dhcpv4.MessageTypeDecline, wants(plain), here)))
	l.logged(`^DHCPDECLINE`)
	lease(t, w, 1, 9) // the last one: when its line is there, all are
	l.logged(`^DHCPACK on \S+ to 02:01:00:00:00:09`)
	return normal(l.server.Find(0, dhcpLine))
}

// logged waits for a line of the server.
func (l *lab) logged(re string) {
	l.Helper()
	must(l.server.Await(0, regexp.MustCompile(re), patience))(l)
}

// normal numbers the addresses of the pool in the order in which they appear:
// which free one a client gets is the server's choice.
func normal(lines []netlab.Line) []string {
	var seen, out []string
	pool := regexp.MustCompile(`\b10\.0\.1\.\d+`)
	for _, line := range lines {
		out = append(out, pool.ReplaceAllStringFunc(line.Text, func(a string) string {
			if !slices.Contains(seen, a) {
				seen = append(seen, a)
			}
			return "address-" + string(rune('A'+slices.Index(seen, a)))
		}))
	}
	return out
}
