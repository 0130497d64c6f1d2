package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"tandem/failover/daemon/control"
	"tandem/images/layout"
	"tandem/init/pair/config"
	"tandem/init/pair/history"
	"tandem/init/pair/version"
	"tandem/init/setup"
)

// changeLimit bounds a question that both boxes have to think about.
const changeLimit = 3 * time.Minute

// atConsole is who changes the configuration here.
func (m *machine) atConsole() string { return "console of " + m.Facts().Box.Name }

// doConfig does what concerns the pair's configuration: the pair service is
// asked.
func (m *machine) doConfig(ctx context.Context, a setup.Action) (answer setup.Answer, err error) {
	switch a := a.(type) {
	case setup.ConfigShow:
		return configFiles(ctx, a.Version)
	case setup.ConfigCheck:
		raw, err := json.Marshal(filesOf(a.Files))
		if err != nil {
			return answer, err
		}
		return configText(ctx, "check", string(raw))
	case setup.ConfigPut:
		return m.propose(ctx, config.Proposal{Files: filesOf(a.Files), Comment: a.Comment, Alone: a.Alone}, "put")
	case setup.ConfigRollback:
		return m.propose(ctx, config.Proposal{}, "rollback", strconv.Itoa(a.To))
	case setup.ConfigHistory:
		return configHistory(ctx)
	case setup.ConfigDiff:
		words := []string{"diff"}
		if a.From != 0 {
			words = append(words, strconv.Itoa(a.From))
		}
		return configText(ctx, append(words, strconv.Itoa(a.To))...)
	case setup.ConfigConfirm:
		return configText(ctx, "confirm", m.atConsole())
	case setup.ConfigTake:
		return configText(ctx, "take", a.Whose, m.atConsole())
	case setup.ConfigExport:
		return configText(ctx, "export")
	}
	return m.doBackup(ctx, a)
}

// askConfig puts words about the configuration to the pair service; each piece
// of its answer goes to take.
func askConfig(ctx context.Context, take func(body json.RawMessage) error, words ...string) error {
	c, err := control.Dial(layout.PairControl)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, stop := context.WithTimeout(ctx, changeLimit)
	defer stop()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	return c.Ask(append([]string{"config"}, words...), take)
}

func configText(ctx context.Context, words ...string) (setup.Answer, error) {
	var text strings.Builder
	err := askConfig(ctx, func(body json.RawMessage) error {
		var piece string
		err := json.Unmarshal(body, &piece)
		text.WriteString(piece)
		return err
	}, words...)
	return setup.Answer{Text: text.String()}, err
}

// propose asks for a change; its words are completed by the proposal.
func (m *machine) propose(ctx context.Context, p config.Proposal, words ...string) (setup.Answer, error) {
	p.Who = m.atConsole()
	raw, err := json.Marshal(p)
	if err != nil {
		return setup.Answer{}, err
	}
	return configText(ctx, append(words, string(raw))...)
}

func configFiles(ctx context.Context, number int) (answer setup.Answer, err error) {
	words := []string{"files"}
	if number != 0 {
		words = append(words, strconv.Itoa(number))
	}
	var got config.Files
	err = askConfig(ctx, func(body json.RawMessage) error { return json.Unmarshal(body, &got) }, words...)
	answer.Files = setupFiles(got.Files)
	return answer, err
}

func configHistory(ctx context.Context) (answer setup.Answer, err error) {
	var entries []history.Entry
	err = askConfig(ctx, func(body json.RawMessage) error { return json.Unmarshal(body, &entries) }, "history")
	for _, e := range entries {
		answer.Versions = append(answer.Versions, setup.Version{Number: int(e.Number), When: e.When, Who: e.Who, Comment: e.Comment, Outcome: e.Outcome})
	}
	return answer, err
}

// setupFiles lists files with the main one first, filesOf does the contrary.
func setupFiles(files version.Files) (list []setup.File) {
	if text, ok := files[version.Main]; ok {
		list = append(list, setup.File{Name: version.Main, Text: string(text)})
	}
	for _, name := range files.Names() {
		if name != version.Main {
			list = append(list, setup.File{Name: name, Text: string(files[name])})
		}
	}
	return list
}

func filesOf(list []setup.File) version.Files {
	files := version.Files{}
	for _, f := range list {
		files[f.Name] = []byte(f.Text)
	}
	return files
}

// firstVersion makes what the questions yielded the first version of the
// pair's configuration, whatever a setup that was cut short left behind.
func firstVersion(files []setup.File) error {
	if err := os.RemoveAll(layout.PairDir); err != nil {
		return err
	}
	pins, err := filepath.Glob(filepath.Join(layout.KeysDir, "partner-*"))
	if err != nil {
		return err
	}
	for _, p := range pins {
		if err := os.Remove(p); err != nil {
			return err
		}
	}
	if err := ownDirectory(layout.PairDir, 0o750); err != nil {
		return err
	}
	if len(files) == 0 {
		return nil // the boot puts an empty one in force
	}
	return config.Begin(layout.PairConfigDir, filesOf(files))
}
