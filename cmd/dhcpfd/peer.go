package main

import (
	"fmt"
	"strconv"
	"strings"

	"tandem/failover"
	"tandem/failover/lease"
	"tandem/failover/node"
)

// peerWords are the choices of --peer that need no value.
var peerWords = map[string]func(*node.PeerPolicy){
	"strict":                  func(p *node.PeerPolicy) { p.Strict = true },
	"survivor":                func(p *node.PeerPolicy) { p.Survivor = true },
	"isc":                     func(p *node.PeerPolicy) { p.ISC = true },
	"serve-after-outage":      func(p *node.PeerPolicy) { p.ServeAfterOutage = true },
	"partner-down-lease-full": func(p *node.PeerPolicy) { p.FullLeasesAlone = true },
}

// isolations are the values of isolated=.
var isolations = map[string]failover.Isolation{
	"silent":     failover.IsolatedSilent,
	"renew-only": failover.IsolatedRenewOnly,
	"serve":      failover.IsolatedServe,
}

// peer reads one --peer NAME:WORD,WORD.
func (f *flags) peer(text string) error {
	i := strings.LastIndexByte(text, ':')
	if i <= 0 {
		return fmt.Errorf("write NAME:WORD,WORD, for example dhcp:strict,survivor")
	}
	p := f.peers[text[:i]]
	for _, word := range strings.Split(text[i+1:], ",") {
		if err := peerWord(&p, word); err != nil {
			return err
		}
	}
	f.peers[text[:i]] = p
	return nil
}

func peerWord(p *node.PeerPolicy, word string) error {
	if set, ok := peerWords[word]; ok {
		set(p)
		return nil
	}
	name, value, _ := strings.Cut(word, "=")
	switch name {
	case "isolated":
		how, ok := isolations[value]
		if !ok {
			return fmt.Errorf("isolated=%s: write silent, renew-only or serve", value)
		}
		p.Isolated = how
	case "g":
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil || n == 0 {
			return fmt.Errorf("g=%s: write a number of seconds", value)
		}
		p.Authority = lease.Seconds(n)
	default:
		return fmt.Errorf("unknown word %q; dhcpfd --help lists them", word)
	}
	return nil
}
