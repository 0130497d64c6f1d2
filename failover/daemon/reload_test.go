package daemon

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/failover/daemon/control"
)

// The word reload answers when the configuration is in force, or with every
// error and the old one in force.
func TestReloadByControl(t *testing.T) {
	n := newNetwork(t)
	next := strings.Replace(testConf, "default-lease-time 600", "default-lease-time 1200", 1)
	var bad error
	p := startServer(t, t.TempDir(), func(o *Options) {
		o.Reload = func() (*confType, error) {
			if bad != nil {
				return nil, bad
			}
			return config(t, next), nil
		}
	})
	defer p.end(t)
	c, err := control.Dial(p.opt.Control)
	check(t, err)
	defer c.Close()
	said := ""
	check(t, c.Ask([]string{"reload"}, func(body json.RawMessage) error { return json.Unmarshal(body, &said) }))
	n.broadcast(n.discover(t))
	_, offer := n.await()
	wantType(t, offer, dhcpv4.MessageTypeOffer)
	if got := offer.IPAddressLeaseTime(0); got != 1200*time.Second || said == "" {
		t.Errorf("after the answer %q an offer lasts %v", said, got)
	}
	bad = errors.New("dhcpd.conf:1:2: one\ndhcpd.conf:3:4: two\nx has errors")
	var refusal control.ErrRefused
	if err := c.Ask([]string{"reload"}, nil); !errors.As(err, &refusal) || string(refusal) != bad.Error() {
		t.Errorf("a bad configuration: %v", err)
	}
	check(t, c.Ask([]string{"status"}, func(json.RawMessage) error { return nil }))
}
