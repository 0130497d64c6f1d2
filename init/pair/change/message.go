package change

import (
	"encoding/json"
	"fmt"
	"time"

	"tandem/init/pair/version"
)

// Message is one message between the two machines. Encode and Decode are its
// form on the wire.
type Message interface{ message() }

// State tells all that the partner must know; it is sent once a second and
// after every change, so that no other message needs an acknowledgement.
type State struct {
	// Seq grows from State to State in a session; a State that was overtaken
	// is dropped.
	Seq     uint64      `json:"seq"`
	Settled version.Ref `json:"settled"`
	// Chain is Settled and its ancestors, the latest first; left out while the
	// partner is known to have the same Settled.
	Chain []version.ID `json:"chain,omitempty"`
	// Active is what dhcpfd serves by.
	Active version.ID `json:"active"`
	// Change is the change under way on the sender, if any.
	Change *Progress `json:"change,omitempty"`
	// Highest is the highest number of a version that the sender has seen.
	Highest uint64 `json:"highest"`
	// Refused is a version of ours that the sender cannot use, and why.
	Refused    version.ID `json:"refused,omitzero"`
	RefusedWhy string     `json:"refusedWhy,omitempty"`
	// Disk is what differs on the sender's disk; empty if nothing does.
	Disk string `json:"disk,omitempty"`
}

// Progress is how far the sender is with a change.
type Progress struct {
	Version     version.Ref   `json:"version"`
	Phase       Phase         `json:"phase"`
	Coordinator bool          `json:"coordinator"`
	Alone       bool          `json:"alone,omitempty"`
	Left        time.Duration `json:"left"` // until it goes back by itself
	Who         string        `json:"who,omitempty"`
}

// Prepare asks the partner to store and check a version.
type Prepare struct {
	Version *version.Version `json:"version"`
}

// Refusal answers Prepare with no.
type Refusal struct {
	ID  version.ID `json:"id"`
	Why string     `json:"why"`
}

// Ended tells why a change ended without being committed; what counts is
// State.
type Ended struct {
	ID  version.ID `json:"id"`
	Why string     `json:"why"`
}

// Fetch asks for the version that the partner has settled.
type Fetch struct {
	ID version.ID `json:"id"`
}

// Give answers Fetch. Without a version the sender has none to give, and Why
// tells the reason.
type Give struct {
	Version *version.Version `json:"version,omitempty"`
	Chain   []version.ID     `json:"chain,omitempty"` // as in State
	Why     string           `json:"why,omitempty"`
}

// Order hands an operator's word to the partner: "confirm" and "cancel" go to
// the coordinator of the change ID, "take" has the receiver take ID.
type Order struct {
	Token uint64     `json:"token"` // comes back in Answer
	Word  string     `json:"word"`
	ID    version.ID `json:"id"`
	Who   string     `json:"who"`
}

// Answer answers Order.
type Answer struct {
	Token uint64 `json:"token"`
	OK    bool   `json:"ok"`
	Text  string `json:"text"`
}

func (State) message()   {}
func (Prepare) message() {}
func (Refusal) message() {}
func (Ended) message()   {}
func (Fetch) message()   {}
func (Give) message()    {}
func (Order) message()   {}
func (Answer) message()  {}

// MaxMessage bounds an encoded message: the files of a version in base 64, and
// what goes with them.
const MaxMessage = version.MaxTotal/3*4 + 1<<20

// envelope is the form on the wire: one JSON object.
type envelope struct {
	Kind string          `json:"kind"`
	Body json.RawMessage `json:"body"`
}

// Encode gives the octets of a message, without a line feed in them.
func Encode(m Message) []byte {
	body, err := json.Marshal(m)
	if err != nil {
		return nil // plain values never fail
	}
	raw, _ := json.Marshal(envelope{kindOf(m), body})
	return raw
}

func kindOf(m Message) string {
	switch m.(type) {
	case State:
		return "state"
	case Prepare:
		return "prepare"
	case Refusal:
		return "refusal"
	case Ended:
		return "ended"
	case Fetch:
		return "fetch"
	case Give:
		return "give"
	case Order:
		return "order"
	case Answer:
		return "answer"
	}
	return ""
}

// Decode reads what Encode writes. What the partner sends is checked: a
// version that breaks a limit is refused here.
func Decode(raw []byte) (Message, error) {
	if len(raw) > MaxMessage {
		return nil, fmt.Errorf("a message of the partner has %d octets; %d are allowed", len(raw), MaxMessage)
	}
	var e envelope
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, fmt.Errorf("a message of the partner is not understood: %w", err)
	}
	switch e.Kind {
	case "state":
		return decode[State](e.Body)
	case "prepare":
		m, err := decode[Prepare](e.Body)
		return checkVersion(m, m.Version, true, err)
	case "refusal":
		return decode[Refusal](e.Body)
	case "ended":
		return decode[Ended](e.Body)
	case "fetch":
		return decode[Fetch](e.Body)
	case "give":
		m, err := decode[Give](e.Body)
		return checkVersion(m, m.Version, false, err)
	case "order":
		return decode[Order](e.Body)
	case "answer":
		return decode[Answer](e.Body)
	}
	return nil, fmt.Errorf("a message of the partner is of the unknown kind %.20q; do both boxes run the same release?", e.Kind)
}

func decode[M Message](body []byte) (M, error) {
	var m M
	if err := json.Unmarshal(body, &m); err != nil {
		return m, fmt.Errorf("a message of the partner is not understood: %w", err)
	}
	return m, nil
}

func checkVersion(m Message, v *version.Version, must bool, err error) (Message, error) {
	switch {
	case err != nil:
		return nil, err
	case v == nil && must:
		return nil, fmt.Errorf("a message of the partner has no version in it")
	case v != nil:
		if err := v.Check(); err != nil {
			return nil, fmt.Errorf("a version that the partner sent: %w", err)
		}
	}
	return m, nil
}
