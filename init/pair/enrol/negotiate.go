package enrol

import (
	"time"
)

// negotiate goes on with a box that knows the code, until it is the partner or
// gives up.
func (w *window) negotiate(l *link) {
	who := l.conn.RemoteAddr()
	var boxConf []byte
	for {
		f, err := l.receive(decideTime, maxBox)
		switch {
		case err != nil:
			w.abandon(who, "knew the code, then gave up: "+err.Error())
			return
		case f.Kind == kindCommit && boxConf != nil:
			w.commit(l, Joined{Pin: l.pin, PublicKey: l.theirs, BoxConf: boxConf})
			return
		}
		var a accept
		if err := f.Decode(kindAccept, &a); err != nil {
			_ = l.send(kindRefuse, refuse{Reason: badFrame})
			w.abandon(who, "knew the code, then said what is not understood: "+err.Error())
			return
		}
		boxConf = nil
		answer, v := kindReady, any(nil)
		if err := w.host.Check(a.BoxConf); err != nil {
			answer, v = kindRefuse, refuse{Reason: badBox, Text: err.Error()}
		} else {
			boxConf = append([]byte{}, a.BoxConf...)
		}
		if err := l.send(answer, v); err != nil {
			w.abandon(who, "knew the code, then was lost: "+err.Error())
			return
		}
	}
}

// commit pins the box. From here on the answer is yes, whatever happens to the
// connection.
func (w *window) commit(l *link, j Joined) {
	if err := w.host.Pin(j); err != nil {
		_ = l.send(kindRefuse, refuse{Reason: hostTrouble, Text: err.Error()})
		w.abandon(l.conn.RemoteAddr(), "could not be taken as partner: "+err.Error())
		return
	}
	linger := w.host.linger
	if linger == 0 {
		linger = lingerTime
	}
	w.mu.Lock()
	w.pinned = &j
	w.mu.Unlock()
	time.AfterFunc(linger, w.finish)
	w.sayDone(l)
}

// resume answers a box whose connection broke after its commit.
func (w *window) resume(l *link) {
	w.mu.Lock()
	known := w.pinned != nil && w.pinned.Pin == l.pin
	w.mu.Unlock()
	if !known {
		_ = l.send(kindRefuse, refuse{Reason: closed})
		return
	}
	w.sayDone(l)
}

// sayDone tells the box that it is the partner, and waits for its bye.
func (w *window) sayDone(l *link) {
	if l.send(kindDone, nil) == nil && l.expect(kindBye, nil, stepTime, maxSmall) == nil {
		w.finish()
	}
}

func (w *window) finish() { w.over.Do(func() { close(w.done) }) }
