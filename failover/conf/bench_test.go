package conf

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"tandem/failover/lease"
)

// campus is a configuration of a usual shape: a global scope, networks with
// pools, classes and hosts.
func campus(hosts int) string {
	var out strings.Builder
	out.WriteString(`authoritative; default-lease-time 3600; max-lease-time 7200; option domain-name "campus.example";
option domain-name-servers 10.0.0.53, 10.0.1.53; option ntp-servers 10.0.0.1; option domain-search "campus.example", "example";
class "pxe" { match if substring (option vendor-class-identifier, 0, 9) = "PXEClient"; next-server 10.0.0.69;
  if option pxe-system-type = 00:07 { filename "x64.efi"; } else { filename "bios.0"; } }
class "phones" { match if option vendor-class-identifier ~~ "^phone"; option tftp-server-name "10.0.0.66"; }
`)
	for n := range 200 {
		fmt.Fprintf(&out, "subnet 10.%d.0.0 netmask 255.255.0.0 { option routers 10.%[1]d.0.1; option broadcast-address 10.%[1]d.255.255; pool { range 10.%[1]d.1.0 10.%[1]d.9.255; deny members of \"phones\"; } pool { range 10.%[1]d.10.0 10.%[1]d.19.255; allow members of \"phones\"; } }\n", n)
	}
	for h := range hosts {
		fmt.Fprintf(&out, "host h%d { hardware ethernet 02:00:%02x:%02x:%02x:01; fixed-address 10.%d.%d.%d; option host-name \"h%[1]d\"; }\n", h, h>>16&255, h>>8&255, h&255, h%200, 100+h/200%100, h/20000)
	}
	return out.String()
}

func benchConfig(b *testing.B, hosts int) *Config {
	c, list := Load("t", readerOf("t", campus(hosts), ""))
	if c == nil {
		b.Fatal(list)
	}
	return c
}

func BenchmarkEvaluateStatic(b *testing.B) {
	c := benchConfig(b, 0)
	p := c.Pools[50]
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := c.Evaluate(nil, p.Ranges[0].Subnet.Scope, p.Scope).DHCP(3); !ok {
			b.Fatal("no routers")
		}
	}
}

func BenchmarkEvaluateWithClass(b *testing.B) {
	c := benchConfig(b, 0)
	r := newRequest(c)
	p := c.Pools[50]
	b.ReportAllocs()
	for b.Loop() {
		scopes := []*Scope{p.Ranges[0].Subnet.Scope, p.Scope}
		for _, k := range c.ClassesOf(r) {
			scopes = append(scopes, k.Scope)
		}
		if c.Evaluate(r, scopes...).Text(Filename) != "x64.efi" {
			b.Fatal("another file")
		}
	}
}

func BenchmarkClassesOf(b *testing.B) {
	c := benchConfig(b, 0)
	r := newRequest(c)
	b.ReportAllocs()
	for b.Loop() {
		if len(c.ClassesOf(r)) != 1 {
			b.Fatal("not in one class")
		}
	}
}

func BenchmarkLookups(b *testing.B) {
	c := benchConfig(b, 10000)
	a := lease.MustIP("10.150.15.7")
	for b.Loop() {
		if c.SubnetOf(a) == nil || c.PoolOf(a) == nil || len(c.HostsByHW("\x01\x02\x00\x00\x11\x11\x01")) != 1 {
			b.Fatal("not found")
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for _, hosts := range []int{0, 10000} {
		src := campus(hosts)
		b.Run(fmt.Sprintf("hosts=%d", hosts), func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				if c, list := Load("t", readerOf("t", src, "")); c == nil {
					b.Fatal(list)
				}
			}
		})
	}
	raw, err := os.ReadFile("testdata/samples/01-small-office.conf")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("small", func(b *testing.B) {
		for b.Loop() {
			Load("t", readerOf("t", string(raw), ""))
		}
	})
}
