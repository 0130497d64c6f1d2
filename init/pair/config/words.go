package config

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"tandem/failover/daemon/control"
	"tandem/init/pair/change"
	"tandem/init/pair/history"
	"tandem/init/pair/version"
)

// The words, after "config". Files go as JSON; an answer that is a text is a
// JSON string, a long one in pieces.
//
//	show                 Overview
//	history              []history.Entry, the latest first
//	files [VERSION]      Files
//	diff [A [B]]         text; without B: A and what it was made on top of
//	check FILES          text; FILES is a JSON object: octets in base 64 by name
//	put PROPOSAL         text; PROPOSAL is JSON
//	rollback VERSION PROPOSAL   text; the files are VERSION's
//	confirm WHO [alone]  text
//	cancel WHO           text
//	take mine|theirs WHO text
//	export               text: what an ISC partner needs

// Proposal is what `put` wants.
type Proposal struct {
	Who     string        `json:"who"`
	Comment string        `json:"comment,omitempty"`
	Files   version.Files `json:"files,omitempty"`
	// Base is the version that was edited; zero if that does not matter.
	Base  version.ID `json:"base,omitzero"`
	Alone bool       `json:"alone,omitempty"`
	// ConfirmTime is in seconds; zero for the usual time.
	ConfirmTime int  `json:"confirmTime,omitempty"`
	NoConfirm   bool `json:"noConfirm,omitempty"`
}

// Overview is the answer to `show`.
type Overview struct {
	Status change.Status `json:"status"`
	// Left is until the change under way ends by itself, in seconds.
	Left    int            `json:"left,omitempty"`
	Settled *history.Entry `json:"settled,omitempty"`
	Partner string         `json:"partner,omitempty"`
	Solo    bool           `json:"solo,omitempty"`
}

// Files is the answer to `files`.
type Files struct {
	Version version.Ref   `json:"version"`
	Files   version.Files `json:"files"`
}

// pieceSize is how much of a long text goes into one piece.
const pieceSize = 32 << 10

// Ask implements control.Asker for words that begin with "config".
func (k *Keeper) Ask(words []string, done <-chan struct{}) <-chan control.Piece {
	pieces := make(chan control.Piece)
	go func() {
		defer close(pieces)
		tell := func(p control.Piece) bool {
			select {
			case pieces <- p:
				return true
			case <-done:
				return false
			}
		}
		body, err := k.answer(words[1:], done)
		if err != nil {
			tell(control.Piece{Error: err.Error()})
			return
		}
		if text, ok := body.(string); ok {
			tellText(text, tell)
			return
		}
		raw, err := json.Marshal(body)
		if err != nil {
			tell(control.Piece{Error: err.Error()})
			return
		}
		tell(control.Piece{Body: raw})
	}()
	return pieces
}

// tellText tells a text in pieces that end with whole lines where they can.
func tellText(text string, tell func(control.Piece) bool) {
	for {
		piece := text
		if len(piece) > pieceSize {
			piece = piece[:pieceSize]
			if i := strings.LastIndexByte(piece, '\n'); i >= 0 {
				piece = piece[:i+1]
			}
		}
		text = text[len(piece):]
		raw, err := json.Marshal(piece)
		if err != nil || !tell(control.Piece{Body: raw, More: text != ""}) || text == "" {
			return
		}
	}
}

// verbs are the words with the numbers of their arguments.
var verbs = map[string]struct {
	least, most int
	answer      func(k *Keeper, args []string, done <-chan struct{}) (any, error)
}{
	"show":     {0, 0, (*Keeper).show},
	"history":  {0, 0, (*Keeper).history},
	"files":    {0, 1, (*Keeper).files},
	"diff":     {0, 2, (*Keeper).diff},
	"check":    {1, 1, (*Keeper).check},
	"put":      {1, 1, (*Keeper).put},
	"rollback": {2, 2, (*Keeper).rollback},
	"confirm":  {1, 2, (*Keeper).confirm},
	"cancel":   {1, 1, (*Keeper).cancel},
	"take":     {2, 2, (*Keeper).take},
	"export":   {0, 0, (*Keeper).export},
}

func (k *Keeper) answer(words []string, done <-chan struct{}) (any, error) {
	if len(words) == 0 {
		return nil, errors.New("config what? failctl help lists the words")
	}
	v, ok := verbs[words[0]]
	if n := len(words) - 1; !ok || n < v.least || n > v.most {
		return nil, fmt.Errorf("config %.40q with %d words is not understood; is failctl of another version?", words[0], len(words)-1)
	}
	return v.answer(k, words[1:], done)
}

func (k *Keeper) show([]string, <-chan struct{}) (any, error) {
	o := Overview{Status: k.Status(), Partner: k.o.Partner, Solo: k.o.Solo}
	if o.Status.Until != 0 {
		o.Left = int(max(0, o.Status.Until-k.clock()) / time.Second)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if e, err := k.store.Entry(o.Status.Settled.ID); err == nil {
		o.Settled = &e
	}
	return o, nil
}

func (k *Keeper) history([]string, <-chan struct{}) (any, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.store.List(), nil
}

// find reads the version that a word names; none names the settled one.
func (k *Keeper) find(word string) (*version.Version, error) {
	settled := k.Status().Settled.ID
	k.mu.Lock()
	defer k.mu.Unlock()
	if word == "" {
		if settled == (version.ID{}) {
			return &version.Version{Files: version.Files{}}, nil
		}
		return k.store.Get(settled)
	}
	e, err := k.store.Find(word)
	if err != nil {
		return nil, err
	}
	return k.store.Get(e.ID)
}

func (k *Keeper) files(args []string, _ <-chan struct{}) (any, error) {
	v, err := k.find(append(args, "")[0])
	if err != nil {
		return nil, err
	}
	ref := version.Ref{}
	if v.Number != 0 {
		ref = v.Ref()
	}
	return Files{ref, v.Files}, nil
}

func (k *Keeper) diff(args []string, _ <-chan struct{}) (any, error) {
	to, err := k.find(append(args, "")[max(0, len(args)-1)])
	if err != nil {
		return nil, err
	}
	from := &version.Version{}
	if len(args) == 2 {
		from, err = k.find(args[0])
	} else if to.Parent != (version.ID{}) {
		from, err = k.before(to)
	}
	if err != nil {
		return nil, err
	}
	name := func(v *version.Version) string {
		if v.Number == 0 {
			return "nothing"
		}
		return v.Ref().String()
	}
	text := history.Diff(name(from), name(to), from.Files, to.Files)
	if len(text) == 0 {
		return "no difference\n", nil
	}
	return string(text), nil
}

// before gives the version that another one was made on top of; where this box
// was away and never had it, the latest one before that it had in force.
func (k *Keeper) before(v *version.Version) (*version.Version, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	from, err := k.store.Get(v.Parent)
	if !errors.Is(err, history.ErrUnknown) {
		return from, err
	}
	for _, e := range k.store.List() {
		if e.Number < v.Number && e.Outcome == string(change.Committed) {
			return k.store.Get(e.ID)
		}
	}
	return nil, fmt.Errorf("what %v was made on top of is not kept here; name a version to compare it with", v.Ref())
}

// check has this box's dhcpfd look at files that are not kept.
func (k *Keeper) check(args []string, done <-chan struct{}) (any, error) {
	var files version.Files
	if err := json.Unmarshal([]byte(args[0]), &files); err != nil {
		return nil, fmt.Errorf("the files are not understood: %w", err)
	}
	if err := files.Check(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "config-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	for _, name := range files.Names() {
		if err := os.WriteFile(filepath.Join(dir, name), files[name], 0o600); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), checkTime)
	defer cancel()
	select {
	case k.checker <- struct{}{}:
		defer func() { <-k.checker }()
	case <-done:
		return nil, errEnded
	}
	if err := k.o.Engine.Check(ctx, dir); err != nil {
		return nil, err
	}
	return "good, as far as this box goes\n", nil
}

func (k *Keeper) put(args []string, done <-chan struct{}) (any, error) {
	var p Proposal
	if err := json.Unmarshal([]byte(args[0]), &p); err != nil {
		return nil, fmt.Errorf("the proposal is not understood: %w", err)
	}
	return k.propose(p, done)
}

func (k *Keeper) propose(p Proposal, done <-chan struct{}) (any, error) {
	if err := p.Files.Check(); err != nil {
		return nil, err
	}
	now, err := k.find("")
	if err == nil && now.Files.Equal(p.Files) && k.Status().Drift == "" {
		return nil, fmt.Errorf("nothing was changed: these are the files of %v, which is in force", now.Ref())
	}
	if p.Who == "" {
		p.Who = hostname()
	}
	return k.request(done, func(id uint64) change.Event {
		return change.Propose{Request: id, Who: cut(p.Who, version.MaxWho), Comment: cut(p.Comment, version.MaxComment), When: time.Now(),
			Files: p.Files, Base: p.Base, Alone: p.Alone, ConfirmTime: time.Duration(p.ConfirmTime) * time.Second, NoConfirm: p.NoConfirm}
	})
}

// cut bounds a text without breaking a letter.
func cut(s string, limit int) string {
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "")
	}
	return s
}

// rollback proposes the files of an old version.
func (k *Keeper) rollback(args []string, done <-chan struct{}) (any, error) {
	var p Proposal
	if err := json.Unmarshal([]byte(args[1]), &p); err != nil {
		return nil, fmt.Errorf("the proposal is not understood: %w", err)
	}
	v, err := k.find(args[0])
	if err != nil {
		return nil, err
	}
	p.Files = v.Files
	if p.Comment == "" {
		p.Comment = fmt.Sprintf("the same as %v", v.Ref())
	}
	return k.propose(p, done)
}

func (k *Keeper) confirm(args []string, done <-chan struct{}) (any, error) {
	if len(args) == 2 && args[1] != "alone" {
		return nil, fmt.Errorf("confirm takes alone, or nothing, not %.20q", args[1])
	}
	return k.request(done, func(id uint64) change.Event {
		return change.Confirm{Request: id, Who: cut(args[0], version.MaxWho), Alone: len(args) == 2}
	})
}

func (k *Keeper) cancel(args []string, done <-chan struct{}) (any, error) {
	return k.request(done, func(id uint64) change.Event {
		return change.Cancel{Request: id, Who: cut(args[0], version.MaxWho)}
	})
}

func (k *Keeper) take(args []string, done <-chan struct{}) (any, error) {
	if args[0] != "mine" && args[0] != "theirs" {
		return nil, fmt.Errorf("take mine, or take theirs, not %.20q", args[0])
	}
	return k.request(done, func(id uint64) change.Event {
		return change.Take{Request: id, Who: cut(args[1], version.MaxWho), Mine: args[0] == "mine"}
	})
}

// included finds the include statements in a file.
var included = regexp.MustCompile(`(?m)^([ \t]*)include[ \t]+"([^"\n]+)"[ \t]*;`)

// export gives one file for a partner that is configured by hand: its failover
// peer block, and the configuration with its includes in place.
func (k *Keeper) export([]string, <-chan struct{}) (any, error) {
	v, err := k.find("")
	if err != nil {
		return nil, err
	}
	if v.Number == 0 {
		return nil, errors.New("there is no configuration yet")
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "# dhcpd.conf for the partner of this box, made from %v\n", v.Ref())
	out.WriteString(k.o.PartnerPeer)
	out.Write(inline(v.Files[version.Main], v.Files, 0))
	return out.String(), nil
}

// maxInline bounds how deep files may include each other.
const maxInline = 20

func inline(text []byte, files version.Files, depth int) []byte {
	return included.ReplaceAllFunc(text, func(statement []byte) []byte {
		body, ok := files[string(included.FindSubmatch(statement)[2])]
		if !ok || depth >= maxInline {
			return statement
		}
		return bytes.TrimSuffix(inline(body, files, depth+1), []byte("\n"))
	})
}
