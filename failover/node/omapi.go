package node

import (
	"fmt"
	"net/netip"

	"tandem/failover/conf"
	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/omapi"
)

// OMAPIOpened is a new connection of a manager (omshell), named by the shell
// with a number that is never used again.
type OMAPIOpened struct {
	ID   uint64
	From netip.Addr
}

// OMAPIBytes is what a manager sent, at most omapi.MaxFeed octets. None means
// that the replies so far are written and further ones may follow.
type OMAPIBytes struct {
	ID   uint64
	Data []byte
}

// OMAPIClosed is the end of a manager's connection.
type OMAPIClosed struct{ ID uint64 }

func (*OMAPIOpened) input() {}
func (*OMAPIBytes) input()  {}
func (*OMAPIClosed) input() {}

// OMAPIReply is what a manager's connection is to do, after the records are
// durable. Each OMAPIOpened and OMAPIBytes leads to one; one with Close set may
// come at any time.
type OMAPIReply struct {
	ID    uint64
	Bytes []byte // to write
	// Close says why to hang up after writing; empty to go on.
	Close string
	// More is set if requests wait until Bytes are written; the shell then
	// gives an OMAPIBytes without any.
	More bool
}

// manager answers OMAPI for the node.
type manager struct {
	node     *Node
	server   *omapi.Server // nil if the shell gave no source of chance
	sessions map[uint64]*omapi.Session
	now      lease.Now // of the input that is being worked on
	replies  []OMAPIReply
}

func newManager(n *Node, draw func() uint32) manager {
	m := manager{node: n, sessions: map[uint64]*omapi.Session{}}
	if draw != nil {
		// A server without keys: nothing can be wrong with it.
		m.server, _ = omapi.NewServer(omapi.Config{}, &authority{n}, draw)
	}
	return m
}

// OMAPIPort is the TCP port on which managers are heard; zero for none.
// loopback tells that only the machine itself may connect.
func (n *Node) OMAPIPort() (port uint16, loopback bool) {
	if n.omapi.server == nil {
		return 0, true
	}
	return n.cfg.OMAPI.Port, n.omapi.server.LoopbackOnly()
}

// configure puts the keys of a configuration in force.
func (m *manager) configure(cfg *conf.Config) {
	if m.server == nil {
		return
	}
	var c omapi.Config
	for _, k := range cfg.Keys {
		c.Keys = append(c.Keys, omapi.Key{Name: k.Name, Algorithm: k.Algorithm, Secret: k.Secret})
	}
	if k := cfg.OMAPI.Key; k != nil && cfg.OMAPI.Port != 0 {
		c.Required = k.Name
	}
	if err := m.server.Configure(c); err != nil {
		m.node.line(dhcp.LevelError, "OMAPI: %v; the keys of before stay in force", err)
	}
}

// step takes an input; false if it is none of this kind.
func (m *manager) step(now lease.Now, in Input) bool {
	m.now = now
	switch in := in.(type) {
	case *OMAPIOpened:
		m.open(now, in)
	case *OMAPIBytes:
		if s := m.sessions[in.ID]; s != nil {
			m.reply(s, s.Feed(now, in.Data))
		}
	case *OMAPIClosed:
		if s := m.sessions[in.ID]; s != nil {
			m.forget(s)
		}
	default:
		return false
	}
	return true
}

func (m *manager) open(now lease.Now, in *OMAPIOpened) {
	if m.server == nil || m.node.cfg.OMAPI.Port == 0 {
		m.replies = append(m.replies, OMAPIReply{ID: in.ID, Close: "OMAPI is not configured"})
		return
	}
	s, evicted, err := m.server.Accept(now, in.ID, in.From)
	if err != nil {
		m.replies = append(m.replies, OMAPIReply{ID: in.ID, Close: err.Error()})
		m.say(dhcp.LevelWarning, "connection from %v refused: %v", in.From, err)
		return
	}
	if evicted != nil {
		m.reply(evicted, evicted.Feed(now, nil))
	}
	m.sessions[in.ID] = s
	m.reply(s, omapi.Output{Bytes: s.Hello()})
}

// reply notes what a session has to say. It may tell what is not durable yet.
func (m *manager) reply(s *omapi.Session, out omapi.Output) {
	m.node.promised = true
	m.replies = append(m.replies, OMAPIReply{ID: s.ID(), Bytes: out.Bytes, Close: out.Close, More: s.More()})
	if out.Close != "" {
		m.say(dhcp.LevelInfo, "connection %d closed: %s", s.ID(), out.Close)
		m.forget(s)
	}
}

// say logs what anybody who can connect can cause.
func (m *manager) say(level dhcp.Level, format string, args ...any) {
	m.node.events.Lines = append(m.node.events.Lines, dhcp.Line{Level: level, Class: "omapi", Text: "OMAPI: " + fmt.Sprintf(format, args...)})
}

func (m *manager) forget(s *omapi.Session) {
	m.server.Release(s)
	delete(m.sessions, s.ID())
}

// due closes connections whose time is up.
func (m *manager) due(now lease.Now) {
	if m.server != nil {
		m.now = now
		m.server.Expire(now, m.reply)
	}
}

// deadline is when due has something to do; zero for never.
func (m *manager) deadline() int64 {
	if m.server == nil {
		return 0
	}
	return m.server.Deadline()
}

// counters gives every figure of OMAPI with its name.
func (m *manager) counters(fn func(name string, value uint64)) {
	if m.server != nil {
		stats := m.server.Stats()
		stats.Each(fn)
	}
}
