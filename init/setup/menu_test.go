package setup

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tandem/init/box"
)

func TestStatusScreen(t *testing.T) {
	m := runningBox()
	r := sit(t, m)
	r.golden("status")
	r.keys(enter)
	r.golden("menu")
	r.esc()
	m.status.Sentence = "This box serves alone; the partner has been silent for 12 minutes."
	m.status.Posture, m.status.Rule, m.status.Why, m.status.Until = "FULL", "R3", "restarted without contact; grant authority goes on for G after the last proven contact", noon.Add(48*time.Minute)
	m.status.State, m.status.Partner = "COMMUNICATIONS-INTERRUPTED", "NORMAL"
	m.status.Links[1].Carrier, m.status.Links[1].Heard = false, 12*time.Minute
	m.status.Links[0].Heard = -1
	m.status.Config = ConfigState{Version: 13, State: "waiting for confirmation", Until: noon.Add(4 * time.Minute), Drift: "this box has version 13, the partner 12"}
	m.status.Pairing = Pairing{Open: true, Code: "K7QM-3F2P", Until: noon.Add(10 * time.Minute)}
	m.status.Alarms = []Alarm{{"critical", "link direct", "no carrier on lan3: check the cable", noon.Add(-12 * time.Minute)}, {"major", "pool 10.0.0.0/24", "5 % are free", noon.Add(-30 * time.Hour)}}
	m.status.Clock = Clock{State: "waiting", Why: "no time server answers (10.0.0.10, 10.0.0.11, 10.0.0.12)"}
	r.wait(time.Second)
	r.golden("status-bad")
}

// TestStatusIsCheap: a second that changes nothing but the time costs a 115200
// baud line next to nothing.
func TestStatusIsCheap(t *testing.T) {
	r := sit(t, runningBox())
	r.log.Reset()
	r.wait(10 * time.Second)
	if n := r.log.Len(); n > 300 {
		t.Errorf("ten seconds take %d octets", n)
	}
}

// TestMenu goes every way of the menu to its action.
func TestMenu(t *testing.T) {
	stick := Source{"s", "USB stick A"}
	files := []File{{MainFile, "one\n"}, {"hosts.conf", "two\n"}}
	for name, c := range map[string]struct {
		keys []string
		want string
		sees string
	}{
		"why":          {[]string{"w", enter}, "Why{About:}", "answer to Why"},
		"why client":   {[]string{"w", "10.0.0.17", enter}, "Why{About:10.0.0.17}", "answer to Why"},
		"leases":       {[]string{"l", "00:16", enter}, "Leases{Search:00:16}", "answer to Leases"},
		"command":      {[]string{"t", "counters", enter}, "Typed{Line:failctl counters}", "answer to Typed"},
		"alarms":       {[]string{"a"}, "", "There is no alarm."},
		"down":         {[]string{"d", "2", "down", enter}, "Evidence{} PartnerDown{}", "answer to PartnerDown"},
		"down not":     {[]string{"d", enter}, "Evidence{}", "FULL by rule R2"},
		"down typed":   {[]string{"d", "2", "yes", enter}, "Evidence{}", "\"yes\" is not DOWN"},
		"removed":      {[]string{"x", "2", "REMOVED", enter}, "Evidence{} Removed{}", "answer to Removed"},
		"maintenance":  {[]string{"m", enter}, "Maintenance{On:true}", "answer to Maintenance"},
		"maintenance2": {[]string{"m", "2"}, "", "FULL by rule R2"},
		"clock":        {[]string{"c"}, "ClockReport{}", "answer to ClockReport"},
		"logs":         {[]string{"g"}, "Logs{Lines:500}", "answer to Logs"},
		"show":         {[]string{"f", "s"}, "ConfigShow{Version:0}", "---- hosts.conf ----"},
		"edit":         {[]string{"f", "e", "2", "new ", finish, "p", "why", enter}, "ConfigShow{Version:0} ConfigPut{Files:[{Name:dhcpd.conf Text:one\n} {Name:hosts.conf Text:new two\n}] Comment:why Alone:false}", "answer to ConfigPut"},
		"check":        {[]string{"f", "e", "c"}, "ConfigShow{Version:0} ConfigCheck{Files:[{Name:dhcpd.conf Text:one\n} {Name:hosts.conf Text:two\n}]}", "answer to ConfigCheck"},
		"draft":        {[]string{"f", "e", "b", "d"}, "ConfigShow{Version:0}", "Draft of the configuration"},
		"no draft":     {[]string{"f", "e", "x", "d"}, "ConfigShow{Version:0}", "Not now: there is no draft"},
		"paste":        {[]string{"f", "p", finish, "text", enter, finish, "p", enter}, "ConfigPut{Files:[{Name:dhcpd.conf Text:text\n}] Comment: Alone:false}", "answer to ConfigPut"},
		"history":      {[]string{"f", "h", "2", "1"}, "ConfigHistory{} ConfigShow{Version:11}", "version 11"},
		"compare":      {[]string{"f", "h", "2", "2"}, "ConfigHistory{} ConfigDiff{From:11 To:12}", "answer to ConfigDiff"},
		"before":       {[]string{"f", "h", "2", "3"}, "ConfigHistory{} ConfigDiff{From:10 To:11}", "answer to ConfigDiff"},
		"rollback":     {[]string{"f", "h", "2", "4", "back", enter}, "ConfigHistory{} ConfigRollback{To:11}", "answer to ConfigRollback"},
		"in force":     {[]string{"f", "h", "1", "4"}, "ConfigHistory{}", "Not now: it is in force"},
		"diff":         {[]string{"f", "v", clear, "3", enter, enter}, "ConfigDiff{From:3 To:12}", "answer to ConfigDiff"},
		"diff wrong":   {[]string{"f", "v", "x", enter}, "", "\"11x\" is no version"},
		"confirm":      {[]string{"f", "c"}, "", "Not now: nothing waits"},
		"take":         {[]string{"f", "t"}, "", "Not now: the boxes agree"},
		"export":       {[]string{"f", "x"}, "", "Not now: the partner is no ISC dhcpd"},
		"pair":         {[]string{"r", "1"}, "PairOpen{Replace:false}", "answer to PairOpen"},
		"replace":      {[]string{"r", "2"}, "PairOpen{Replace:true}", "answer to PairOpen"},
		"pair close":   {[]string{"r", "3"}, "", "Not now: no code is shown"},
		"backup":       {[]string{"b", "1", "1"}, "BackupPlaces{} Backup{To:{ID:s Label:USB stick A}}", "answer to Backup"},
		"restore":      {[]string{"b", "2", "1", "RESTORE", enter}, "BackupList{} Restore{From:{ID:s Label:USB stick A}}", "answer to Restore"},
		"slot":         {[]string{"s", "o", "slot", enter}, "SwitchSlot{}", "answer to SwitchSlot"},
		"reboot":       {[]string{"s", "r", "reboot", enter}, "Reboot{}", "answer to Reboot"},
		"shutdown":     {[]string{"s", "s", "shutdown", enter}, "Shutdown{}", "answer to Shutdown"},
		"reset":        {[]string{"s", "f", "forget", enter}, "FactoryReset{}", "answer to FactoryReset"},
		"reset typed":  {[]string{"s", "f", "f", enter}, "", "\"f\" is not FORGET"},
	} {
		t.Run(name, func(t *testing.T) {
			m := runningBox()
			for _, a := range []string{"Why", "Evidence", "Leases", "PartnerDown", "Removed", "Maintenance", "ClockReport", "Logs", "ConfigPut", "ConfigCheck",
				"ConfigDiff", "ConfigRollback", "PairOpen", "Backup", "Restore", "SwitchSlot", "Reboot", "Shutdown", "FactoryReset", "Typed"} {
				m.answers[a] = Answer{Text: "answer to " + a}
			}
			m.answers["BackupPlaces"], m.answers["BackupList"] = Answer{Sources: []Source{stick}}, Answer{Sources: []Source{stick}}
			m.answers["ConfigShow"] = Answer{Files: files}
			m.answers["ConfigHistory"] = Answer{Versions: []Version{{12, noon, "console", "new range", "in force"}, {11, noon, "failctl", "", ""}}}
			r := sit(t, m)
			r.keys(c.keys...)
			r.sees(c.sees)
			if got := m.did(); got != c.want {
				t.Errorf("did %s\nwant %s", got, c.want)
			}
			for range 8 {
				r.esc()
			}
			r.sees("FULL by rule R2")
			// The same through the menu, and refused: the reason is shown.
			m.errs = map[string]error{}
			for a := range m.answers {
				m.errs[a] = errors.New("the reason of the box")
			}
			m.actions = nil
			r.keys(enter)
			said := false
			for _, k := range c.keys {
				r.keys(k)
				said = said || strings.Contains(r.screen(), "he reason of the box")
			}
			if !said && len(m.actions) > 0 {
				t.Errorf("the box refused %s, and nothing is said:\n%s", m.did(), r.screen())
			}
		})
	}
}

func TestMenuFollowsTheState(t *testing.T) {
	m := runningBox()
	m.status.Config = ConfigState{Version: 13, State: "waiting for confirmation", Until: noon.Add(time.Minute), Drift: "the partner has version 12"}
	m.status.Maintenance = true
	m.facts.Box.Peer.ISC = true
	m.status.Pairing = Pairing{Open: true, Code: "K7QM-3F2P", Until: noon.Add(time.Minute)}
	r := sit(t, m)
	r.keys("f", "c")
	r.esc()
	r.keys("t", "3", "theirs", enter)
	r.esc()
	r.keys("x")
	r.esc()
	r.esc()
	r.keys("m", enter)
	r.esc()
	r.keys("r")
	r.sees("The code is K7QM-3F2P")
	r.keys("3")
	if got := m.did(); got != "ConfigConfirm{} ConfigTake{Whose:theirs} ConfigExport{} Maintenance{On:false} PairClose{}" {
		t.Errorf("did %s\n%s", got, r.screen())
	}
}

func TestSingleHasNoPartner(t *testing.T) {
	m := runningBox()
	m.status.Role = box.Single
	r := sit(t, m)
	r.keys("d")
	r.sees("Not now: this box is single")
	if len(m.actions) != 0 {
		t.Error(m.did())
	}
}

func TestPartnerDownIsRefused(t *testing.T) {
	m := runningBox()
	m.answers["Evidence"] = Answer{Text: "heard on the LAN 1 s ago"}
	m.errs["Evidence"] = errors.New("the partner is heard (on the failover connection, state NORMAL): it is not down")
	r := sit(t, m)
	r.keys("d")
	r.golden("partner-heard")
	r.keys("2")
	r.sees("Not now: it would be refused")
	r.keys(enter)
	if m.did() != "Evidence{}" {
		t.Error(m.did())
	}
}

func TestPutAlone(t *testing.T) {
	m := runningBox()
	m.answers["ConfigShow"] = Answer{Files: []File{{MainFile, "a\n"}}}
	m.errs["ConfigPut"] = errors.New("the partner is away: say --alone")
	r := sit(t, m)
	r.keys("f", "e", finish, "p", "for the night", enter)
	r.sees("It is not in force: the partner is away")
	m.errs = nil
	r.keys("2", enter)
	if got := m.did(); !strings.HasSuffix(got, "Comment: Alone:true}") {
		t.Error(got)
	}
	r.esc()
	r.sees("Configuration of the pair")
	r.lacks("There is a draft")
}

func TestPutAndConfirm(t *testing.T) {
	m := runningBox()
	m.answers["ConfigShow"] = Answer{Files: []File{{MainFile, "a\n"}}}
	m.answers["ConfigPut"] = Answer{Text: "version 13 is in force on both boxes"}
	r := sit(t, m)
	r.keys("f", "e", finish, "p", enter)
	m.status.Config = ConfigState{Version: 13, State: "waiting for confirmation", Until: noon.Add(5 * time.Minute)}
	r.wait(time.Second)
	r.golden("put")
	r.keys("2")
	if got := m.did(); !strings.HasSuffix(got, " ConfigConfirm{}") {
		t.Error(got)
	}
}

func TestNetwork(t *testing.T) {
	m := runningBox()
	r := sit(t, m)
	r.keys("n")
	r.keys(down, down, clear, "10.0.0.200/24", tabKey, "7", enter, clear, "10.0.1.1", enter, enter, enter, enter)
	r.sees("The gateway 10.0.1.1 is not in the LAN's network")
	r.keys(clear, "10.0.0.254", enter, enter, enter, clear, "lan9", enter)
	r.sees("This box has no port \"lan9\"")
	r.keys(clear, "lan3", enter)
	r.golden("network")
	if len(m.actions) != 0 {
		t.Fatal(m.did())
	}
	r.keys("1")
	r.sees("Good. This box's clock is 3 s slow")
	r.keys("1", "2")
	set, ok := m.actions[0].(SetBox)
	if !ok || set.Box.LAN.Prefix.String() != "10.0.0.200/24" || set.Box.LAN.VLAN != 7 || set.Box.Gateway.String() != "10.0.0.254" {
		t.Fatalf("%s", m.did())
	}
	m.actions = nil
	r.esc()
	r.keys("n", up, enter)
	r.sees("Nothing was changed.")
}

func TestLogsAndText(t *testing.T) {
	m := runningBox()
	var lines []string
	for i := range 100 {
		lines = append(lines, "line "+strings.Repeat("x", i%90)+" end")
	}
	m.answers["Logs"] = Answer{Text: strings.Join(lines, "\n")}
	r := sit(t, m)
	r.keys("g")
	r.sees("of 1", "end")
	r.keys("\x1b[H")
	r.sees("lines 1 to 20")
	r.keys(pageDown, down, up, " ", pageUp)
	r.sees("lines 21 to 40")
	r.keys("\x1b[F", enter)
	r.lacks("lines")
}

func TestNotices(t *testing.T) {
	m := runningBox()
	r := sit(t, m)
	r.step(Notice("dhcpfd: DHCPACK on 10.0.0.17\x1b[2J " + strings.Repeat("x", 100)))
	r.sees("DHCPACK on 10.0.0.17?[2J")
	l := lineSit(t, m)
	l.keys("wh")
	l.step(Notice("dhcpfd: hello"))
	l.keys("y\r")
	l.sees("dhcpfd: hello", "> why")
	if got := m.did(); got != "Why{About:}" {
		t.Error(got)
	}
}
