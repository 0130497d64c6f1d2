package omapi

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"tandem/failover/lease"
)

// Config is what dhcpd.conf says about OMAPI.
type Config struct {
	// Keys are all keys of the configuration.
	Keys []Key
	// Required is the name that omapi-key gives; empty if no key is required.
	// Then only the machine itself may connect.
	Required string
}

// Server is what the sessions of one listener share. It is not safe for
// concurrent use.
type Server struct {
	keys      []Key
	required  *Key // one of keys, or nil
	authority Authority
	draw      func() uint32
	sessions  []*Session // oldest first
	ticket    Ticket
	stats     Stats
}

// NewServer makes a server that asks authority and draws numbers that nobody
// can predict.
func NewServer(c Config, authority Authority, draw func() uint32) (*Server, error) {
	s := &Server{authority: authority, draw: draw}
	return s, s.Configure(c)
}

// Configure puts another configuration in force. Sessions go on; the next
// request of each is held against the new keys. On an error nothing changes.
func (s *Server) Configure(c Config) error {
	keys := slices.DeleteFunc(slices.Clone(c.Keys), func(k Key) bool {
		return !strings.EqualFold(k.Name, c.Required) && k.usable() != nil
	})
	var required *Key
	if c.Required != "" {
		i := slices.IndexFunc(keys, func(k Key) bool { return strings.EqualFold(k.Name, c.Required) })
		if i < 0 {
			return fmt.Errorf("omapi-key %q: there is no such key; declare it with key %s { algorithm ...; secret ...; }", c.Required, c.Required)
		}
		if err := keys[i].usable(); err != nil {
			return fmt.Errorf("omapi-key: %w", err)
		}
		required = &keys[i]
	}
	s.keys, s.required = keys, required
	return nil
}

// LoopbackOnly tells whether only the machine itself may connect, so that the
// listener should be bound to 127.0.0.1.
func (s *Server) LoopbackOnly() bool { return s.required == nil }

// Reasons for turning a connection away.
var (
	ErrNotLoopback = errors.New("no omapi-key is configured, so OMAPI is for this machine only")
	ErrTooMany     = errors.New("too many OMAPI connections")
)

// Accept begins a session for a new connection. evicted, if not nil, is an
// older one that made room and must be hung up. An error means: hang up.
func (s *Server) Accept(now lease.Now, id uint64, from netip.Addr) (session, evicted *Session, err error) {
	if s.LoopbackOnly() && !from.Unmap().IsLoopback() {
		s.stats.Turned++
		return nil, nil, ErrNotLoopback
	}
	evicted, ok := s.makeRoom()
	if !ok {
		s.stats.Turned++
		return nil, nil, ErrTooMany
	}
	session = &Session{
		id: id, from: from, server: s, since: now,
		nextID: s.draw(),
		handles: handles{
			draw: s.draw, lost: &s.stats.Forgotten,
			of: map[object]uint32{}, named: map[uint32]object{},
		},
		proven: s.required == nil,
	}
	session.restart(now)
	s.sessions = append(s.sessions, session)
	s.stats.Accepted++
	return session, evicted, nil
}

// makeRoom closes the oldest unproven session if there are too many; ok is
// false if there is no room for one more.
func (s *Server) makeRoom() (evicted *Session, ok bool) {
	unproven, oldest := 0, -1
	for i, se := range s.sessions {
		if !se.proven {
			unproven++
			if oldest < 0 {
				oldest = i
			}
		}
	}
	if len(s.sessions) < MaxSessions && unproven < MaxUnproven {
		return nil, true
	}
	if oldest < 0 {
		return nil, false
	}
	evicted = s.sessions[oldest]
	evicted.close(Output{}, "closed for a newer connection before it showed a valid signature")
	s.Release(evicted)
	s.stats.Evicted++
	return evicted, true
}

// Release forgets a session whose connection has ended, whoever ended it.
// Changes that it asked for go on.
func (s *Server) Release(se *Session) {
	s.sessions = slices.DeleteFunc(s.sessions, func(o *Session) bool { return o == se })
}

// Sessions is the number of connections.
func (s *Server) Sessions() int { return len(s.sessions) }

// Stats gives the counters.
func (s *Server) Stats() Stats { return s.stats }

// Resolve brings the outcome of a change that Authority put off. The session
// is nil if nobody waits for it any more.
func (s *Server) Resolve(now lease.Now, t Ticket, r Result) (*Session, Output) {
	for _, se := range s.sessions {
		if se.waiting != nil && se.waiting.ticket == t {
			return se, se.resolve(now, r)
		}
	}
	if r.Code != OK {
		s.stats.Refused++
	}
	return nil, Output{}
}

// Deadline is the earliest monotonic moment in nanoseconds at which Expire
// has something to do; zero if there is none.
func (s *Server) Deadline() int64 {
	var first int64
	for _, se := range s.sessions {
		if d := se.Deadline(); d != 0 && (first == 0 || d < first) {
			first = d
		}
	}
	return first
}

// Expire calls deliver for each session whose time is up at now.
func (s *Server) Expire(now lease.Now, deliver func(*Session, Output)) {
	for _, se := range slices.Clone(s.sessions) {
		if out := se.Expire(now); len(out.Bytes) > 0 || out.Close != "" {
			deliver(se, out)
		}
	}
}

// key finds a key by name; nil if there is none.
func (s *Server) key(name string) *Key {
	for i := range s.keys {
		if strings.EqualFold(s.keys[i].Name, name) {
			return &s.keys[i]
		}
	}
	return nil
}
