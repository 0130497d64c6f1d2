package setup

import (
	"context"
	"fmt"
	"strings"

	"tandem/init/box"
)

// menu is what can be done with the running box.
func menu() page {
	return &listPage{
		head:  "Menu",
		intro: func(u *UI) []string { return []string{sentence(u.status), ""} },
		items: menuItems,
	}
}

func menuItems(u *UI) []item {
	pair := ""
	if u.status.Role == box.Single {
		pair = "this box is single"
	}
	hand := item{key: 'm', text: "Maintenance: hand everything over to the partner", pick: func(u *UI) { u.askMaintenance(true) }, off: pair}
	if u.status.Maintenance {
		hand.text, hand.pick = "Maintenance is on: take service up again", func(u *UI) { u.askMaintenance(false) }
	}
	return []item{
		{key: 'w', text: "Why: the rule at work, or what happened to one client", pick: func(u *UI) { u.askWhy() }},
		{key: 'l', text: "Leases: search", pick: func(u *UI) { u.askLeases() }},
		{key: 'a', text: fmt.Sprintf("Alarms (%d)", len(u.status.Alarms)), pick: func(u *UI) { u.showAlarms() }},
		{key: 'd', text: "Partner is down: take over its addresses", pick: func(u *UI) { u.askPartnerDown(false) }, off: pair},
		{key: 'x', text: "Partner is removed and never comes back", pick: func(u *UI) { u.askPartnerDown(true) }, off: pair},
		hand,
		{key: 'f', text: "Configuration: show, edit, history, go back", pick: func(u *UI) { u.open(configMenu()) }},
		{key: 'n', text: "Network: this box's name, addresses, time servers", pick: func(u *UI) { u.askNetwork() }},
		{key: 'c', text: "Clock", pick: func(u *UI) { u.do("Asking the clock", ClockReport{}, u.showAnswer("Clock")) }},
		{key: 'g', text: "Logs", pick: func(u *UI) { u.do("Reading the log", Logs{500}, u.showLog) }},
		{key: 'r', text: "Pair with a second box, or replace a broken one", pick: func(u *UI) { u.open(pairMenu()) }, off: pair},
		{key: 'b', text: "Backup and restore", pick: func(u *UI) { u.open(backupMenu()) }},
		{key: 't', text: "Type a command: failctl ...", pick: func(u *UI) { u.askCommand() }},
		{key: 's', text: "System: password, software slot, reboot, shutdown, factory reset", pick: func(u *UI) { u.open(systemMenu()) }},
	}
}

// showLog shows the log from its end.
func (u *UI) showLog(a Answer, err error) {
	u.showAnswer("Logs, the latest at the end")(a, err)
	if p, ok := u.top().(*textPage); ok && u.size != nil {
		p.top = len(p.lines)
	}
}

func (u *UI) showAlarms() {
	var lines []string
	for _, a := range u.status.Alarms {
		lines = append(lines, alarmText(a, u.status.Time), "")
	}
	if len(lines) == 0 {
		lines = []string{"There is no alarm."}
	}
	u.showText("Alarms", strings.Join(lines, "\n"))
}

func (u *UI) askWhy() {
	about := ""
	u.open(&formPage{
		head:  "Why",
		intro: []string{"Why the box does what it does now, or what became of one address or client."},
		fields: []*field{{label: "Address or client", value: &about, optional: true,
			hint: "An IP address, a MAC address or a client identifier. Empty: the posture of the box and its rule."}},
		done: func(u *UI) { u.do("Asking", Why{about}, u.showAnswer("Why "+about)) },
	})
}

func (u *UI) askCommand() {
	command := "failctl "
	u.open(&formPage{
		head:   "Command",
		intro:  []string{"What failctl can do and this menu can not."},
		fields: []*field{{label: "Command", value: &command, hint: "For example: failctl counters; failctl --help lists all."}},
		done:   func(u *UI) { u.do("Asking", Typed{command}, u.showAnswer(command)) },
	})
}

func (u *UI) askLeases() {
	search := ""
	u.open(&formPage{
		head:  "Leases",
		intro: []string{"Leases that fit a word."},
		fields: []*field{{label: "Search", value: &search, optional: true,
			hint: "Part of an address, a MAC address or a name, or a state as active. Empty: all."}},
		done: func(u *UI) { u.do("Searching", Leases{search}, u.showAnswer("Leases "+search)) },
	})
}

// confirm asks for a word before something that can not be undone.
func (u *UI) confirm(head, word string, intro []string, yes func(*UI)) {
	typed := ""
	u.open(&formPage{
		head: head, intro: intro,
		fields: []*field{{label: "Type " + word, value: &typed, hint: "Type the word " + word + " and Enter, or go back.", check: func(s string) error {
			if !strings.EqualFold(s, word) {
				return fmt.Errorf("%q is not %s: type that word to do it, or go back", s, word)
			}
			return nil
		}}},
		done: func(u *UI) {
			u.back()
			yes(u)
		},
	})
}

// askPartnerDown shows the evidence before anything can be declared.
func (u *UI) askPartnerDown(removed bool) {
	head, word, a := "Partner down", "DOWN", Action(PartnerDown{})
	ask := "You assert that the partner is switched off and stays off until you say otherwise. If that is wrong, one address may get two clients."
	if removed {
		head, word, a = "Partner removed", "REMOVED", Removed{}
		ask = "You assert that the partner is gone for good and never serves again. If that is wrong, one address may get two clients."
	}
	u.do("Collecting evidence", Evidence{}, func(e Answer, err error) {
		lines := strings.Split(strings.TrimRight(e.Text, "\n"), "\n")
		off := ""
		if err != nil {
			lines = append(lines, "", "It would be refused: "+err.Error())
			off = "it would be refused"
		}
		if removed { // the engine itself judges this one
			off = ""
		}
		u.open(&listPage{
			head: head + ": the evidence", intro: fixedText(append(lines, "", ask, "")...),
			items: func(*UI) []item {
				return []item{
					{text: "Back", pick: func(u *UI) { u.back() }},
					{text: "Declare it: " + strings.ToLower(head), off: off, pick: func(u *UI) {
						u.confirm(head, word, []string{ask}, func(u *UI) {
							u.back()
							u.do(head, a, u.showAnswer(head))
						})
					}},
				}
			},
		})
	})
}

func (u *UI) askMaintenance(on bool) {
	text := []string{"The partner gets everything, takes over every address at once, and this box serves nobody until it takes service up again. Nothing is lost."}
	yes := "Hand over"
	if !on {
		text = []string{"This box and its partner tell each other everything and share the service again."}
		yes = "Take service up again"
	}
	u.open(&listPage{
		head: "Maintenance", intro: fixedText(append(text, "")...),
		items: func(*UI) []item {
			return []item{
				{text: yes, pick: func(u *UI) {
					u.back()
					u.do(yes, Maintenance{on}, u.showAnswer("Maintenance"))
				}},
				{text: "Back", pick: func(u *UI) { u.back() }},
			}
		},
	})
}

func pairMenu() page {
	return &listPage{
		head: "Pair or replace",
		intro: func(u *UI) []string {
			p := u.status.Pairing
			switch {
			case p.Open:
				return []string{fmt.Sprintf("The code is %s, good until %s.", p.Code, clockTime(p.Until, u.status.Time)),
					"Start the other box, choose its role on its console, and type the code there.", ""}
			case p.Paired:
				return []string{"This box is paired: each box knows the key of the other.", ""}
			}
			return []string{"This box has no partner yet.", ""}
		},
		items: func(u *UI) []item {
			pairing := func(a Action) func(*UI) {
				return func(u *UI) {
					u.do("Pairing", a, func(ans Answer, err error) {
						switch {
						case err != nil:
							u.fail(err)
						case ans.Text != "":
							u.say(ans.Text)
						}
					})
				}
			}
			open := ""
			if !u.status.Pairing.Open {
				open = "no code is shown"
			}
			return []item{
				{text: "Show a code for a second box", pick: pairing(PairOpen{})},
				{text: "Show a code for a box that takes the broken partner's place", pick: pairing(PairOpen{Replace: true})},
				{text: "End the code", pick: pairing(PairClose{}), off: open},
				{key: 'b', text: "Back", pick: func(u *UI) { u.back() }},
			}
		},
	}
}

func backupMenu() page {
	return &listPage{
		head:  "Backup and restore",
		intro: fixedText("A backup holds this box's configuration, keys and leases, signed. Keep it where nobody else reads it.", ""),
		items: func(*UI) []item {
			return []item{
				{text: "Write a backup to a USB stick", pick: func(u *UI) { u.askBackup() }},
				{text: "Restore a backup", pick: func(u *UI) { u.askRestore() }},
				{key: 'b', text: "Back", pick: func(u *UI) { u.back() }},
			}
		},
	}
}

func (u *UI) askBackup() {
	u.do("Looking for USB sticks", BackupPlaces{}, func(a Answer, err error) {
		if err != nil {
			u.fail(err)
			return
		}
		text := "Which one?"
		if len(a.Sources) == 0 {
			text = "No stick was found: plug one in that has a FAT file system."
		}
		u.open(&listPage{
			head: "Write a backup", intro: fixedText(text, ""),
			items: func(*UI) []item {
				var items []item
				for _, s := range a.Sources {
					items = append(items, item{text: s.Label, pick: func(u *UI) {
						u.back()
						u.do("Writing the backup", Backup{s}, u.showAnswer("Backup"))
					}})
				}
				return append(items, item{key: 'b', text: "Back", pick: func(u *UI) { u.back() }})
			},
		})
	})
}

func (u *UI) confirmRestore(s Source) {
	u.confirm("Restore", "RESTORE", []string{s.Label, "Everything on this box is replaced by the backup. The box restarts, and before it serves it asks its partner for everything that is newer."},
		func(u *UI) { u.do("Restoring", Restore{s}, u.showAnswer("Restore")) })
}

func systemMenu() page {
	return &listPage{
		head: "System",
		intro: func(u *UI) []string {
			return []string{fmt.Sprintf("Tandem %s on %s, slot %s. Up for %s, started by %s.", u.facts.Version, u.facts.Board,
				orUnknown(u.status.Slot), human(u.status.Uptime), orUnknown(u.status.Started)), ""}
		},
		items: func(u *UI) []item {
			slot := ""
			if u.status.OtherSlot == "" {
				slot = "it is empty"
			}
			act := func(head, word, text string, a Action) func(*UI) {
				return func(u *UI) {
					u.confirm(head, word, []string{text}, func(u *UI) { u.do(head, a, u.showAnswer(head)) })
				}
			}
			lock := item{key: 'l', text: "Lock this console", pick: func(u *UI) {
				u.home()
				u.lockUp()
			}}
			if u.facts.PasswordHash == "" {
				lock.off = "there is no password"
			}
			return []item{
				{key: 'p', text: "Password of the console", pick: func(u *UI) { u.askNewPassword() }},
				lock,
				{key: 'o', text: "Start the software in the other slot: " + orUnknown(u.status.OtherSlot), off: slot,
					pick: act("Other slot", "SLOT", "The box restarts with the software "+u.status.OtherSlot+". If that does not serve, it comes back to this one by itself.", SwitchSlot{})},
				{key: 'r', text: "Reboot", pick: act("Reboot", "REBOOT", "The box restarts. Its partner serves meanwhile.", Reboot{})},
				{key: 's', text: "Shut down", pick: act("Shut down", "SHUTDOWN", "The box switches off. For a long time off, hand over first: maintenance.", Shutdown{})},
				{key: 'f', text: "Factory reset", pick: act("Factory reset", "FORGET", "The box forgets its configuration, keys, leases and logs for good, and starts as new. Its partner has to be told that it was removed, or be paired again.", FactoryReset{})},
				{key: 'b', text: "Back", pick: func(u *UI) { u.back() }},
			}
		},
	}
}

func (u *UI) askNewPassword() {
	var password, again string
	u.open(passwordForm("Password of the console", &password, &again, func(u *UI) {
		run(u, "Setting the password", false, func(ctx context.Context, m Machine, _ func(string)) (Answer, error) {
			hash := ""
			if password != "" {
				var err error
				if hash, err = Hash(password); err != nil {
					return Answer{}, err
				}
			}
			return m.Do(ctx, SetPassword{hash})
		}, func(a Answer, err error) {
			if err != nil {
				u.fail(err)
				return
			}
			u.back()
			u.say(map[bool]string{true: "The console has no password now.", false: "The password is set."}[password == ""])
		})
	}))
}
