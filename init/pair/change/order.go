package change

import (
	"fmt"
	"time"

	"tandem/init/pair/version"
)

// asker is who waits for an answer: an operator here, or at the partner.
type asker struct {
	request uint64
	token   uint64 // of the partner's Order
}

// reply answers an asker; nobody is the zero one.
func (m *Machine) reply(who asker, ok bool, text string) {
	switch {
	case who.request != 0:
		m.do(Reply{who.request, ok, text})
	case who.token != 0 && m.partner.up:
		m.do(Send{Answer{who.token, ok, text}})
	}
}

// The words of an Order.
const (
	wordConfirm = "confirm"
	wordCancel  = "cancel"
	wordTake    = "take"
)

// order is an operator's word that the partner is to carry out.
type order struct {
	token uint64
	who   asker
	word  string
	until time.Duration
}

// maxOrders bounds the orders that wait for an answer.
const maxOrders = 8

func (m *Machine) order(who asker, word string, id version.ID, name string) {
	switch {
	case !m.reachable():
		m.reply(who, false, m.cfg.Partner+" cannot be reached, and it is the one to decide")
		return
	case len(m.orders) >= maxOrders:
		m.reply(who, false, "too many orders wait for "+m.cfg.Partner+" already")
		return
	}
	m.partner.sent++ // tokens and numbers of States share one count
	token := m.partner.sent
	m.orders = append(m.orders, order{token, who, word, m.now + OrderTime})
	m.do(Send{Order{token, word, id, name}})
}

func (m *Machine) onAnswer(a Answer) {
	for i, o := range m.orders {
		if o.token == a.Token {
			m.orders = append(m.orders[:i:i], m.orders[i+1:]...)
			m.reply(o.who, a.OK, a.Text)
			return
		}
	}
}

// failOrders ends every order that waits for the partner of a session that is
// over.
func (m *Machine) failOrders() {
	for _, o := range m.orders {
		m.reply(o.who, false, m.cfg.Partner+" was lost before it answered; see failctl config show")
	}
	m.orders = nil
}

func (m *Machine) expireOrders() {
	var kept []order
	for _, o := range m.orders {
		if m.now < o.until {
			kept = append(kept, o)
			continue
		}
		m.reply(o.who, false, fmt.Sprintf("%s did not answer within %v; see failctl config show", m.cfg.Partner, OrderTime))
	}
	m.orders = kept
}

func (m *Machine) onOrder(o Order) {
	who := asker{token: o.Token}
	a := m.attempt
	mine := a != nil && a.coordinator && a.ref.ID == o.ID
	switch {
	case o.Word == wordTake:
		m.onTakeOrder(who, o)
	case o.Word == wordConfirm && mine:
		m.confirm(who, false)
	case o.Word == wordConfirm && m.mem.Settled.ID == o.ID:
		m.reply(who, true, fmt.Sprintf("%v is committed", m.mem.Settled))
	case o.Word == wordCancel && mine:
		m.cancel(who, o.Who)
	default:
		m.reply(who, false, "the change is over already; see failctl config show")
	}
}

// onTakeOrder takes the partner's version at the word of an operator there. If
// both boxes were told so in the same moment, the one that goes first wins.
func (m *Machine) onTakeOrder(who asker, o Order) {
	for i, own := range m.orders {
		if own.word != wordTake {
			continue
		}
		if m.cfg.First {
			m.reply(who, false, "the same was ordered the other way round in this moment")
			return
		}
		m.orders = append(m.orders[:i:i], m.orders[i+1:]...)
		m.reply(own.who, false, "the same was ordered the other way round in this moment")
		break
	}
	if m.reachable() && m.partner.state.Settled.ID != o.ID {
		m.reply(who, false, "the version to take is not the one in force any more; try again")
		return
	}
	m.take(who, o.Who)
}
