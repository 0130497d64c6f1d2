package pair

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// Status is the file that the pair service renews each second, and the answer
// to `status` on its control socket.
type Status struct {
	// SinceBoot is when it was written: CLOCK_BOOTTIME in nanoseconds.
	SinceBoot int64 `json:"sinceBoot"`
	// Heard is when the partner's last heartbeat came, by path ("lan",
	// "direct"), as CLOCK_BOOTTIME in nanoseconds; Proven is the latest moment
	// at which the partner is known to have still heard us on it.
	Heard  map[string]int64 `json:"heard"`
	Proven map[string]int64 `json:"proven"`
	// Paired: a partner's key is pinned.
	Paired bool `json:"paired"`
	// Open: boxes may join; Code is what the person types at the joining one.
	Open      bool      `json:"open"`
	Replace   bool      `json:"replace,omitempty"` // the joining box takes the partner's place
	Code      string    `json:"code,omitempty"`    // XXXX-XXXX
	CodeUntil time.Time `json:"codeUntil,omitzero"`
	// LastTry is what the last box that tried to join met with.
	LastTry string  `json:"lastTry,omitempty"`
	Partner Partner `json:"partner"`
	Config  Config  `json:"config"`
	// Synchronised: the configuration of both was compared since this service
	// started and is the same, or there is no partner to compare with.
	Synchronised bool `json:"synchronised"`
	// Sentence is all of it for a person; Alarms what he should look after.
	Sentence string            `json:"sentence"`
	Alarms   []string          `json:"alarms"`
	Counters map[string]uint64 `json:"counters"`
}

// Partner is what is known of the other box.
type Partner struct {
	Name      string    `json:"name"`
	Role      string    `json:"role"`
	Reachable bool      `json:"reachable"`
	Path      string    `json:"path,omitempty"` // of the session: "direct" or "lan"
	Since     time.Time `json:"since,omitzero"` // of the session, or of its end
	Version   uint64    `json:"version"`        // of its configuration
	Hash      string    `json:"hash,omitempty"` // the version's ID
	// Pin is the pin of its key, as in the keyring. When it changes, this
	// service has dhcpfd reload, which reads the keyring again.
	Pin string `json:"pin,omitempty"`
}

// Config is the pair's configuration as this box has it.
type Config struct {
	Version uint64    `json:"version"` // that is settled; zero if there is none
	Hash    string    `json:"hash"`    // the version's ID
	State   string    `json:"state"`   // "in force", or what is going on
	Until   time.Time `json:"until,omitzero"`
	// Drift is empty, or says how the boxes' configurations differ and what to
	// do about it.
	Drift string `json:"drift"`
}

// ReadStatus reads the file. The caller compares SinceBoot with the clock: a
// file that nobody renewed for 5 s means that the service does not run.
func ReadStatus(path string) (Status, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Status{}, err
	}
	var s Status
	if err := json.Unmarshal(raw, &s); err != nil {
		return Status{}, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}
