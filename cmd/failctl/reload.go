package main

import (
	"encoding/json"
	"fmt"
)

const reloadHelp = `failctl reload - have dhcpfd read its configuration anew

usage: failctl reload

Answers when the new configuration is in force, or with every error in it; then
the old one stays in force. On a Tandem box the configuration of the pair is
changed with failctl config, which does this on both boxes.

  --control PATH            socket of the server

example:
  failctl conf check /etc/dhcp/dhcpd.conf && failctl reload

exit codes: 0 in force; 1 refused, or no server answers; 2 the command line is
wrong.
`

// reload has the server read its configuration anew.
func reload(out *output, o options, args []string) error {
	if err := noArgs("reload", args); err != nil {
		return err
	}
	return ask(o, []string{"reload"}, func(body json.RawMessage) error {
		var text string
		if err := json.Unmarshal(body, &text); err != nil {
			return err
		}
		_, err := fmt.Fprintln(out, text)
		return err
	})
}
