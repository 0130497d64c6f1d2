package main

import (
	"strings"

	"tandem/failover/lease"
)

// exported gives an object as it stands in a fresh lease file of dhcpd; ok is
// false if it does not. What was made at run time and is deleted is left out
// there. A group without statements stands there without "dynamic;", behind
// which dhcpd reads nothing but a statement.
func exported(o lease.Object) (out lease.Object, ok bool) {
	const dynamic = "dynamic;"
	switch made := o.Text == dynamic || strings.HasPrefix(o.Text, dynamic+"\n"); {
	case made && o.Deleted:
		return o, false
	case o.Kind == "group" && o.Text == dynamic:
		o.Text = ""
	}
	return o, true
}
