package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/failover/daemon/control"
	"tandem/init/pair"
)

// pairService answers with its words in the sentence.
type pairService struct{}

func (pairService) Ask(words []string, _ <-chan struct{}) <-chan control.Piece {
	ch := make(chan control.Piece, 1)
	defer close(ch)
	if words[0] == "close" {
		ch <- control.Piece{Error: "it is jammed: oil it"}
		return ch
	}
	body, _ := json.Marshal(pair.Status{Sentence: "asked: " + strings.Join(words, " "), Open: words[0] == "open", Code: "K7QM-3F2P"})
	ch <- control.Piece{Body: body}
	return ch
}

func TestPairCommands(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control")
	server, err := control.Listen(path, pairService{}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"pair", "status"}, exitOK, "asked: status"},
		{[]string{"pair", "open"}, exitOK, "    K7QM-3F2P\n"},
		{[]string{"pair", "open", "replacement"}, exitOK, "asked: open replacement"},
		{[]string{"--json", "pair", "status"}, exitOK, `"sentence":"asked: status"`},
		{[]string{"pair", "close"}, exitFailed, "it is jammed: oil it"},
		{[]string{"pair", "open", "sesame"}, exitUsage, "pair open takes partner"},
		{[]string{"pair", "close", "it"}, exitUsage, "takes no arguments"},
		{[]string{"pair", "status", "now"}, exitUsage, "takes no arguments"},
		{[]string{"--control", path + "x", "pair", "status"}, exitFailed, "the pair service does not answer"},
	} {
		var out, errs strings.Builder
		args := append([]string{"--control", path}, c.args...)
		code := run(args, &output{Writer: &out, errors: &errs})
		if code != c.code || !strings.Contains(out.String()+errs.String(), c.want) {
			t.Errorf("%v: code %d, said %q %q", c.args, code, out.String(), errs.String())
		}
	}
}

func TestPairText(t *testing.T) {
	now := time.Unix(1e9, 0)
	boot := int64(time.Hour)
	s := &pair.Status{
		Sentence: "In touch with dhcp-b over the direct cable; both have version 12 of the configuration.",
		Paired:   true,
		Heard:    map[string]int64{"lan": boot - int64(time.Second), "direct": boot - int64(2*time.Minute)},
		Proven:   map[string]int64{"lan": boot - int64(3*time.Second)},
		Partner:  pair.Partner{Name: "dhcp-b", Role: "secondary", Reachable: true, Since: now.Add(-time.Hour)},
		Config:   pair.Config{Version: 12, State: "in force"},
		Alarms:   []string{strings.Repeat("something is wrong ", 8)},
	}
	got := pairText(&output{}, s, now, boot)
	for _, want := range []string{"dhcp-b, secondary, in touch for", "heard          ", "over the lan; it hears this box: ", "version 12, in force", "! something"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	for line := range strings.Lines(got) {
		if len([]rune(line)) > 81 {
			t.Errorf("too long: %q", line)
		}
	}
}
