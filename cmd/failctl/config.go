package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"tandem/failover/daemon/control"
	"tandem/init/pair/config"
	"tandem/init/pair/history"
	"tandem/init/pair/version"
)

const configHelp = `failctl config - the configuration of the pair of boxes

usage: failctl config COMMAND

look
  show                      what is in force, what is under way, do both agree?
  history                   all versions that are kept: who, when, what for
  diff [A [B]]              from version A to B; without B: what A changed;
                            without both: what the latest one changed
  cat [VERSION [FILE]]      dhcpd.conf, or another file, as it is or was
  export                    one dhcpd.conf for an ISC dhcpd as partner

change (both boxes check it, and take it together or not at all)
  check FILE                is it good, as far as this box goes?
  put FILE                  put it in force, with the files that it includes
  edit [FILE]               change FILE, or dhcpd.conf, with $EDITOR
  rollback VERSION          put the files of an old version in force again
  confirm                   the change on trial is good: keep it
  cancel                    go back now
  take mine|theirs          both boxes were changed while they were apart, or
                            files were damaged on disk: whose version counts?

A change is on trial until it is confirmed. If dhcpfd of either box does not
stay well for 30 s, or nobody confirms in time, both boxes go back by
themselves. What belongs to one box alone (box.conf) never travels.

  --alone                   put, edit, rollback: though the partner is away; it
                            gets the version on return. confirm: though the
                            partner was lost during the trial
  --comment TEXT            why, for the history
  --confirm TIME            how long it waits for the confirmation, as in 90s
                            or 10m (usual: 5m); none: it needs no confirmation
  --json                    show and history as JSON, for programs

examples:
  failctl config put /tmp/dhcpd.conf --comment "range for the new floor"
  failctl config confirm
  failctl config diff 11 12
  failctl config rollback 11 --confirm none

exit codes: 0 done; 1 refused, or failed; 2 the command line is wrong.
`

// askConfig puts a question about the configuration to the pair service.
func askConfig(o options, words []string, fn func(body json.RawMessage) error) error {
	c, err := control.Dial(pairSocket(o))
	if err != nil {
		return fmt.Errorf("the pair service does not answer: %w (it runs on a Tandem box once that is set up; elsewhere edit dhcpd.conf, and then failctl reload)", err)
	}
	defer c.Close()
	return c.Ask(append([]string{"config"}, words...), fn)
}

// tellConfig prints an answer that is a text.
func tellConfig(out *output, o options, words ...string) error {
	last := byte('\n')
	err := askConfig(o, words, func(body json.RawMessage) error {
		var text string
		if err := json.Unmarshal(body, &text); err != nil {
			return fmt.Errorf("the pair service's answer is not understood; is it of another version? %w", err)
		}
		if text != "" {
			last = text[len(text)-1]
		}
		_, err := fmt.Fprint(out, text)
		return err
	})
	if err == nil && last != '\n' {
		fmt.Fprintln(out)
	}
	return err
}

// readConfig puts a question whose answer is one value.
func readConfig(o options, into any, words ...string) error {
	return askConfig(o, words, func(body json.RawMessage) error {
		if err := json.Unmarshal(body, into); err != nil {
			return fmt.Errorf("the pair service's answer is not understood; is it of another version? %w", err)
		}
		return nil
	})
}

func showConfig(out *output, o options, args []string) error {
	if err := noArgs("config show", args); err != nil {
		return err
	}
	var v config.Overview
	if err := readConfig(o, &v, "show"); err != nil {
		return err
	}
	if out.json {
		return json.NewEncoder(out).Encode(v)
	}
	_, err := fmt.Fprint(out, overviewText(out, &v))
	return err
}

// overviewText draws what is in force; it fits 80 columns.
func overviewText(out *output, v *config.Overview) string {
	var b strings.Builder
	s := &v.Status
	fmt.Fprintf(&b, "%s\n", out.bold(overviewSentence(v)))
	field := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s %s\n", name, cut(fmt.Sprintf(format, args...), 69))
	}
	if e := v.Settled; e != nil {
		field("made", "%s by %s", e.When.Local().Format("2006-01-02 15:04"), e.Who)
		if e.Comment != "" {
			field("comment", "%s", e.Comment)
		}
		for _, f := range e.Files {
			field("file", "%s, %s octets", f.Name, thousands(int(f.Size)))
		}
		field("id", "%s", e.ID)
	}
	if c := s.Change; c != nil {
		field("change", "%v by %s: %s", c.Version, c.Who, s.State)
		if v.Left > 0 {
			field("", "goes back in %s unless confirmed (failctl config confirm)", span(time.Duration(v.Left)*time.Second))
		}
	}
	for _, a := range s.Alarms {
		b.WriteString(wrap("! "+a, 80))
	}
	return b.String()
}

func overviewSentence(v *config.Overview) string {
	s := &v.Status
	switch {
	case s.Settled.ID == (version.ID{}):
		return "There is no configuration yet: this box serves nobody"
	case v.Solo:
		return fmt.Sprintf("Version %d is in force", s.Settled.Number)
	case s.Partner.ID == s.Settled.ID:
		return fmt.Sprintf("Version %d is in force on both boxes", s.Settled.Number)
	case s.Partner.ID == (version.ID{}):
		return fmt.Sprintf("Version %d is in force here; the partner was not heard yet", s.Settled.Number)
	}
	return fmt.Sprintf("Version %d is in force here, version %d at the partner", s.Settled.Number, s.Partner.Number)
}

var historyColumns = []column{{"version", -7}, {"id", 8}, {"when", 16}, {"who", 14}, {"outcome", 11}, {"comment", 14}}

func configHistory(out *output, o options, args []string) error {
	if err := noArgs("config history", args); err != nil {
		return err
	}
	var list []history.Entry
	if err := readConfig(o, &list, "history"); err != nil {
		return err
	}
	if out.json {
		return json.NewEncoder(out).Encode(list)
	}
	var b strings.Builder
	titles(&b, historyColumns)
	for i := range list {
		e := &list[i]
		row(&b, historyColumns, []string{strconv.FormatUint(e.Number, 10), e.ID.Short(), e.When.Local().Format("2006-01-02 15:04"), e.Who, e.Outcome, e.Comment})
		if e.Why != "" {
			b.WriteString(wrap("        "+firstLine(e.Why), 80))
		}
	}
	_, err := fmt.Fprint(out, b.String())
	return err
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func diffConfig(out *output, o options, args []string) error {
	if len(args) > 2 {
		return usageError("config diff takes two versions at most")
	}
	return tellConfig(out, o, append([]string{"diff"}, args...)...)
}

func catConfig(out *output, o options, args []string) error {
	if len(args) > 2 {
		return usageError("config cat takes a version and the name of a file, or less")
	}
	name := version.Main
	if len(args) == 2 {
		name, args = args[1], args[:1]
	}
	f, err := configFiles(o, args)
	if err != nil {
		return err
	}
	text, ok := f.Files[name]
	if !ok {
		return fmt.Errorf("%v has no file %s; it has %s", f.Version, name, strings.Join(f.Files.Names(), ", "))
	}
	_, err = out.Write(text)
	return err
}

func configFiles(o options, args []string) (config.Files, error) {
	var f config.Files
	err := readConfig(o, &f, append([]string{"files"}, args...)...)
	return f, err
}

func exportConfig(out *output, o options, args []string) error {
	if err := noArgs("config export", args); err != nil {
		return err
	}
	if err := tellConfig(out, o, "export"); err != nil {
		return err
	}
	fmt.Fprintln(out.errors, "failctl: put this where the partner reads it, usually as /etc/dhcp/dhcpd.conf, check it there with dhcpd -t, and restart dhcpd")
	return nil
}

// proposal is what the flags say of a change.
func (o options) proposal() (config.Proposal, error) {
	p := config.Proposal{Who: operator(), Comment: o.comment, Alone: o.alone}
	switch o.confirm {
	case "":
	case "none":
		p.NoConfirm = true
	default:
		d, err := time.ParseDuration(o.confirm)
		if err != nil || d < time.Second {
			return p, usageError(fmt.Sprintf("--confirm %s: write a time as in 90s or 10m, or none", o.confirm))
		}
		p.ConfirmTime = int(d / time.Second)
	}
	return p, nil
}

func checkConfig(out *output, o options, args []string) error {
	file, err := oneFile("config check takes one file", args)
	if err != nil {
		return err
	}
	files, err := withIncludes(out, file)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(files)
	if err != nil {
		return err
	}
	return tellConfig(out, o, "check", string(raw))
}

func putConfig(out *output, o options, args []string) error {
	file, err := oneFile("config put takes one file", args)
	if err != nil {
		return err
	}
	p, err := o.proposal()
	if err != nil {
		return err
	}
	if p.Files, err = withIncludes(out, file); err != nil {
		return err
	}
	return propose(out, o, p, "put")
}

func rollbackConfig(out *output, o options, args []string) error {
	if len(args) != 1 {
		return usageError("config rollback takes one version; failctl config history lists them")
	}
	p, err := o.proposal()
	if err != nil {
		return err
	}
	return propose(out, o, p, "rollback", args[0])
}

func propose(out *output, o options, p config.Proposal, words ...string) error {
	raw, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if p.NoConfirm {
		fmt.Fprintln(out.errors, "failctl: this takes half a minute: both boxes watch whether dhcpfd stays well")
	}
	return tellConfig(out, o, append(words, string(raw))...)
}

func confirmConfig(out *output, o options, args []string) error {
	if err := noArgs("config confirm", args); err != nil {
		return err
	}
	words := []string{"confirm", operator()}
	if o.alone {
		words = append(words, "alone")
	}
	return tellConfig(out, o, words...)
}

func cancelConfig(out *output, o options, args []string) error {
	if err := noArgs("config cancel", args); err != nil {
		return err
	}
	return tellConfig(out, o, "cancel", operator())
}

func takeConfig(out *output, o options, args []string) error {
	if len(args) != 1 || args[0] != "mine" && args[0] != "theirs" {
		return usageError("config take takes mine or theirs: whose version counts?")
	}
	return tellConfig(out, o, "take", args[0], operator())
}

// editConfig has an editor change one file of the version in force.
func editConfig(out *output, o options, args []string) error {
	if len(args) > 1 {
		return usageError("config edit takes one file at most")
	}
	p, err := o.proposal()
	if err != nil {
		return err
	}
	now, err := configFiles(o, nil)
	if err != nil {
		return err
	}
	name := append(args, version.Main)[0]
	if err := version.CheckName(name); err != nil {
		return err
	}
	text, err := edit(name, now.Files[name])
	if err != nil {
		return err
	}
	if bytes.Equal(text, now.Files[name]) {
		return errors.New("nothing was changed")
	}
	p.Files, p.Base = now.Files, now.Version.ID
	p.Files[name] = text
	err = propose(out, o, p, "put")
	if err == nil {
		return nil
	}
	kept, kerr := os.CreateTemp("", "refused-*-"+name)
	if kerr != nil {
		return err
	}
	_, werr := kept.Write(text)
	if werr = errors.Join(werr, kept.Close()); werr != nil {
		return err
	}
	return fmt.Errorf("%w\nwhat you wrote is in %s", err, kept.Name())
}

// edit gives a text to the operator's editor, and what he made of it back.
func edit(name string, text []byte) ([]byte, error) {
	editor := os.Getenv("EDITOR")
	if editor == "" {
		editor = "vi"
	}
	words := strings.Fields(editor)
	if _, err := exec.LookPath(words[0]); err != nil {
		return nil, fmt.Errorf("there is no editor %q here: set EDITOR, or write the file elsewhere and use failctl config put FILE", words[0])
	}
	dir, err := os.MkdirTemp("", "config-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(words[0], append(words[1:], file)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("the editor %s: %w; nothing was changed", editor, err)
	}
	return os.ReadFile(file)
}
