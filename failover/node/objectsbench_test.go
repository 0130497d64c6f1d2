package node

import (
	"fmt"
	"testing"

	"tandem/failover/conf"
	"tandem/failover/lease"
	"tandem/failover/omapi"
)

// One host more, beside as many as there may be.
func BenchmarkPutHost(b *testing.B) {
	cfg, _ := conf.Load("test.conf", func(string) ([]byte, error) { return []byte(plain), nil })
	n := New(Options{Config: cfg})
	for i := range maxObjects - 1 {
		hw := fmt.Sprintf("\x01\x02\x00\x00%c%c%c", byte(i>>14)&0x7f, byte(i>>7)&0x7f, byte(i)&0x7f)
		n.Restore(&lease.Object{Kind: "host", Name: fmt.Sprintf("h%d", i), Text: hostText(&omapi.Host{HW: hw, Fixed: []lease.IP{lease.IP(i)}}), Changed: 1})
	}
	n.Start(start)
	h := omapi.Host{Name: "one", HW: "\x01\x02\x00\x00\x00\x00\x01", Fixed: []lease.IP{lease.MustIP("10.0.20.1")}}
	for i := range b.N {
		h.Fixed[0] = lease.IP(i)
		if r := n.change(start, &omapi.PutHost{Host: h}); r.Code != omapi.OK {
			b.Fatal(r)
		}
		n.Flush(start)
	}
}
