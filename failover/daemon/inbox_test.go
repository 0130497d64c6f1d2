package daemon

import (
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/failover/dhcp"
	"tandem/failover/node"
)

// newTestInbox makes an inbox with a poller of its own.
func newTestInbox(t testing.TB, count *counters) *inbox {
	t.Helper()
	p, err := newPoller()
	check(t, err)
	t.Cleanup(func() { check(t, p.close()) })
	return newInbox(p, count)
}

// messageOf makes one type of message, told apart by xid.
func messageOf(t testing.TB, kind dhcpv4.MessageType, xid byte) []byte {
	t.Helper()
	msg, err := dhcpv4.New(dhcpv4.WithMessageType(kind), dhcpv4.WithTransactionID(dhcpv4.TransactionID{xid}),
		dhcpv4.WithHwAddr([]byte{2, 0, 0, 0, 0, xid}))
	check(t, err)
	return msg.ToBytes()
}

func (b *inbox) putAll(t testing.TB, kind dhcpv4.MessageType, xids ...byte) {
	t.Helper()
	for _, x := range xids {
		b.put(dhcp.Packet{Raw: messageOf(t, kind, x)})
	}
}

func xids(b *batch) string {
	var out []byte
	for _, p := range b.parcels {
		out = append(out, p.in.Packet.Msg.TransactionID[0])
	}
	return string(out)
}

func TestTakeOrder(t *testing.T) {
	in := newTestInbox(t, new(counters))
	in.putAll(t, dhcpv4.MessageTypeDiscover, 1, 3)
	in.putAll(t, dhcpv4.MessageTypeRequest, 2)
	in.putAll(t, dhcpv4.MessageTypeRelease, 4)
	in.send(nil, &node.Query{ID: 7})
	in.order(nil, func() node.Input { return nil })
	in.order(nil, func() node.Input { return &node.Query{ID: 8} })
	in.post(&node.ProbeResult{})
	var b batch
	in.take(time.Hour, &b)
	if len(b.inputs) != 7 {
		t.Fatalf("%d inputs", len(b.inputs))
	}
	if _, ok := b.inputs[0].(*node.ProbeResult); !ok {
		t.Errorf("first comes %T", b.inputs[0])
	}
	for i, want := range []uint64{7, 8} {
		if q, ok := b.inputs[1+i].(*node.Query); !ok || q.ID != want {
			t.Errorf("then comes %+v", b.inputs[1+i])
		}
	}
	if got := xids(&b); got != "\x02\x04\x01\x03" {
		t.Errorf("order %q, want requests before discovers", got)
	}
	in.clear(&b)
	if len(b.inputs) != 0 || len(b.parcels) != 0 || in.waiting() != 0 || len(in.spare) != 4 {
		t.Error("something is left, or lost")
	}
}

func TestTakeWaits(t *testing.T) {
	in := newTestInbox(t, new(counters))
	var b batch
	in.take(time.Millisecond, &b)
	if len(b.inputs) != 0 {
		t.Fatal("something came from nothing")
	}
	for range 1000 { // whoever sends while the loop goes to sleep wakes it up
		go in.send(nil, &node.Query{})
		for len(b.inputs) == 0 {
			in.take(time.Hour, &b)
		}
		in.clear(&b)
	}
}

func TestUndecodable(t *testing.T) {
	count := new(counters)
	in := newTestInbox(t, count)
	raw := messageOf(t, dhcpv4.MessageTypeRequest, 1)
	in.put(dhcp.Packet{Raw: append(raw[:offsetOptions], 12, 200, 'x')}) // an option that is cut off
	in.putAll(t, dhcpv4.MessageTypeRequest, 2)
	var b batch
	in.take(time.Hour, &b)
	if len(b.inputs) != 1 || len(b.parcels) != 2 || count.get(receiveUndecodable) != 1 {
		t.Errorf("%d inputs, %d parcels, %d counted", len(b.inputs), len(b.parcels), count.get(receiveUndecodable))
	}
}

// A full inbox drops the oldest DISCOVER first, and a request only when there
// is no DISCOVER left to drop.
func TestOverload(t *testing.T) {
	count := new(counters)
	in := newTestInbox(t, count)
	in.putAll(t, dhcpv4.MessageTypeDiscover, 42)
	first := in.discovers.buf[in.discovers.head]
	discover, request := messageOf(t, dhcpv4.MessageTypeDiscover, 1), messageOf(t, dhcpv4.MessageTypeRequest, 2)
	for range inboxPackets {
		in.put(dhcp.Packet{Raw: discover})
	}
	if got := count.get(inboxOfferDropped); got != 1 {
		t.Fatalf("%d DISCOVERs dropped, want 1", got)
	}
	if in.discovers.buf[in.discovers.head] == first || in.discovers.buf[(in.discovers.head+inboxPackets-1)%inboxPackets] != first {
		t.Error("it was not the oldest that was dropped")
	}
	for range inboxPackets + 3 {
		in.put(dhcp.Packet{Raw: request})
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
	in := newTestInbox(t, new(counters))
	for range batchSize + 10 {
		in.putAll(t, dhcpv4.MessageTypeRequest, 1)
	}
	var b batch
	in.take(time.Hour, &b)
	if len(b.inputs) != batchSize {
		t.Fatalf("%d at once", len(b.inputs))
	}
	in.clear(&b)
	in.take(time.Hour, &b)
	if len(b.inputs) != 10 {
		t.Fatalf("%d the second time", len(b.inputs))
	}
}

// Streams have the back-pressure of their own transport: they wait.
func TestStreamsBlock(t *testing.T) {
	in := newTestInbox(t, new(counters))
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

func TestIsDiscover(t *testing.T) {
	for kind := dhcpv4.MessageTypeDiscover; kind <= dhcpv4.MessageTypeInform; kind++ {
		raw := messageOf(t, kind, 1)
		if got := isDiscover(raw); got != (kind == dhcpv4.MessageTypeDiscover) {
			t.Errorf("%s: %v", kind, got)
		}
		for n := range raw { // no length may hurt
			isDiscover(raw[:n])
		}
	}
	options := func(b ...byte) []byte { return append(make([]byte, offsetOptions), b...) }
	if !isDiscover(options(0, 0, 12, 1, 'x', 53, 1, 1, 255)) {
		t.Error("padding and another option hide the message type")
	}
	if isDiscover(options(255, 53, 1, 1)) || isDiscover(options(53, 1)) || isDiscover(options(12, 3, 53, 1, 1, 255)) {
		t.Error("a DISCOVER where none is")
	}
}
