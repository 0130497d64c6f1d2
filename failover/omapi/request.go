package omapi

import (
	"slices"

	"tandem/failover/lease"
)

// sender is whom an answer goes to: which request it answers, and under which
// key. key is nil for an unsigned request.
type sender struct {
	rid    uint32
	authID uint32
	key    *Key
}

// request is a change that is under way, and what to answer when it is settled.
type request struct {
	ticket Ticket
	to     sender
	object object
	// show answers with the object instead of a status; removed forgets its
	// handle.
	show, removed bool
}

// handle answers one request. why is the reason to close instead.
func (s *Session) handle(out *Output, m *message, now lease.Now) (why string) {
	to, why := s.authenticate(out, m)
	if why != "" || to == nil {
		return why
	}
	if m.rid != 0 {
		s.server.stats.Malformed++
		return "the client answers a request that this server never made"
	}
	if to.key == nil {
		if why := s.stranger(); why != "" {
			return why
		}
		if s.server.required != nil && !opensKey(m) {
			s.server.stats.Unsigned++
			s.status(out, *to, Result{NoKey, "No authenticator on message"})
			return s.doubt()
		}
	}
	switch m.op {
	case opOpen:
		s.open(out, *to, m, now)
		return s.doubted()
	case opRefresh:
		s.refresh(out, *to, m.handle)
	case opUpdate:
		s.update(out, *to, m)
	case opNotify:
		s.status(out, *to, Result{NotImplemented, "notify not implemented yet"})
	case opDelete:
		s.remove(out, *to, m.handle)
	default:
		s.server.stats.Malformed++
		return "the client sends an operation that is no request"
	}
	return ""
}

// opensKey tells whether m is the one request that needs no signature.
func opensKey(m *message) bool {
	name, _ := m.values.get("type")
	return m.op == opOpen && string(name) == "authenticator"
}

// authenticate checks the signature. If it is wrong, it answers as dhcpd does
// and to is nil. A signature of any other length than the algorithm's is
// wrong, none at all included.
func (s *Session) authenticate(out *Output, m *message) (to *sender, why string) {
	to = &sender{rid: m.id}
	if m.authID == 0 {
		return to, ""
	}
	o, ok := s.handles.object(m.authID)
	var k *Key
	if ok && o.kind == kindAuthenticator {
		k = s.server.key(o.name)
	}
	if k == nil || !s.server.accepts(k) {
		s.server.stats.Malformed++
		return nil, "the client uses a key that it did not open on this connection"
	}
	if !k.signed(m) {
		s.server.stats.BadSignatures++
		s.status(out, *to, Result{Code: InvalidKey})
		return nil, s.doubt()
	}
	if changes(m) && s.seen.again(m.signature) {
		s.server.stats.Repeated++
		return nil, "the client repeats an earlier message"
	}
	s.proven = true
	to.authID, to.key = m.authID, k
	return to, ""
}

// accepts tells whether requests may be signed with k.
func (s *Server) accepts(k *Key) bool { return s.required == nil || s.required == k }

// changes tells whether m may change something.
func changes(m *message) bool {
	switch m.op {
	case opUpdate, opDelete:
		return true
	case opOpen:
		return m.flag("create") || m.flag("update")
	}
	return false
}

// stranger is the reason to close a connection from elsewhere that needed a
// key when it began and would need none now.
func (s *Session) stranger() (why string) {
	if s.server.LoopbackOnly() && !s.from.Unmap().IsLoopback() {
		return ErrNotLoopback.Error()
	}
	return ""
}

// doubt counts a request that showed no valid key; too many end the session.
func (s *Session) doubt() (why string) {
	s.refusals++
	return s.doubted()
}

func (s *Session) doubted() (why string) {
	if s.refusals >= MaxRefusals {
		return "too many requests without a valid key"
	}
	return ""
}

// send adds a message to what goes out, signed as the request was.
func (s *Session) send(out *Output, to sender, m message) {
	m.authID, m.rid, m.id = to.authID, to.rid, s.nextID
	s.nextID++
	out.Bytes = append(out.Bytes, m.encode(to.key)...)
}

// status answers with a result.
func (s *Session) status(out *Output, to sender, r Result) {
	m := message{op: opStatus}
	m.values.number("result", uint32(r.Code))
	if r.Text != "" {
		m.values.text("message", r.Text)
	}
	s.send(out, to, m)
}

// show answers with all attributes of o.
func (s *Session) show(out *Output, to sender, o object) {
	handle := s.handles.give(o)
	if handle == 0 {
		s.status(out, to, Result{OutOfEntropy, "no random number for a handle"})
		return
	}
	attributes, ok := s.attributes(o)
	if !ok {
		s.handles.drop(o)
		s.status(out, to, Result{NotFound, textNoHandle})
		return
	}
	if s.refused.object == o {
		attributes.text("refused", s.refused.text)
	}
	s.send(out, to, message{op: opUpdate, handle: handle, object: attributes})
}

// refresh sends an object again.
func (s *Session) refresh(out *Output, to sender, handle uint32) {
	o, ok := s.handles.object(handle)
	if !ok {
		s.status(out, to, Result{NotFound, textNoHandle})
		return
	}
	s.show(out, to, o)
}

// update changes an object.
func (s *Session) update(out *Output, to sender, m *message) {
	o, ok := s.handles.object(m.handle)
	if !ok {
		s.status(out, to, Result{NotFound, textNoHandle})
		return
	}
	if o.kind == kindAuthenticator {
		s.status(out, to, Result{OK, "cannot update authenticator"})
		return
	}
	c, r := s.changeOf(o, m.object)
	s.begin(out, request{to: to, object: o}, c, r)
}

// remove deletes an object.
func (s *Session) remove(out *Output, to sender, handle uint32) {
	o, ok := s.handles.object(handle)
	if !ok {
		s.status(out, to, Result{NotFound, textNoHandle})
		return
	}
	switch o.kind {
	case kindHost:
		s.begin(out, request{to: to, object: o, removed: true}, &DropHost{o.name}, Result{})
	case kindGroup:
		s.begin(out, request{to: to, object: o, removed: true}, &DropGroup{o.name}, Result{})
	case kindPeer, kindLease:
		s.status(out, to, Result{Code: NotImplemented})
	default:
		s.status(out, to, Result{NotImplemented, textRemove})
	}
}

// begin hands c to the authority, unless r refuses it or there is nothing to
// do, and answers if the outcome is known.
func (s *Session) begin(out *Output, req request, c Change, r Result) {
	if c != nil && r.Code == OK {
		s.server.ticket++
		s.server.stats.Changes++
		req.ticket = s.server.ticket
		done := false
		if r, done = s.server.authority.Change(req.ticket, c); !done {
			s.waiting = &req
			return
		}
		if r.Code != OK {
			s.server.stats.Refused++
		}
	}
	s.answer(out, req, r)
}

// settle is begin's second half for a change that took its time.
func (s *Session) settle(out *Output, req request, r Result) {
	if r.Code != OK {
		s.server.stats.Refused++
	}
	s.answer(out, req, r)
}

// answer tells the outcome, and remembers it for omshell's users, who do not
// see the message.
func (s *Session) answer(out *Output, req request, r Result) {
	s.remember(req.object, r)
	switch {
	case r.Code != OK:
		if r.Text == "" {
			r.Text = textUpdate
		}
		s.status(out, req.to, r)
	case req.removed:
		s.handles.drop(req.object)
		s.status(out, req.to, Result{})
	case req.show:
		s.show(out, req.to, req.object)
	default:
		s.status(out, req.to, Result{})
	}
}

func (s *Session) remember(o object, r Result) {
	if r.explains() {
		s.refused = refused{o, r.Text}
	} else if s.refused.object == o {
		s.refused = refused{}
	}
}

// remembered are the signatures of the latest changes. No client signs two
// equal messages, because their ids differ; somebody who repeats what went by
// does.
type remembered struct {
	is     map[string]bool
	oldest []string
}

// again remembers a signature and tells whether it is known already.
func (r *remembered) again(signature []byte) bool {
	if r.is[string(signature)] {
		return true
	}
	if r.is == nil {
		r.is = map[string]bool{}
	}
	if len(r.oldest) == MaxRemembered {
		delete(r.is, r.oldest[0])
		r.oldest = slices.Delete(r.oldest, 0, 1)
	}
	r.is[string(signature)] = true
	r.oldest = append(r.oldest, string(signature))
	return false
}
