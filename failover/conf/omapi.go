package conf

import (
	"encoding/binary"
	"strings"
)

// omapi compiles omapi-port and omapi-key. They count at the top level, and
// the last one counts.
func (c *compiler) omapi(n *optionNode, a *assign, p Param, x *blockContext) {
	switch {
	case a.expr != nil || !x.atTop():
		c.reports.note(n.place, "%s has no effect here: only a constant at the top level, outside of conditions, counts", p)
	case p == OMAPIKey:
		c.omapiKey, c.omapiKeyName = n.place, string(a.value)
	case len(a.value) == 2:
		c.omapiPort, c.cfg.OMAPI.Port = n.place, binary.BigEndian.Uint16(a.value)
	}
}

// finishOMAPI demands that the key for OMAPI exists, wherever it stands. One
// that nothing can be signed with closes the port, as nobody gets in with dhcpd.
func (c *compiler) finishOMAPI() {
	o := &c.cfg.OMAPI
	if c.omapiPort.src != nil && o.Port == 0 && c.reports.errors == 0 {
		c.reports.warn(c.omapiPort, "write omapi-port 7911;", "port 0 cannot be connected to: OMAPI is not served")
	}
	if c.omapiKey.src == nil {
		if o.Port != 0 {
			c.reports.note(c.omapiPort, "OMAPI is for this machine only (127.0.0.1) as long as there is no omapi-key")
		}
		return
	}
	i, ok := c.keys[strings.ToLower(c.omapiKeyName)]
	if !ok {
		c.reports.fail(c.omapiKey, "declare it: key "+c.omapiKeyName+" { algorithm hmac-sha256; secret BASE64; }", "there is no key %s for OMAPI", c.omapiKeyName)
		return
	}
	o.Key = c.cfg.Keys[i]
	switch {
	case !contains(keyAlgorithms, o.Key.Algorithm):
		c.reports.warn(c.omapiKey, "write one of "+strings.Join(keyAlgorithms, ", ")+" in the key", "nobody can sign with key %s: OMAPI is not served", o.Key.Name)
		o.Port = 0
	case o.Port == 0:
		c.reports.note(c.omapiKey, "omapi-key has no effect without omapi-port")
	}
}
