package change

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"tandem/init/pair/version"
)

// samples has one message of each kind, all fields set.
func samples() []Message {
	ref := version.Ref{Number: 3, ID: version.ID{3, 1}}
	v := &version.Version{Meta: version.Meta{Number: 4, Parent: ref.ID, Who: "anna", When: time.Unix(1790000000, 0).UTC(), Comment: "c\n"},
		Files: version.Files{version.Main: []byte("# x\n\xff\x00"), "b.conf": []byte("y")}}
	return []Message{
		State{Seq: 9, Settled: ref, Chain: []version.ID{{3, 1}, {2}}, Active: ref.ID, Highest: 8, Refused: version.ID{5}, RefusedWhy: "w", Disk: "d",
			Change: &Progress{Version: ref, Phase: Trying, Coordinator: true, Alone: true, Left: time.Minute, Who: "w"}},
		Prepare{v}, Refusal{ref.ID, "why"}, Ended{ref.ID, "why"}, Fetch{ref.ID}, Give{v, []version.ID{v.ID(), ref.ID}, "x"},
		Order{7, wordTake, ref.ID, "who"}, Answer{7, true, "text"},
	}
}

func TestMessagesComeAsTheyWent(t *testing.T) {
	for _, m := range samples() {
		raw := Encode(m)
		got, err := Decode(raw)
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%T: %+v, %v; want %+v", m, got, err, m)
		}
		if bytes.ContainsRune(raw, '\n') {
			t.Errorf("%T has a line feed: %s", m, raw)
		}
		if p, ok := m.(Prepare); ok && got.(Prepare).Version.ID() != p.Version.ID() {
			t.Error("the version has another ID on the other side")
		}
	}
}

func TestBadMessages(t *testing.T) {
	version1 := func(change func(v *version.Version)) string {
		v := &version.Version{Meta: version.Meta{Number: 1}, Files: version.Files{version.Main: nil}}
		change(v)
		raw, _ := json.Marshal(v)
		return `{"kind":"prepare","body":{"version":` + string(raw) + `}}`
	}
	for _, c := range []struct{ raw, want string }{
		{"", "not understood"},
		{"{}", "unknown kind"},
		{`{"kind":"dance","body":{}}`, `unknown kind "dance"`},
		{`{"kind":"state","body":[]}`, "not understood"},
		{`{"kind":"fetch","body":{"id":"12"}}`, "64 hexadecimal digits"},
		{`{"kind":"prepare","body":{}}`, "no version in it"},
		{version1(func(v *version.Version) { v.Number = 0 }), "number from 1"},
		{version1(func(v *version.Version) { v.Files = version.Files{"x": nil} }), "no dhcpd.conf"},
		{version1(func(v *version.Version) { v.Files["../x"] = nil }), "cannot be the name"},
		{version1(func(v *version.Version) { v.Files[".new"] = nil }), "cannot be the name"},
		{version1(func(v *version.Version) { v.Files["-t"] = nil }), "cannot be the name"},
		{version1(func(v *version.Version) { v.Comment = strings.Repeat("x", version.MaxComment+1) }), "comment is over"},
		{version1(func(v *version.Version) { v.Who = strings.Repeat("x", version.MaxWho+1) }), "name of who made it"},
		{version1(func(v *version.Version) { v.Files["b"] = make([]byte, version.MaxTotal+1) }), "16777216 at most"},
		{strings.Repeat(" ", MaxMessage+1), "octets"},
	} {
		if _, err := Decode([]byte(c.raw)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60s: %v, want %q", c.raw, err, c.want)
		}
	}
}

// The largest version that is allowed fits into a message.
func TestLargestVersionFits(t *testing.T) {
	v := &version.Version{Meta: version.Meta{Number: 1}, Files: version.Files{version.Main: make([]byte, version.MaxTotal)}}
	if _, err := Decode(Encode(Prepare{v})); err != nil {
		t.Error(err)
	}
}

// FuzzDecode: whatever is decoded can be encoded, comes back the same, and
// does not break a machine that hears it.
func FuzzDecode(f *testing.F) {
	for _, m := range samples() {
		f.Add(Encode(m))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := Decode(raw)
		if err != nil {
			return
		}
		again, err := Decode(Encode(m))
		if err != nil || !bytes.Equal(Encode(again), Encode(m)) {
			t.Fatalf("%+v became %+v, %v", m, again, err)
		}
		machine := New(Config{}, Memory{Settled: version.Ref{Number: 1, ID: version.ID{1}}})
		for _, e := range []Event{Started{}, Activated{ID: version.ID{1}}, Link{Up: true}, Received{State{Seq: 1, Settled: version.Ref{Number: 3, ID: version.ID{3, 1}}, Chain: []version.ID{{3, 1}, {1}}}},
			Received{m}, Health{}, Link{}} {
			machine.Step(time.Second, e)
		}
		machine.Status(time.Second)
	})
}
