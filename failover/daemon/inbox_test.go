package daemon

import (
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/failover/node"
)

// message makes a parcel of one type of message, told apart by xid.
func message(t testing.TB, kind dhcpv4.MessageType, xid byte) *parcel {
	t.Helper()
	msg, err := dhcpv4.New(dhcpv4.WithMessageType(kind), dhcpv4.WithTransactionID(dhcpv4.TransactionID{xid}))
	if err != nil {
		t.Fatal(err)
	}
	p := new(parcel)
	p.in.Packet.Msg = msg
	return p
}

func xids(b *batch) []byte {
	var out []byte
	for _, p := range b.parcels {
		out = append(out, p.in.Packet.Msg.TransactionID[0])
	}
	return out
}

func TestTakeOrder(t *testing.T) {
	in := newInbox(new(counters))
	in.put([]*parcel{
		message(t, dhcpv4.MessageTypeDiscover, 1), message(t, dhcpv4.MessageTypeRequest, 2),
		message(t, dhcpv4.MessageTypeDiscover, 3), message(t, dhcpv4.MessageTypeRelease, 4),
	})
	if !in.send(nil, &node.Query{ID: 7}) {
		t.Fatal("not sent")
	}
	var b batch
	in.take(nil, time.Hour, &b)
	if q, ok := b.inputs[0].(*node.Query); !ok || q.ID != 7 {
		t.Errorf("first comes %T", b.inputs[0])
	}
	if got := string(xids(&b)); got != "\x02\x04\x01\x03" {
		t.Errorf("order %v, want requests before discovers", xids(&b))
	}
	b.release()
	if len(b.inputs) != 0 || len(b.parcels) != 0 || in.waiting() != 0 {
		t.Error("something is left")
	}
}

func TestTakeWaits(t *testing.T) {
	in := newInbox(new(counters))
	var b batch
	in.take(nil, time.Millisecond, &b)
	if len(b.inputs) != 0 {
		t.Fatal("something came from nothing")
	}
	go in.put([]*parcel{message(t, dhcpv4.MessageTypeRequest, 9)})
	in.take(nil, time.Hour, &b)
	if len(b.parcels) != 1 {
		t.Fatalf("%d packets", len(b.parcels))
	}
	done := make(chan struct{})
	close(done)
	in.take(done, time.Hour, &b)
	if len(b.inputs) != 0 {
		t.Fatal("the last batch came again")
	}
}

// A full inbox drops the oldest DISCOVER first, and a request only when there
// is no DISCOVER left to drop.
func TestOverload(t *testing.T) {
	count := new(counters)
	in := newInbox(count)
	one := message(t, dhcpv4.MessageTypeDiscover, 1).in.Packet.Msg
	discover := func(n int) {
		for range n {
			p := new(parcel)
			p.in.Packet.Msg = one
			in.put([]*parcel{p})
		}
	}
	in.put([]*parcel{message(t, dhcpv4.MessageTypeDiscover, 42)})
	discover(inboxPackets)
	if got := count.get(inboxOfferDropped); got != 1 {
		t.Fatalf("%d DISCOVERs dropped, want 1", got)
	}
	if p := in.discovers.buf[in.discovers.head]; p.in.Packet.Msg != one {
		t.Error("it was not the oldest that was dropped")
	}
	request := message(t, dhcpv4.MessageTypeRequest, 5).in.Packet.Msg
	for range inboxPackets + 3 {
		p := new(parcel)
		p.in.Packet.Msg = request
		in.put([]*parcel{p})
	}
	if got := count.get(inboxOfferDropped); got != inboxPackets+1 {
		t.Errorf("%d DISCOVERs dropped, want %d", got, inboxPackets+1)
	}
	if got := count.get(inboxRequestDropped); got != 3 {
		t.Errorf("%d requests dropped, want 3", got)
	}
	if in.waiting() != inboxPackets {
		t.Errorf("%d wait", in.waiting())
	}
}

func TestBatchIsBounded(t *testing.T) {
	in := newInbox(new(counters))
	for i := range batchSize + 10 {
		in.put([]*parcel{message(t, dhcpv4.MessageTypeRequest, byte(i))})
	}
	var b batch
	in.take(nil, time.Hour, &b)
	if len(b.inputs) != batchSize {
		t.Fatalf("%d at once", len(b.inputs))
	}
	in.take(nil, time.Hour, &b)
	if len(b.inputs) != 10 {
		t.Fatalf("%d the second time", len(b.inputs))
	}
}

// Streams have the back-pressure of their own transport: they wait.
func TestStreamsBlock(t *testing.T) {
	in := newInbox(new(counters))
	for range inboxStreams {
		in.send(nil, &node.Query{})
	}
	done := make(chan struct{})
	sent := make(chan bool)
	go func() { sent <- in.send(done, &node.Query{}) }()
	select {
	case <-sent:
		t.Fatal("there was room where there is none")
	case <-time.After(10 * time.Millisecond):
	}
	close(done)
	if <-sent {
		t.Error("sent after the end")
	}
}
