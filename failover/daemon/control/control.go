// Package control is the local socket over which an operator's tool asks a
// running server. Both sides are here.
//
// A client writes one line, a JSON array of words; the server answers with
// one or more lines, each a JSON object; then the next request may follow:
//
//	> ["leases","active"]
//	< {"body":[{"ip":"10.0.0.5", ...}, ...],"more":true}
//	< {"body":[...]}
//	> ["why"]
//	< {"error":"why needs one address, hardware address or client identifier"}
//
// Only who may write to the socket's file may ask: its mode is 0660.
package control

import (
	"encoding/json"
	"errors"
)

// DefaultPath is where the server listens unless told otherwise.
const DefaultPath = "/run/tandem/dhcpfd.sock"

// Limits.
const (
	maxRequest = 64 << 10 // octets of a request line, unless the server allows more
	maxWords   = 64       // words of a request
	// MaxClients is how many clients may be connected at once.
	MaxClients = 16
)

// Piece is one line of an answer. More is set while further lines follow;
// Error ends the answer.
type Piece struct {
	Body  json.RawMessage `json:"body,omitempty"`
	More  bool            `json:"more,omitempty"`
	Error string          `json:"error,omitempty"`
}

// parseRequest reads a request line.
func parseRequest(line []byte) ([]string, error) {
	var words []string
	if err := json.Unmarshal(line, &words); err != nil {
		return nil, errors.New(`a request is a JSON array of words, as in ["status"]`)
	}
	if len(words) == 0 || len(words) > maxWords {
		return nil, errors.New("a request has 1 to 64 words")
	}
	return words, nil
}
