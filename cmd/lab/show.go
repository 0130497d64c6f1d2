package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"tandem/cmd/lab/clients"
	"tandem/cmd/lab/netlab"
	"tandem/cmd/lab/peers"
)

const picture = `
     box                      desk               phone
  dhcpfd 10.0.0.1            udhcpc             dhclient
       |                       |                   |
  -----+-----------------------+-------------------+-----  LAN 10.0.0.0/24

`

// The lease of the phone is short, so that one can watch dhclient renew it.
const showConf = `authoritative;
default-lease-time 600;
ping-check false;
class "phones" { match if option vendor-class-identifier = "phone"; default-lease-time 8; min-lease-time 8; }
subnet 10.0.0.0 netmask 255.255.255.0 {
  range 10.0.0.100 10.0.0.199;
  option routers 10.0.0.1;
  option domain-name-servers 10.0.0.1;
}
`

// stepPatience bounds each thing that should happen in the show.
const stepPatience = 30 * time.Second

// stage prints what happens, in order.
type stage struct {
	mu    sync.Mutex
	out   io.Writer
	start time.Time
}

func (s *stage) say(who, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := range strings.Lines(fmt.Sprintf(format, args...)) {
		fmt.Fprintf(s.out, "%6.2fs  %-9s %s\n", time.Since(s.start).Seconds(), who, strings.TrimRight(line, "\n"))
	}
}

// echo prints a program's own lines.
func (s *stage) echo(who string) func(string) {
	return func(line string) {
		if !strings.HasPrefix(line, "LAB ") {
			s.say(who, "%s", line)
		}
	}
}

// show lets udhcpc and dhclient get, renew and release a lease of dhcpfd.
func show(out io.Writer) error {
	s := &stage{out: out, start: time.Now()}
	dir, err := os.MkdirTemp("", "tandem-run-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	net, err := netlab.New(dir)
	if err != nil {
		return err
	}
	defer net.Close()
	fmt.Fprint(out, picture)
	lan, err := net.LAN("lan")
	if err != nil {
		return err
	}
	box, err := plugged(net, lan, "box", "10.0.0.1/24")
	if err != nil {
		return err
	}
	server, err := peers.Dhcpfd.StartConfEcho(box, dir, showConf, s.echo("box"), "eth0")
	if err != nil {
		return err
	}
	for _, one := range []struct {
		name string
		kind clients.Kind
		opt  clients.Options
	}{
		{"desk", clients.Udhcpc, clients.Options{Hostname: "desk"}},
		{"phone", clients.Dhclient, clients.Options{Hostname: "phone", ClassID: "phone"}},
	} {
		node, err := plugged(net, lan, one.name)
		if err != nil {
			return err
		}
		one.opt.Echo = s.echo(one.name)
		if err := s.visit(node, box, server, dir, one.kind, one.opt); err != nil {
			return fmt.Errorf("%s (%s): %w", one.name, one.kind, err)
		}
	}
	s.say("lab", "Both clients got, renewed and released their lease.")
	return nil
}

func plugged(net *netlab.Net, lan *netlab.LAN, name string, addrs ...string) (*netlab.Node, error) {
	node, err := net.Node(name)
	if err != nil {
		return nil, err
	}
	return node, node.Plug(lan, "eth0", addrs...)
}

// visit is the life of one client.
func (s *stage) visit(node, box *netlab.Node, server *netlab.Program, dir string, kind clients.Kind, opt clients.Options) error {
	s.say("lab", "--- %s starts %s", node.Name, kind)
	c, err := kind.Start(node, dir, "eth0", opt)
	if err != nil {
		return err
	}
	got, err := c.AwaitLease(0, stepPatience)
	if err != nil {
		return err
	}
	s.say("lab", "--- %s has %v for %d s; it asks again", node.Name, got.Addr, got.Seconds)
	mark, acks := c.Mark(), server.Mark()
	if kind == clients.Udhcpc { // dhclient asks by itself at half time
		if err := c.Renew(); err != nil {
			return err
		}
	}
	if _, err := c.AwaitLease(mark, stepPatience); err != nil {
		return err
	}
	if _, err := server.Await(acks, regexp.MustCompile(`DHCPACK on `+regexp.QuoteMeta(got.Addr.String())), stepPatience); err != nil {
		return err
	}
	for _, words := range [][]string{{"status"}, {"leases"}, {"why", got.Addr.String()}} {
		if err := s.ask(box, dir, words...); err != nil {
			return err
		}
	}
	s.say("lab", "--- %s gives %v back", node.Name, got.Addr)
	mark = server.Mark()
	if err := c.Release(stepPatience); err != nil {
		return err
	}
	_, err = server.Await(mark, regexp.MustCompile(`DHCPRELEASE of `+regexp.QuoteMeta(got.Addr.String())), stepPatience)
	return err
}

// ask shows what failctl says.
func (s *stage) ask(box *netlab.Node, dir string, words ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), stepPatience)
	defer cancel()
	s.say("box", "$ failctl %s", strings.Join(words, " "))
	out, err := box.Run(ctx, peers.Failctl(dir, words...)...)
	s.say("box", "%s", out)
	return err
}
