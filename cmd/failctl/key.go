package main

import (
	"fmt"
	"strings"

	"tandem/failover/daemon/keyring"
)

// showKey prints the pin of this server's key; the key is made if need be.
func showKey(out *output, _ options, args []string) error {
	if len(args) != 1 {
		return usageError("key show takes the directory of the keys (LEASES/keys unless dhcpfd has --keys)")
	}
	r, err := keyring.Open(args[0])
	if err != nil {
		return err
	}
	_, pin, err := r.Own()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, pin)
	return err
}

// pinKey pins the key of a partner.
func pinKey(out *output, _ options, args []string) error {
	if len(args) < 3 {
		return usageError("key pin takes a directory, the name of the failover peer, and the pin that `failctl key show` prints at the partner")
	}
	pin, err := keyring.ParsePin(strings.Join(args[2:], ""))
	if err != nil {
		return err
	}
	r, err := keyring.Open(args[0])
	if err != nil {
		return err
	}
	_, own, err := r.Own()
	if err != nil {
		return err
	}
	if pin == own {
		return fmt.Errorf("this is the pin of this server's own key; take the partner's")
	}
	if err := r.SetPartner(args[1], pin); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "pinned; restart dhcpfd: from then on %s is spoken to by TLS only\nat the partner pin this server's key: %s\n", args[1], own)
	return err
}

// forgetKey takes a pin away: the link goes back to clear text.
func forgetKey(out *output, _ options, args []string) error {
	if len(args) != 2 {
		return usageError("key forget takes a directory and the name of the failover peer")
	}
	r, err := keyring.Open(args[0])
	if err != nil {
		return err
	}
	if err := r.Forget(args[1]); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "forgotten; after a restart %s is spoken to in clear text\n", args[1])
	return err
}
