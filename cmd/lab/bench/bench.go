// Package bench measures DHCP servers side by side: in the same namespaces,
// in one run, with perfdhcp as the load.
package bench

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"tandem/cmd/lab/netlab"
	"tandem/cmd/lab/peers"
	"tandem/cmd/lab/perf"
)

// Options say how to measure.
type Options struct {
	Quick  bool   // shorter trials, coarser search
	Readme string // file to write the table into, between its markers
	Store  string // directory whose disk holds the servers' leases
	// Servers are measured in this order; the first is compared with the rest.
	Servers []peers.Kind
}

const (
	// clients is the number of different clients: each comes again and again
	// within a run, as at a site where all have a lease.
	clients = 4000
	// hold is the part of the exchanges that must be completed.
	hold = 0.995
	// arrival is the rate at which the clients get their first leases.
	arrival = 250
	// calm is a rate that every server of the field can hold.
	calm = 200
	// working is the part of its highest rate at which a server is measured.
	working = 0.8
	// searchTime bounds the search for the held rate of one server.
	searchTime = 60 * time.Second
	// A server that used no processor for settlePause is idle.
	settlePause = 100 * time.Millisecond
	settleTries = 50
	// idleLoad is the load average per core below which a machine counts as
	// idle; building the programs is a part of it.
	idleLoad = 1.0
	// exchangePatience bounds the end of a trial.
	exchangePatience = 30 * time.Second
)

// pool is what each server serves: room for the clients that return, and for
// some new ones at the end.
var pool = peers.Pool{
	Interface: "eth0",
	Server:    netip.MustParseAddr("10.0.0.1"),
	Subnet:    netip.MustParsePrefix("10.0.0.0/8"),
	First:     netip.MustParseAddr("10.1.0.0"),
	Last:      netip.MustParseAddr("10.1.31.255"),
	Seconds:   3600,
}

// Result is what was found about one server.
type Result struct {
	Kind peers.Kind
	// Held is the highest rate of complete exchanges per second; Limited is
	// set if perfdhcp could not do more.
	Held    int
	Limited bool
	// CPU is the server's time per exchange at the working rate, NewCPU that
	// for clients that it has never seen, at the calm rate.
	CPU, NewCPU time.Duration
	Resident    int64 // octets, at the end
	// Calm and Working are the latencies at those rates.
	Calm, Working Latency
}

// Run measures every server and prints the table.
func Run(out io.Writer, o Options) error {
	disk, err := pickDisk(o.Store)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "The leases are in %s (%s).\n", disk.dir, disk.kind)
	busy := foreignLoad(filepath.Join(netlab.Dir(), loadReport))
	if busy != "" {
		fmt.Fprintln(out, busy)
	}
	var results []Result
	for _, k := range o.Servers {
		fmt.Fprintf(out, "%s:\n", k)
		r, err := measure(out, k, disk.dir, o)
		if err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
		results = append(results, r)
	}
	text := table(results, disk.kind, busy) + goTable(filepath.Join(netlab.Dir(), goReport))
	fmt.Fprint(out, "\n", text)
	if o.Readme != "" {
		return intoReadme(o.Readme, text)
	}
	return nil
}

// rig is one server under load.
type rig struct {
	out       io.Writer
	node, box *netlab.Node
	server    *netlab.Program
	period    time.Duration
}

func measure(out io.Writer, k peers.Kind, disk string, o Options) (r Result, err error) {
	dir, err := os.MkdirTemp(disk, fmt.Sprintf("tandem-bench-%d-", os.Getpid()))
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	net, err := netlab.New(dir)
	if err != nil {
		return r, err
	}
	defer net.Close()
	g, err := setUp(net, k, dir)
	if err != nil {
		return r, err
	}
	g.out, g.period = out, 3*time.Second
	precision := 1.12
	if o.Quick {
		g.period, precision = 2*time.Second, 1.4
	}
	r.Kind = k
	g.server.Mute()
	if _, err := g.load(load{rate: arrival, period: clients / arrival * time.Second, note: ", first leases"}); err != nil {
		return r, err
	}
	limit := time.Now().Add(searchTime)
	if r.Held, r.Limited, err = search(g.trial, precision, func() bool { return time.Now().After(limit) }); err != nil {
		return r, err
	}
	if r.Held, err = confirm(g.trial, r.Held); err != nil {
		return r, err
	}
	return r, g.fill(&r, filepath.Join(dir, "capture"))
}

// fill measures at the calm and at the working rate.
func (g *rig) fill(r *Result, capture string) (err error) {
	rate := max(1, int(working*float64(r.Held)))
	if r.CPU, err = g.cpu(load{rate: rate}); err != nil {
		return err
	}
	if r.Calm, err = g.latency(capture, load{rate: calm}); err != nil {
		return err
	}
	if r.Working, err = g.latency(capture, load{rate: rate}); err != nil {
		return err
	}
	if r.NewCPU, err = g.cpu(load{rate: calm, fresh: true, note: ", new clients"}); err != nil {
		return err
	}
	r.Resident, err = g.server.Resident()
	return err
}

// cpu is the server's processor time per complete exchange.
func (g *rig) cpu(l load) (time.Duration, error) {
	before, err := g.server.CPU()
	if err != nil {
		return 0, err
	}
	report, err := g.load(l)
	if err != nil {
		return 0, err
	}
	after, err := g.server.CPU()
	if err != nil || report.Acks.Received == 0 {
		return 0, err
	}
	return (after - before) / time.Duration(report.Acks.Received), nil
}

func setUp(net *netlab.Net, k peers.Kind, dir string) (*rig, error) {
	g := &rig{}
	lan, err := net.LAN("lan")
	if err != nil {
		return nil, err
	}
	if g.box, err = net.Node("box"); err != nil {
		return nil, err
	}
	if g.node, err = net.Node("generator"); err != nil {
		return nil, err
	}
	if err := g.box.Plug(lan, "eth0", pool.Server.String()+"/8"); err != nil {
		return nil, err
	}
	if err := g.node.Plug(lan, "eth0", "10.0.0.2/8"); err != nil {
		return nil, err
	}
	files := filepath.Join(dir, "server")
	if err := os.Mkdir(files, 0o755); err != nil {
		return nil, err
	}
	g.server, err = k.Start(g.box, files, pool)
	return g, err
}

// load is what perfdhcp is to do.
type load struct {
	rate   int
	period time.Duration // 0 for that of the rig
	fresh  bool          // clients that never came before
	note   string        // for the reader of the report
}

func (g *rig) load(l load) (perf.Report, error) {
	p := perf.Load{Interface: "eth0", Server: pool.Server, Clients: clients, Rate: l.rate, Period: l.period, Seed: 1}
	if p.Period == 0 {
		p.Period = g.period
	}
	if l.fresh {
		p.Base = "00:0c:02:00:00:00"
	}
	report, err := p.Run(g.node, exchangePatience)
	if err != nil {
		return report, err
	}
	if !g.server.Alive() {
		return report, fmt.Errorf("the server has ended\n%s", g.server.Tail(30))
	}
	g.settle()
	fmt.Fprintf(g.out, "  %6d/s begun for %v: %d of %d exchanges complete (%.2f %%)%s\n",
		l.rate, p.Period, report.Acks.Received, report.Offers.Sent, 100*report.Complete(), l.note)
	return report, nil
}

// settle waits until the server has worked off what an overload left behind.
func (g *rig) settle() {
	before := time.Duration(-1)
	for range settleTries {
		now, err := g.server.CPU()
		if err != nil || now == before {
			return
		}
		before = now
		time.Sleep(settlePause)
	}
}

// trial is one step of the search.
func (g *rig) trial(rate int) (outcome, error) {
	report, err := g.load(load{rate: rate})
	return outcome{
		sent: int(float64(report.Offers.Sent) / g.period.Seconds()),
		done: int(float64(report.Acks.Received) / g.period.Seconds()),
		held: report.Complete() >= hold,
	}, err
}

// foreignLoad warns if the machine had other work before this run, by the copy
// of /proc/loadavg that Prepare made; empty if it was idle.
func foreignLoad(file string) string {
	b, err := os.ReadFile(file)
	var load float64
	if err == nil {
		_, err = fmt.Sscan(string(b), &load)
	}
	if err != nil || load < idleLoad*float64(runtime.NumCPU()) {
		return ""
	}
	return fmt.Sprintf("The machine had other work before this run (load average %.1f on %d cores): the figures are worse than they need be.", load, runtime.NumCPU())
}
