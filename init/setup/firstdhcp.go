package setup

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"tandem/init/box"
)

func (u *UI) askDHCP() {
	f := &u.first
	at := 0
	if len(f.files) > 0 && !f.made {
		at = 1
	}
	u.open(&listPage{
		head: "Set up: what shall be served?", at: at,
		intro: func(*UI) []string {
			lines := []string{"The configuration of the DHCP service is a dhcpd.conf in ISC's language. A small one can be made of address ranges now; all can be changed later in the menu."}
			if len(f.files) > 0 {
				lines = append(lines, "", "Given so far: "+describeFiles(f.files))
			}
			return append(lines, "")
		},
		items: func(*UI) []item {
			items := []item{
				{text: "Address ranges in " + f.config().LAN.Prefix.Masked().String(), pick: func(u *UI) { u.askRanges() }},
				{text: "Import a dhcpd.conf: USB stick, FAT partition, partner", pick: func(u *UI) { u.askSource() }},
				{text: "Paste or type a dhcpd.conf", pick: func(u *UI) { u.askPaste() }},
				{text: "Nothing yet: the box starts and serves nobody", pick: func(u *UI) {
					f.files, f.made, f.leases = nil, false, nil
					u.askPassword()
				}},
			}
			if len(f.files) > 0 {
				items = append(items, item{key: 'k', text: "Keep what was given", pick: func(u *UI) { u.checkFiles() }})
			}
			return items
		},
	})
}

// describeFiles sums files up.
func describeFiles(files []File) string {
	var parts []string
	for _, f := range files {
		n := strings.Count(f.Text, "\n")
		if f.Text != "" && !strings.HasSuffix(f.Text, "\n") {
			n++
		}
		parts = append(parts, fmt.Sprintf("%s (%s)", f.Name, count(n, "line")))
	}
	return strings.Join(parts, ", ")
}

func (u *UI) askRanges() {
	f := &u.first
	lan, _ := hostPrefix(f.addr)
	f.suggest("ranges", &f.ranges, f.proposal(lan))
	f.suggest("router", &f.router, f.gateway)
	f.suggest("client dns", &f.clientDNS, f.dns)
	f.suggest("lease", &f.lease, "8h")
	f.suggest("longest", &f.longest, "24h")
	u.open(&formPage{
		head:  "Set up: address ranges",
		intro: []string{fmt.Sprintf("The network is %s, %s to %s.", lan.Masked(), lan.Masked().Addr().Next(), last(lan).Prev())},
		fields: []*field{
			{label: "Ranges for clients", value: &f.ranges, check: f.rangesFit, hint: "First and last address, several with commas: 10.0.0.100-10.0.0.199, 10.0.0.210-219"},
			{label: "Router for clients", value: &f.router, optional: true, check: f.routerFits, hint: "The gateway that clients are told. Empty: none."},
			{label: "DNS for clients", value: &f.clientDNS, optional: true, check: valid(addresses), hint: "Addresses of name servers with spaces between. Empty: none."},
			{label: "Domain name", value: &f.domain, optional: true, check: domain, hint: "For example office.example.org. Empty: none."},
			{label: "Lease time", value: &f.lease, check: valid(duration), hint: "How long a client may keep an address: 30m, 8h, 1d or seconds."},
			{label: "Longest lease time", value: &f.longest, check: valid(duration), hint: "The most that a client gets if it asks for more."},
		},
		check: func() (int, error) {
			lease, _ := duration(f.lease)
			longest, _ := duration(f.longest)
			if longest < lease {
				return 5, fmt.Errorf("the longest lease time %s is shorter than the usual one %s: make it at least as long", f.longest, f.lease)
			}
			return 0, f.rangesFit(f.ranges)
		},
		done: func(u *UI) {
			f.files, f.made, f.imported, f.leases = []File{{MainFile, f.dhcpdConf()}}, true, "", nil
			u.checkFiles()
		},
	})
}

// proposal is a range for clients: the upper half of the network, at most 100
// addresses, without what is taken.
func (f *firstBox) proposal(lan netip.Prefix) string {
	size := 1 << (32 - lan.Bits())
	if size < 16 {
		return ""
	}
	low := lan.Masked().Addr()
	first := min(100, size/2)
	for range first {
		low = low.Next()
	}
	high := low
	for range min(99, size-first-2-1) {
		high = high.Next()
	}
	text := low.String() + "-" + high.String()
	if f.rangesFit(text) != nil {
		return ""
	}
	return text
}

// rangesFit checks the ranges against the network and what is in use there.
func (f *firstBox) rangesFit(s string) error {
	all, err := ranges(s)
	if err != nil {
		return err
	}
	lan, err := hostPrefix(f.addr)
	if err != nil {
		return nil
	}
	taken := map[string]netip.Addr{"this box": lan.Addr()}
	for who, value := range map[string]string{"the partner": f.partner, "the gateway": f.gateway} {
		if a, err := address(value); err == nil {
			taken[who] = a
		}
	}
	if f.role == box.Single {
		delete(taken, "the partner")
	}
	return within(all, lan, taken, []string{"this box", "the partner", "the gateway"})
}

func (f *firstBox) routerFits(s string) error {
	a, err := address(s)
	if err != nil {
		return err
	}
	if lan, err := hostPrefix(f.addr); err == nil && !lan.Contains(a) {
		return fmt.Errorf("%s is not in %s: clients could not reach it", a, lan.Masked())
	}
	return nil
}

// dhcpdConf makes the file of the answers, which are good.
func (f *firstBox) dhcpdConf() string {
	c := f.config()
	r := ranged{lan: c.LAN.Prefix, domain: f.domain}
	r.ranges, _ = ranges(f.ranges)
	if f.router != "" {
		r.router, _ = address(f.router)
	}
	r.dns, _ = addresses(f.clientDNS)
	r.lease, _ = duration(f.lease)
	r.longest, _ = duration(f.longest)
	if c.Role != box.Single {
		r.peer = c.PeerName()
	}
	return dhcpdConf(r)
}

func (u *UI) askSource() {
	run(u, "Looking for a dhcpd.conf", false, func(ctx context.Context, m Machine, _ func(string)) ([]Source, error) {
		return m.Sources(ctx)
	}, func(all []Source, err error) {
		if err != nil {
			u.fail(err)
			return
		}
		lines := []string{"Files named dhcpd.conf on a USB stick (FAT) and in the folder tandem of the partition tandem-boot are found; files that they include, and the dhcpd.leases of the server that this box replaces, must be beside them.", ""}
		if len(all) == 0 {
			lines = append(lines, "None was found.", "")
		}
		u.open(&listPage{
			head:  "Set up: import a dhcpd.conf",
			intro: fixedText(lines...),
			items: func(*UI) []item {
				var items []item
				for _, s := range all {
					items = append(items, item{text: s.Label, pick: func(u *UI) { u.readSource(s) }})
				}
				return append(items, item{key: 'l', text: "Look again", pick: func(u *UI) {
					u.back()
					u.askSource()
				}})
			},
		})
	})
}

func (u *UI) readSource(s Source) {
	c := u.first.config()
	type found struct {
		files  []File
		leases *LeaseFile
	}
	run(u, "Reading "+s.Label, false, func(ctx context.Context, m Machine, _ func(string)) (f found, err error) {
		if f.files, err = m.Read(ctx, s); err == nil && len(f.files) > 0 {
			f.leases, err = m.Leases(ctx, c, s)
		}
		return f, err
	}, func(got found, err error) {
		switch {
		case err != nil:
			u.fail(err)
		case len(got.files) == 0:
			u.say("There is no dhcpd.conf on it any more.")
		case got.leases == nil:
			u.importFiles(got.files)
			f := &u.first
			f.imported = strings.TrimSpace(f.imported + " No dhcpd.leases lies beside the dhcpd.conf: this box will know of no lease that another server gave.")
		default:
			u.offerLeases(got.files, got.leases)
		}
	})
}

func (u *UI) askPaste() {
	f := &u.first
	u.open(&editPage{
		head: "Set up: paste or type a dhcpd.conf", text: &f.pasted,
		done: func(u *UI) {
			if strings.TrimSpace(f.pasted) == "" {
				u.say("There is nothing yet: paste the file, or go back with Esc.")
				return
			}
			u.importFiles([]File{{MainFile, f.pasted}})
		},
	})
}

// importFiles takes a foreign configuration: the failover peer block is each
// box's own, its name is kept.
func (u *UI) importFiles(files []File) {
	f := &u.first
	files, name, blocks := liftPeer(files)
	f.files, f.made, f.imported, f.leases = files, false, "", nil
	if f.role != box.Single && name != "" && !f.isc {
		if plain := strings.Join(strings.FieldsFunc(name, oddInPeer), "-"); plain != name {
			if plain == "" {
				plain = box.DefaultPeerName
			}
			f.files, name = renamePeer(files, name, plain), plain
		}
		f.peer = name
	}
	switch {
	case blocks > 0 && f.role != box.Single:
		f.imported = fmt.Sprintf("The failover peer block in the file became a comment: each box makes its own, for the peer %q.", name)
	case blocks > 0:
		f.imported = "The failover peer block in the file became a comment: this box has no partner."
	}
	u.checkFiles()
}

// oddInPeer tells what can not stand in the name of a peer in box.conf.
func oddInPeer(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"\\#", r) }

// checkFiles has the engine read the configuration.
func (u *UI) checkFiles() {
	f := &u.first
	c, files := f.config(), slices.Clone(f.files)
	run(u, "Checking the dhcpd.conf", false, func(ctx context.Context, m Machine, _ func(string)) ([]string, error) {
		return m.CheckDHCP(ctx, c, files)
	}, func(problems []string, err error) {
		switch {
		case err != nil:
			u.say("The dhcpd.conf could not be checked: " + err.Error())
		case len(problems) > 0:
			u.showProblems(problems)
		default:
			u.askPassword()
		}
	})
}

func (u *UI) showProblems(problems []string) {
	f := &u.first
	lines := []string{fmt.Sprintf("The dhcpd.conf has %s:", count(len(problems), "problem"))}
	if f.imported != "" {
		lines = append([]string{f.imported, ""}, lines...)
	}
	lines = append(append(lines, problems...), "")
	u.open(&listPage{
		head:  "Set up: the dhcpd.conf has problems",
		intro: fixedText(lines...),
		items: func(*UI) []item {
			items := []item{{text: "Back", pick: func(u *UI) { u.back() }}}
			for i, file := range f.files {
				items = append(items, item{text: "Edit " + file.Name, pick: func(u *UI) {
					u.open(&editPage{head: "Set up: edit " + file.Name, text: &f.files[i].Text, done: func(u *UI) {
						f.made = false
						u.leave(len(u.stack) - 2) // the editor and the problems
						u.checkFiles()
					}})
				}})
			}
			return items
		},
	})
}

// passwordForm asks for a password twice; empty means none.
func passwordForm(head string, password, again *string, done func(*UI)) *formPage {
	fields := []*field{
		{label: "Password", value: password, optional: true, hidden: true, check: goodPassword,
			hint: "At least 8 characters; a few words are good. Empty: no password."},
		{label: "Once more", value: again, optional: true, hidden: true, hint: "The same again."},
	}
	return &formPage{
		head: head, fields: fields,
		intro: []string{"A password for the console is optional: whoever can touch the box can also take its disk. It is asked for after ten minutes without a key.",
			"", recovery},
		check: func() (int, error) {
			if *password != *again {
				*again = ""
				return 1, fmt.Errorf("the two passwords differ: type it once more, or go up and begin anew")
			}
			return 0, nil
		},
		done: done,
	}
}

func (u *UI) askPassword() {
	f := &u.first
	u.open(passwordForm("Set up: console password", &f.password, &f.again, func(u *UI) { u.summarise() }))
}

// summarise shows everything before it is written.
func (u *UI) summarise() {
	f := &u.first
	c := f.config()
	if err := good(c); err != nil {
		u.say("The answers do not fit together: " + err.Error())
		return
	}
	lines := boxLines(c)
	if len(f.files) == 0 {
		lines = append(lines, "  serves      nobody yet: there is no dhcpd.conf")
	} else if f.made {
		all, _ := ranges(f.ranges)
		n := 0
		for _, r := range all {
			n += r.size()
		}
		lines = append(lines, fmt.Sprintf("  serves      %s: %s", addressCount(n), f.ranges))
	} else {
		lines = append(lines, "  serves      "+describeFiles(f.files))
	}
	if f.leases != nil {
		lines = append(lines, "  leases      "+f.leases.describe())
	}
	lines = append(lines, "  password    "+map[bool]string{true: "none", false: "set"}[f.password == ""])
	for _, note := range []string{f.imported, withoutPool(c, f.files), u.noCarrier(f.lan)} {
		if note != "" {
			lines = append(lines, note)
		}
	}
	u.open(&listPage{
		head:  "Set up: summary",
		intro: fixedText(append(lines, "", "Nothing has been written yet.")...),
		items: func(*UI) []item {
			items := []item{
				{text: "Write it and start", pick: func(u *UI) {
					u.commit(Result{Box: c, Files: slices.Clone(f.files), Leases: f.leases != nil}, f.password)
				}},
				{text: "Go back and change something", pick: func(u *UI) { u.back() }},
			}
			for _, file := range f.files {
				items = append(items, item{text: "Show " + file.Name, pick: func(u *UI) { u.showText(file.Name, file.Text) }})
			}
			return items
		},
	})
}

// noCarrier is the warning about a port that is not plugged in.
func (u *UI) noCarrier(name string) string {
	if u.carrier(name) {
		return ""
	}
	return "The LAN port " + name + " has no carrier now: is the cable plugged in?"
}

// boxLines is a box.conf for the eye.
func boxLines(c box.Config) []string {
	var lines []string
	for _, l := range strings.Split(strings.TrimRight(c.String(), "\n"), "\n") {
		lines = append(lines, "  "+l)
	}
	return lines
}

// commit writes the answers. It is the only place that does.
func (u *UI) commit(r Result, password string) {
	run(u, "Writing", true, func(ctx context.Context, m Machine, tell func(string)) (struct{}, error) {
		if password != "" {
			hash, err := Hash(password)
			if err != nil {
				return struct{}{}, err
			}
			r.PasswordHash = hash
		}
		return struct{}{}, m.Commit(ctx, r)
	}, func(_ struct{}, err error) {
		if err != nil {
			u.say("Nothing was kept: " + err.Error())
			return
		}
		u.committed = true
		u.first, u.second = firstBox{}, secondBox{}
		u.leave(0)
		u.open(&statusPage{})
		u.say("Written. The box goes on starting.")
	})
}
