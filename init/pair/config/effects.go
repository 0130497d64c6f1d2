package config

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"tandem/init/pair/change"
	"tandem/init/pair/version"
)

// carryOut does what the machine wants, in its order.
func (k *Keeper) carryOut(effects []change.Effect) {
	for _, e := range effects {
		if k.fatal != nil {
			return
		}
		k.execute(e)
	}
	k.publish()
}

// publish lets others see how things are now.
func (k *Keeper) publish() {
	status := k.machine.Status(k.clock())
	k.status.Store(&status)
}

func (k *Keeper) execute(e change.Effect) {
	switch e := e.(type) {
	case change.Send:
		k.transmit(e.Message)
	case change.Save:
		k.save(e.Memory)
	case change.Examine:
		k.jobs.Go(func() { k.post(change.Examined{ID: e.Version.ID(), Problem: text(k.examine(e.Version))}) })
	case change.Activate:
		k.jobs.Go(func() { k.post(change.Activated{ID: e.ID, Problem: text(k.activate(e.ID))}) })
	case change.Deliver:
		k.deliver(e)
	case change.Note:
		k.mu.Lock()
		err := k.store.Note(e.ID, string(e.Outcome), e.Why)
		k.mu.Unlock()
		if err != nil { // a refused version may not be there at all
			k.o.Log("history: %v", err)
		}
	case change.Reply:
		if who := k.waiting[e.Request]; who != nil {
			delete(k.waiting, e.Request)
			k.publish() // whoever reads the answer may ask on
			who <- e    // there is room for one
		}
	case change.Say:
		mark := ""
		if e.Alarm {
			mark = "ALARM: "
		}
		k.o.Log("%sconfiguration: %s", mark, e.Text)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (k *Keeper) transmit(m change.Message) {
	if k.send != nil {
		k.send(change.Encode(m)) // what finds no room counts as lost
	}
}

// save makes the machine's memory durable, or ends the service: it must not go
// on with what it would forget.
func (k *Keeper) save(m change.Memory) {
	raw, err := json.MarshalIndent(m, "", "  ")
	if err == nil {
		k.mu.Lock()
		err = k.store.SaveMemory(append(raw, '\n'))
		k.mu.Unlock()
	}
	if err != nil {
		k.fatal = err
		return
	}
	k.protect(m)
}

// protect keeps what the box may have to go back to.
func (k *Keeper) protect(m change.Memory) {
	ids := []version.ID{m.Settled.ID, m.Trying.ID}
	if len(m.Chain) > 0 {
		ids = append(ids, m.Chain[0])
	}
	k.mu.Lock()
	k.store.Protect(ids...)
	k.mu.Unlock()
}

// examine stores a version and has dhcpfd check it.
func (k *Keeper) examine(v *version.Version) error {
	ctx, cancel := context.WithTimeout(k.ctx, checkTime)
	defer cancel()
	select {
	case k.checker <- struct{}{}:
		defer func() { <-k.checker }()
	case <-ctx.Done():
		return errors.New("the check of another version takes too long")
	}
	k.mu.Lock()
	err := k.store.Put(v)
	dir := ""
	if err == nil {
		dir, err = k.store.Path(v.ID())
	}
	k.mu.Unlock()
	if err != nil {
		return err
	}
	return k.o.Engine.Check(ctx, dir)
}

// activate switches to a version and has dhcpfd read it.
func (k *Keeper) activate(id version.ID) error {
	k.mu.Lock()
	err := k.store.Activate(id)
	k.mu.Unlock()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(k.ctx, reloadTime)
	defer cancel()
	return k.o.Engine.Reload(ctx)
}

func (k *Keeper) deliver(e change.Deliver) {
	k.mu.Lock()
	v, err := k.store.Get(e.ID)
	k.mu.Unlock()
	if err != nil {
		k.transmit(change.Give{Why: fmt.Sprintf("it cannot be read there: %v", err)})
		return
	}
	k.transmit(change.Give{Version: v, Chain: e.Chain})
}

// request has the machine answer an operator. done is closed when he leaves.
func (k *Keeper) request(done <-chan struct{}, event func(id uint64) change.Event) (string, error) {
	answer := make(chan change.Reply, 1)
	var id uint64
	err := k.do(func() {
		k.requests++
		id = k.requests
		k.waiting[id] = answer
		k.step(event(id))
	})
	if err != nil {
		return "", err
	}
	select {
	case r := <-answer:
		if !r.OK {
			return "", errors.New(r.Text)
		}
		return r.Text, nil
	case <-done:
		_ = k.do(func() { delete(k.waiting, id) })
		return "", errors.New("nobody waits for the answer any more")
	case <-k.done:
		return "", errEnded
	}
}
