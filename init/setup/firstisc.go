package setup

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"tandem/init/box"
)

func (u *UI) askISCRole() {
	begin := func(role box.Role) func(*UI) {
		return func(u *UI) {
			u.first.role, u.first.isc = role, true
			u.askLAN()
		}
	}
	u.open(&listPage{
		head: "Set up: partner of an ISC dhcpd",
		intro: fixedText("The dhcpd's failover peer block says \"primary\" or \"secondary\". This box is the other one.", "",
			"Which one is this box?"),
		items: func(*UI) []item {
			return []item{
				{text: "The primary; dhcpd says secondary", pick: begin(box.Primary)},
				{text: "The secondary; dhcpd says primary", pick: begin(box.Secondary)},
			}
		},
	})
}

func (u *UI) askISC() {
	f := &u.first
	f.suggest("peer", &f.peer, "dhcp-failover")
	f.suggest("port", &f.peerPort, strconv.Itoa(box.DefaultPeerPort))
	fields := []*field{
		{label: "Name of the peer", value: &f.peer, hint: "As in the dhcpd's line: failover peer \"NAME\" {", check: func(s string) error {
			if strings.ContainsFunc(s, oddInPeer) {
				return errors.New("the name holds a space, quote, backslash or #: give it without quotes; rename it in the dhcpd's file if need be")
			}
			return nil
		}},
		{label: "TCP port", value: &f.peerPort, check: numeral("port", 1, 65535), hint: "The same on both sides: \"port\" and \"peer port\" of the dhcpd. Usually 647."},
	}
	if f.role == box.Primary {
		f.suggest("mclt", &f.mclt, "3600")
		f.suggest("split", &f.split, strconv.Itoa(box.DefaultSplit))
		fields = append(fields,
			&field{label: "MCLT in seconds", value: &f.mclt, check: numeral("MCLT", 60, 7*86400), hint: "Maximum client lead time: how far a lease may run ahead of what the partner knows."},
			&field{label: "Split", value: &f.split, check: numeral("split", 0, 256), hint: "How many of 256 hash buckets the primary serves: 128 is half, 256 all."})
	}
	u.open(&formPage{
		head: "Set up: the ISC dhcpd", fields: fields,
		intro: []string{fmt.Sprintf("The dhcpd at %s must name %s as its \"peer address\".", f.partner, strings.Split(f.addr, "/")[0])},
		done:  func(u *UI) { u.askTime() },
	})
}
