package setup

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"tandem/init/box"
)

// ranged is what a first dhcpd.conf is made of.
type ranged struct {
	lan     netip.Prefix
	ranges  []span
	router  netip.Addr // the zero Addr for none
	dns     []netip.Addr
	domain  string
	lease   time.Duration
	longest time.Duration
	peer    string // name of the failover relationship, empty for a single box
}

// dhcpdConf writes a dhcpd.conf for one network, with comments for whoever
// edits it next.
func dhcpdConf(r ranged) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# dhcpd.conf, made at the console. The language is that of ISC dhcpd.")
	if r.peer != "" {
		line("# The same file is in force on both boxes; the failover peer block is not")
		line("# in it: each box makes its own.")
	}
	line("")
	line("# This server speaks for the network: a client that asks for an address")
	line("# of another network is told at once.")
	line("authoritative;")
	line("")
	line("# How long a client may keep its address, in seconds: usually, at most.")
	line("default-lease-time %d;", int(r.lease/time.Second))
	line("max-lease-time %d;", int(r.longest/time.Second))
	line("")
	line("subnet %s netmask %s {", r.lan.Masked().Addr(), mask(r.lan.Bits()))
	if r.router.IsValid() {
		line("  option routers %s;", r.router)
	}
	if len(r.dns) > 0 {
		var all []string
		for _, a := range r.dns {
			all = append(all, a.String())
		}
		line("  option domain-name-servers %s;", strings.Join(all, ", "))
	}
	if r.domain != "" {
		line("  option domain-name %q;", r.domain)
	}
	line("  pool {")
	if r.peer != "" {
		line("    # Both boxes give addresses of this pool, each its own half.")
		line("    failover peer %q;", r.peer)
	}
	for _, s := range r.ranges {
		line("    range %s %s;  # %s", s.low, s.high, addressCount(s.size()))
	}
	line("  }")
	line("}")
	line("")
	line("# A device with a fixed address (outside of the ranges):")
	line("# host printer {")
	line("#   hardware ethernet 00:16:3e:00:00:01;")
	line("#   fixed-address %s;", fixed(r))
	line("# }")
	return b.String()
}

func addressCount(n int) string {
	if n == 1 {
		return "1 address"
	}
	return strconv.Itoa(n) + " addresses"
}

// fixed is an address of the network for the example.
func fixed(r ranged) netip.Addr {
	return last(r.lan).Prev()
}

func mask(bits int) netip.Addr {
	n := ^uint32(0) << (32 - bits)
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

var (
	peerBlock = regexp.MustCompile(`(?m)^[ \t]*failover[ \t]+peer[ \t]+"([^"\n]*)"[^{};]*\{[^{}]*\}[ \t]*;?`)
	peerName  = regexp.MustCompile(`(?m)^[^#\n]*\bfailover[ \t]+peer[ \t]+"([^"\n]*)"`)
)

// liftPeer turns failover peer blocks of an imported dhcpd.conf into comments,
// because each box makes its own, and gives the name of the relationship, also
// if only pools name it.
func liftPeer(files []File) (lifted []File, name string, blocks int) {
	for _, f := range files {
		if m := peerName.FindStringSubmatch(f.Text); m != nil && name == "" {
			name = m[1]
		}
		f.Text = peerBlock.ReplaceAllStringFunc(f.Text, func(block string) string {
			blocks++
			return "# Each box makes its own failover peer block; this was in the file:\n# " +
				strings.ReplaceAll(strings.TrimLeft(block, " \t"), "\n", "\n# ")
		})
		lifted = append(lifted, f)
	}
	return lifted, name, blocks
}

// renamePeer gives the relationship another name wherever it stands.
func renamePeer(files []File, old, name string) []File {
	var renamed []File
	for _, f := range files {
		f.Text = peerName.ReplaceAllStringFunc(f.Text, func(s string) string {
			return strings.ReplaceAll(s, `"`+old+`"`, strconv.Quote(name))
		})
		renamed = append(renamed, f)
	}
	return renamed
}

// sharedPools tells whether any pool of the files is shared with a partner.
func sharedPools(files []File) bool {
	for _, f := range files {
		if peerName.MatchString(f.Text) {
			return true
		}
	}
	return false
}

// withoutPool is the warning about files that a pair can not share.
func withoutPool(c box.Config, files []File) string {
	if c.Role == box.Single || len(files) == 0 || sharedPools(files) {
		return ""
	}
	return fmt.Sprintf("No pool says: failover peer %q; only fixed addresses and pools without a partner would be served.", c.PeerName())
}
