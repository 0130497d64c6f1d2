package setup

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// configMenu is about the configuration that both boxes share.
func configMenu() page {
	return &listPage{
		head: "Configuration of the pair",
		intro: func(u *UI) []string {
			text := configText(u.status)
			if text == "" {
				text = "nothing is known of it yet"
			}
			lines := []string{text}
			if u.drafted {
				lines = append(lines, "There is a draft that is not in force: "+describeFiles(u.draft))
			}
			return append(lines, "")
		},
		items: configItems,
	}
}

func configItems(u *UI) []item {
	waits, drift, isc, draft := "nothing waits", "the boxes agree", "the partner is no ISC dhcpd", "there is no draft"
	if u.status.Config.waits() {
		waits = ""
	}
	if u.status.Config.Drift != "" {
		drift = ""
	}
	if u.facts.Box.Peer.ISC {
		isc = ""
	}
	if u.drafted {
		draft = ""
	}
	return []item{
		{key: 'c', text: "Confirm the change that waits", off: waits, pick: func(u *UI) {
			u.do("Confirming", ConfigConfirm{}, u.showAnswer("Confirm"))
		}},
		{key: 's', text: "Show what is in force", pick: func(u *UI) { u.showVersion(0) }},
		{key: 'e', text: "Edit it", pick: func(u *UI) { u.editConfig() }},
		{key: 'p', text: "Paste a new one", pick: func(u *UI) { u.pasteConfig() }},
		{key: 'd', text: "Go on with the draft", off: draft, pick: func(u *UI) { u.openDraft() }},
		{key: 'h', text: "History: who, when, what; compare; go back", pick: func(u *UI) { u.showHistory() }},
		{key: 'v', text: "Compare two versions", pick: func(u *UI) { u.askDiff() }},
		{key: 't', text: "The boxes differ: choose which one is right", off: drift, pick: func(u *UI) { u.askTake() }},
		{key: 'x', text: "Show the file to copy to the ISC dhcpd", off: isc, pick: func(u *UI) {
			u.do("Printing", ConfigExport{}, u.showAnswer("dhcpd.conf for the partner"))
		}},
		{key: 'b', text: "Back", pick: func(u *UI) { u.back() }},
	}
}

// filesText joins files for the eye.
func filesText(files []File) string {
	var b strings.Builder
	for _, f := range files {
		if len(files) > 1 {
			fmt.Fprintf(&b, "---- %s ----\n", f.Name)
		}
		b.WriteString(strings.TrimRight(f.Text, "\n") + "\n")
	}
	return b.String()
}

func (u *UI) showVersion(n int) {
	head := "Configuration in force"
	if n > 0 {
		head = fmt.Sprintf("Configuration, version %d", n)
	}
	u.do("Reading", ConfigShow{n}, func(a Answer, err error) {
		if err != nil {
			u.fail(err)
			return
		}
		u.showText(head, filesText(a.Files))
	})
}

// editConfig begins a draft from what is in force, or goes on with one.
func (u *UI) editConfig() {
	if u.drafted {
		u.openDraft()
		return
	}
	u.do("Reading", ConfigShow{}, func(a Answer, err error) {
		if err != nil {
			u.fail(err)
			return
		}
		u.draft, u.drafted = slices.Clone(a.Files), true
		if len(u.draft) == 0 {
			u.draft = []File{{Name: MainFile}}
		}
		u.openDraft()
		if len(u.draft) == 1 {
			u.editDraft(0)
		}
	})
}

func (u *UI) pasteConfig() {
	text := ""
	u.open(&editPage{head: "Paste a dhcpd.conf", text: &text, done: func(u *UI) {
		if strings.TrimSpace(text) == "" {
			u.say("There is nothing yet: paste the file, or go back with Esc.")
			return
		}
		files, _, blocks := liftPeer([]File{{MainFile, text}})
		u.draft, u.drafted = files, true
		u.back()
		u.openDraft()
		if blocks > 0 {
			u.say("The failover peer block became a comment: each box makes its own.")
		}
	}})
}

func (u *UI) editDraft(i int) {
	u.open(&editPage{head: "Edit " + u.draft[i].Name, text: &u.draft[i].Text, done: func(u *UI) { u.back() }})
}

// openDraft is what can be done with a draft.
func (u *UI) openDraft() {
	u.open(&listPage{
		head: "Draft of the configuration",
		intro: func(u *UI) []string {
			return []string{"The draft: " + describeFiles(u.draft), "Nothing is in force before you say so.", ""}
		},
		items: func(u *UI) []item {
			items := []item{
				{key: 'p', text: "Put it in force on both boxes", pick: func(u *UI) { u.askPut(false) }},
				{key: 'c', text: "Check it on both boxes", pick: func(u *UI) {
					u.do("Checking on both boxes", ConfigCheck{slices.Clone(u.draft)}, u.showAnswer("Check"))
				}},
			}
			for i, f := range u.draft {
				items = append(items, item{text: "Edit " + f.Name, pick: func(u *UI) { u.editDraft(i) }})
			}
			return append(items,
				item{key: 'x', text: "Throw the draft away", pick: func(u *UI) {
					u.back()
					u.draft, u.drafted = nil, false
				}},
				item{key: 'b', text: "Back; the draft is kept until the console is left", pick: func(u *UI) { u.back() }})
		},
	})
}

func (u *UI) askPut(alone bool) {
	comment := ""
	intro := []string{"Both boxes check it first, then both take it or none. If one does not stay healthy, both go back by themselves. After that you confirm it in this menu; without that both go back as well."}
	if alone {
		intro = []string{"The partner is away. It gets this version when it returns, before it serves."}
	}
	u.open(&formPage{
		head: "Put in force", intro: intro,
		fields: []*field{{label: "Comment", value: &comment, optional: true, hint: "For the history: what and why."}},
		done: func(u *UI) {
			u.back()
			u.do("Putting it in force", ConfigPut{slices.Clone(u.draft), comment, alone}, func(a Answer, err error) {
				if err == nil {
					u.draft, u.drafted = nil, false
					u.back()
					u.put(a)
					return
				}
				u.refused(a, err, alone)
			})
		},
	})
}

// put is what comes after a change: somebody has to confirm it, once it is
// seen to work.
func (u *UI) put(a Answer) {
	lines := strings.Split(strings.TrimRight(a.Text, "\n"), "\n")
	u.open(&listPage{
		head: "In force",
		intro: func(u *UI) []string {
			if u.status.Config.waits() {
				return append(lines, "", fmt.Sprintf("Without a confirmation until %s both boxes go back to what was before. Look whether clients are served, then confirm.",
					clockTime(u.status.Config.Until, u.status.Time)), "")
			}
			return append(lines, "")
		},
		items: func(*UI) []item {
			return []item{
				{text: "Later: menu, f, then c", pick: func(u *UI) { u.back() }},
				{text: "Confirm it: clients are served", pick: func(u *UI) {
					u.back()
					u.do("Confirming", ConfigConfirm{}, u.showAnswer("Confirm"))
				}},
			}
		},
	})
}

// refused says why a change was refused, and offers to do it alone.
func (u *UI) refused(a Answer, err error, alone bool) {
	lines := []string{"It is not in force: " + err.Error()}
	if a.Text != "" {
		lines = append(lines, "", a.Text)
	}
	off := ""
	if alone {
		off = "that was tried"
	}
	u.open(&listPage{
		head: "Not in force", intro: fixedText(append(lines, "")...),
		items: func(*UI) []item {
			return []item{
				{text: "Back to the draft", pick: func(u *UI) { u.back() }},
				{text: "Put it in force on this box alone; the partner gets it later", off: off, pick: func(u *UI) {
					u.back()
					u.askPut(true)
				}},
			}
		},
	})
}

func (u *UI) showHistory() {
	u.do("Reading the history", ConfigHistory{}, func(a Answer, err error) {
		if err != nil {
			u.fail(err)
			return
		}
		text := "The newest is first. Choose one to show it, compare it or go back to it."
		if len(a.Versions) == 0 {
			text = "There is no version yet."
		}
		u.open(&listPage{
			head: "History of the configuration", intro: fixedText(text, ""),
			items: func(u *UI) []item {
				var items []item
				for _, v := range a.Versions {
					items = append(items, item{text: v.describe(), pick: func(u *UI) { u.openVersion(v) }})
				}
				return append(items, item{key: 'b', text: "Back", pick: func(u *UI) { u.back() }})
			},
		})
	})
}

func (v Version) describe() string {
	text := fmt.Sprintf("version %d, %s, by %s", v.Number, v.When.UTC().Format("2006-01-02 15:04"), orUnknown(v.Who))
	if v.Outcome != "" {
		text += ", " + v.Outcome
	}
	if v.Comment != "" {
		text += ": " + v.Comment
	}
	return text
}

func (u *UI) openVersion(v Version) {
	force := u.status.Config.Version
	off := ""
	if v.Number == force {
		off = "it is in force"
	}
	u.open(&listPage{
		head: fmt.Sprintf("Version %d", v.Number), intro: fixedText(v.describe(), ""),
		items: func(*UI) []item {
			return []item{
				{text: "Show it", pick: func(u *UI) { u.showVersion(v.Number) }},
				{text: fmt.Sprintf("Compare it with version %d in force", force), off: off, pick: func(u *UI) { u.diff(v.Number, force) }},
				{text: fmt.Sprintf("Compare it with version %d before it", v.Number-1), pick: func(u *UI) { u.diff(v.Number-1, v.Number) }},
				{text: "Go back to it on both boxes", off: off, pick: func(u *UI) {
					u.confirm("Go back", "BACK", []string{fmt.Sprintf("Version %d is put in force again on both boxes, as a new version.", v.Number)}, func(u *UI) {
						u.do("Going back", ConfigRollback{v.Number}, u.showAnswer("Go back"))
					})
				}},
				{key: 'b', text: "Back", pick: func(u *UI) { u.back() }},
			}
		},
	})
}

func (u *UI) diff(from, to int) {
	u.do("Comparing", ConfigDiff{from, to}, u.showAnswer(fmt.Sprintf("From version %d to %d", from, to)))
}

func (u *UI) askDiff() {
	from, to := strconv.Itoa(max(0, u.status.Config.Version-1)), strconv.Itoa(u.status.Config.Version)
	number := numeral("version", 0, 1<<30)
	u.open(&formPage{
		head: "Compare two versions",
		fields: []*field{
			{label: "From version", value: &from, check: number, hint: "The history lists the versions."},
			{label: "To version", value: &to, check: number, hint: "The history lists the versions."},
		},
		done: func(u *UI) {
			a, _ := strconv.Atoi(from)
			b, _ := strconv.Atoi(to)
			u.diff(a, b)
		},
	})
}

func (u *UI) askTake() {
	u.open(&listPage{
		head: "The boxes differ",
		intro: func(u *UI) []string {
			return []string{u.status.Config.Drift, "", "Both were changed while they could not hear each other, or a file was changed by hand. One has to win on both; the other stays in the history.", ""}
		},
		items: func(*UI) []item {
			take := func(word, whose, text string) item {
				return item{text: text, pick: func(u *UI) {
					u.confirm("Which one is right", word, []string{text + "."}, func(u *UI) {
						u.back()
						u.do("Taking it", ConfigTake{whose}, u.showAnswer("Taken"))
					})
				}}
			}
			return []item{
				{text: "Back", pick: func(u *UI) { u.back() }},
				take("MINE", "mine", "Take this box's configuration on both"),
				take("THEIRS", "theirs", "Take the partner's configuration on both"),
			}
		},
	})
}
