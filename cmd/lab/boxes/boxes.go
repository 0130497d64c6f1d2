// Package boxes is the laboratory with whole boxes: the image of the tree,
// booted in QEMU as primary and secondary on a switch with time servers and
// real clients, with a direct cable between the two.
//
//	          time servers 10.77.0.11 .12 .13
//	                   |
//	box a 10.77.0.2 --LAN-- box b 10.77.0.3      clients: one namespace,
//	     \____direct cable____/                  a tap on the LAN
//	   169.254.77.1      169.254.77.2
//
// Its tests are the proofs of the box as a whole. The short set takes some
// minutes. For more:
//
//	go test ./cmd/lab/boxes -boxes.long -timeout 60m     every proof (or BOXES_LONG=1)
//	go test ./cmd/lab/boxes -run PowerPulled -boxes.pulls 50 -timeout 60m
//	go test ./cmd/lab/boxes -run PowerPulled -boxes.seed N    the same moments again
//	BOXES_CONSOLES=DIR go test ...                       keeps what the consoles said
package boxes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"tandem/board"
	"tandem/cmd/lab/netlab"
	"tandem/images"
	"tandem/images/apt"
	"tandem/images/initramfs"
	"tandem/images/layout"
	"tandem/qemu"
)

// Image is a built image and the means to start it without its boot loader.
type Image struct {
	Path   string
	Direct qemu.Direct
	// Workbench starts the same software as a debug image, whose console
	// makes the box hang on request.
	Workbench qemu.Direct
	Built     images.Built
	Arch      string
}

// describe is where the description of the image of a board lies in a
// directory, for a process that did not build it.
func describe(dir, boardName string) string { return filepath.Join(dir, boardName+".json") }

// ImageIn is the image that Build left in dir; one that is not there has no
// Path.
func ImageIn(dir, boardName string) Image {
	var im Image
	if raw, err := os.ReadFile(describe(dir, boardName)); err == nil {
		_ = json.Unmarshal(raw, &im) // Build wrote it
	}
	return im
}

// Build makes the image of a board from the tree that the process runs in
// (root is its top directory) into dir.
func Build(ctx context.Context, root, boardName, dir string, log func(string, ...any)) (Image, error) {
	b, ok := board.ByName(boardName)
	if !ok {
		return Image{}, fmt.Errorf("no board %q", boardName)
	}
	// The lab's true time is the host's: an image from the future would not
	// believe it.
	o := images.Options{Board: b, Version: "lab", Time: time.Now().Add(-time.Hour).Truncate(time.Hour), Binaries: map[string]string{}, Log: log}
	for name, path := range map[string]string{"init": layout.Init, "dhcpfd": layout.DHCPd, "failctl": layout.FailCtl} {
		o.Binaries[path] = filepath.Join(dir, b.Arch+"-"+name)
		if err := images.Compile(ctx, b.Arch, "tandem/cmd/"+name, o.Binaries[path]); err != nil {
			return Image{}, err
		}
	}
	var err error
	if o.Lock, err = apt.ReadLock(filepath.Join(root, "images/kernel.lock")); err != nil {
		return Image{}, err
	}
	if o.Sources, err = apt.Host(o.Lock.Suite); err != nil {
		return Image{}, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return Image{}, err
	}
	o.Cache = filepath.Join(cache, "tandem")
	im := Image{Path: filepath.Join(dir, boardName+".img"), Arch: b.Arch}
	if im.Built, err = images.Build(ctx, o, im.Path); err != nil {
		return Image{}, err
	}
	k, err := images.Direct(ctx, o)
	if err != nil {
		return Image{}, err
	}
	im.Direct = qemu.Direct{Kernel: k.Kernel, RAMDisk: im.Path + ".initrd", CommandLine: k.CommandLine}
	im.Workbench = im.Direct
	im.Workbench.RAMDisk = im.Path + ".workbench"
	if err := os.WriteFile(im.Direct.RAMDisk, k.RAMDisk, 0o600); err != nil {
		return Image{}, err
	}
	marked, err := workbench(k.RAMDisk)
	if err != nil {
		return Image{}, err
	}
	if err := os.WriteFile(im.Workbench.RAMDisk, marked, 0o600); err != nil {
		return Image{}, err
	}
	raw, err := json.Marshal(im)
	if err != nil {
		return Image{}, err
	}
	return im, os.WriteFile(describe(dir, boardName), raw, 0o600)
}

// workbench makes a RAM disk one of a debug image: the kernel unpacks an
// archive that follows another over it.
func workbench(ramDisk []byte) ([]byte, error) {
	marker, err := initramfs.Pack([]initramfs.File{{Path: layout.DebugMarker, Mode: 0o644, Data: []byte("For the laboratory.\n")}})
	if err != nil {
		return nil, err
	}
	out := append([]byte(nil), ramDisk...)
	for len(out)%4 != 0 {
		out = append(out, 0)
	}
	return append(out, marker...), nil
}

// Options are how a pair of boxes is set up. Zero fields mean the defaults.
type Options struct {
	Image Image
	// Start is how the boxes find their software; default by BIOS from disk.
	Start qemu.Start
	// Workbench starts them as debug images, without the boot loader.
	Workbench bool
	// Clocks are what the clock chips show at first; default 2020 and 2031.
	Clocks [2]time.Time
	// Memory of each box in MiB; default 256.
	Memory int
	// MCLT of the pair in seconds; default 30.
	MCLT int
	// DHCP is the pair's dhcpd.conf; default Conf.
	DHCP string
	// Box completes or replaces lines of each box configuration.
	Box func(i int, text string) string
	// Blank leaves the boxes as they come from the image: they are set up on
	// their consoles (Stage.SetUp).
	Blank bool
	// BlankSecond leaves the second box so.
	BlankSecond bool
	// Only sets up the first box alone, as a single one; Alone does so too, as
	// one of a pair whose other half is something else.
	Only, Alone bool
	// Consoles is a directory that keeps what the consoles said; "" for none.
	Consoles string
	// Disk is the size of the boxes' disks; default 512 MiB.
	Disk int64
}

// Conf is the pair's dhcpd.conf unless told otherwise.
const Conf = `authoritative;
ping-check off;
default-lease-time 60;
max-lease-time 120;
min-lease-time 20;
option domain-name "lab.example";
subnet 10.77.0.0 netmask 255.255.255.0 {
  option routers 10.77.0.254;
  pool {
    failover peer "tandem";
    range 10.77.0.100 10.77.0.199;
  }
}
`

// Names and addresses of the lab.
var (
	Names  = [2]string{"box-a", "box-b"}
	Addrs  = [2]string{"10.77.0.2", "10.77.0.3"}
	direct = [2]string{"169.254.77.1", "169.254.77.2"}
	roles  = [2]string{"primary", "secondary"}
)

// wrongClocks are far in the past and far in the future.
var wrongClocks = [2]time.Time{
	time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
	time.Date(2031, 6, 1, 0, 0, 0, 0, time.UTC),
}

// Pair is two boxes and what is around them.
type Pair struct {
	Lab    *qemu.Lab
	LAN    *qemu.Switch
	Cable  *qemu.Switch
	Clocks [3]*qemu.Clock
	Boxes  []*qemu.Box
	number int64
}

// pairCount keeps the names of the namespaces of several pairs apart.
var pairCount atomic.Int64

// Ports of a box, as Box.Cable and Box.SetCarrier count them.
const (
	PortLAN = iota
	PortDirect
)

// New sets a pair up; the boxes have no power yet.
func New(opt Options) (*Pair, error) {
	lab, err := qemu.NewLab()
	if err != nil {
		return nil, err
	}
	p := &Pair{Lab: lab, number: pairCount.Add(1)}
	if err := p.build(opt); err != nil {
		lab.Close()
		return nil, err
	}
	return p, nil
}

// Close ends everything.
func (p *Pair) Close() { p.Lab.Close() }

func (p *Pair) build(opt Options) error {
	var err error
	if p.LAN, err = p.Lab.Switch("lan"); err != nil {
		return err
	}
	if p.Cable, err = p.Lab.Switch("cable"); err != nil {
		return err
	}
	for i := range p.Clocks {
		p.Clocks[i] = &qemu.Clock{}
		addr := netip.AddrFrom4([4]byte{10, 77, 0, byte(11 + i)})
		h, err := qemu.NewHost(p.LAN, fmt.Sprint("clock", i+1), mac(0x10+byte(i)), addr)
		if err != nil {
			return err
		}
		h.Serve(qemu.NTPPort, p.Clocks[i].Answer)
	}
	count := 2
	if opt.Only || opt.Alone {
		count = 1
	}
	for i := range count {
		b, err := p.box(i, opt)
		if err != nil {
			return err
		}
		p.Boxes = append(p.Boxes, b)
	}
	return nil
}

// Machine puts a machine with an interface eth0 on the LAN, in which real
// programs can run. last is the end of its hardware address.
func (p *Pair) Machine(net *netlab.Net, name string, last byte) (*netlab.Node, error) {
	ns := fmt.Sprintf("boxes%d-%s", p.number, name)
	if _, err := p.Lab.Station(p.LAN, ns, mac(last)); err != nil {
		return nil, err
	}
	return net.Adopt(name, ns), nil
}

func mac(last byte) qemu.MAC { return qemu.MAC{0x52, 0x54, 0, 0x77, 0, last} }

// box prepares one box: its disk is a copy of the image, with its own
// configuration in the provisioning place unless it is to stay blank.
func (p *Pair) box(i int, opt Options) (*qemu.Box, error) {
	disk := filepath.Join(p.Lab.Dir, Names[i]+".disk")
	size := opt.Disk
	if size == 0 {
		size = 512 << 20
	}
	if err := qemu.CopySparse(opt.Image.Path, disk, size); err != nil {
		return nil, err
	}
	if !opt.Blank && !(opt.BlankSecond && i == 1) {
		if err := provision(i, opt, disk); err != nil {
			return nil, err
		}
	}
	m := qemu.Machine{
		Name: Names[i], Arch: opt.Image.Arch, Memory: opt.Memory, Start: opt.Start, Direct: opt.Image.Direct,
		Disk: disk, Clock: opt.Clocks[i],
		Ports: []qemu.Cable{{To: p.LAN, MAC: mac(byte(2 + 2*i))}, {To: p.Cable, MAC: mac(byte(3 + 2*i))}},
	}
	if m.Start == "" {
		m.Start = qemu.StartBIOS
	}
	if opt.Workbench {
		m.Start, m.Direct = qemu.StartDirect, opt.Image.Workbench
	}
	if m.Clock.IsZero() {
		m.Clock = wrongClocks[i]
	}
	if opt.Consoles != "" {
		m.Console = filepath.Join(opt.Consoles, Names[i]+".console")
	}
	return p.Lab.Box(m)
}

// provision puts a box's configuration onto its disk, as a person does with
// another computer.
func provision(i int, opt Options, disk string) error {
	text := boxConf(i, opt)
	if opt.Box != nil {
		text = opt.Box(i, text)
	}
	conf := opt.DHCP
	if conf == "" {
		conf = Conf
		if opt.Only {
			conf = strings.Replace(conf, "    failover peer \"tandem\";\n", "", 1)
		}
	}
	files := map[string][]byte{layout.BoxConfig: []byte(text), layout.DHCPConfig: []byte(conf)}
	return images.Provision(context.Background(), disk, files)
}

func boxConf(i int, opt Options) string {
	mclt := opt.MCLT
	if mclt == 0 {
		mclt = 30
	}
	if opt.Only {
		return fmt.Sprintf("name %s\nrole single\nlan lan1 %s/24\nntp 10.77.0.11 10.77.0.12 10.77.0.13\n", Names[i], Addrs[i])
	}
	text := fmt.Sprintf("name %s\nrole %s\nlan lan1 %s/24\ndirect lan2 %s/30\nntp 10.77.0.11 10.77.0.12 10.77.0.13\npartner %s direct %s\n",
		Names[i], roles[i], Addrs[i], direct[i], Addrs[1-i], direct[1-i])
	if i == 0 {
		return text + fmt.Sprintf("peer tandem clear mclt %d split 128\n", mclt)
	}
	return text + "peer tandem clear\n"
}

// PowerOn switches every box on.
func (p *Pair) PowerOn(ctx context.Context) error {
	var errs []error
	for _, b := range p.Boxes {
		errs = append(errs, b.PowerOn(ctx))
	}
	return errors.Join(errs...)
}
