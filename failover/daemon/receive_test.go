package daemon

import (
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tandem/failover/daemon/mmsg"
	"tandem/failover/dhcp"
)

// bootp makes the first octets of a message.
func bootp(giaddr byte, hw ...byte) []byte {
	raw := make([]byte, minBOOTP)
	raw[offsetOp], raw[offsetHlen], raw[offsetGiaddr] = opRequest, byte(len(hw)), giaddr
	copy(raw[offsetChaddr:], hw)
	return raw
}

func TestWorthwhile(t *testing.T) {
	count := new(counters)
	in := newIntake(67, nil, count, Rate{PerSecond: 1, Burst: 2}, Rate{PerSecond: 1, Burst: 4})
	now := int64(time.Hour)
	pass := func(raw []byte) bool { return in.worthwhile(raw, now) }

	reply := bootp(0, 1)
	reply[offsetOp] = 2
	if pass(reply) || pass(bootp(0, 1)[:minBOOTP-1]) || pass(nil) || count.get(receiveNotRequest) != 3 {
		t.Error("what is no request came in")
	}
	for i, want := range []bool{true, true, false} {
		if pass(bootp(0, 1, 1)) != want {
			t.Errorf("packet %d of a client whose bucket holds two: %v", i, !want)
		}
	}
	if count.get(clientThrottled) != 1 {
		t.Error("not counted")
	}
	if !pass(bootp(0, 1, 2)) {
		t.Error("another client is stopped")
	}
	for i := range byte(4) {
		if !pass(bootp(9, 2, i)) {
			t.Errorf("packet %d of the relay is stopped", i)
		}
	}
	if pass(bootp(9, 2, 9)) || count.get(relayThrottled) != 1 {
		t.Error("the relay's bucket holds four tokens")
	}
	for i := range byte(4) { // leasequeries name no client
		if !pass(bootp(10)) {
			t.Errorf("leasequery %d is stopped", i)
		}
	}
	silly := bootp(0)
	silly[offsetHlen] = 255
	if !pass(silly) {
		t.Error("a silly hardware length is for the decoder to judge")
	}
}

// TestStaleDatagramsAreDropped: what waited in the socket while the process
// stood still is of exchanges that are long over.
func TestStaleDatagramsAreDropped(t *testing.T) {
	if !alone(t) {
		return
	}
	loopbackUp(t)
	fd, err := openUDP(67)
	check(t, err)
	count := new(counters)
	in := newIntake(67, newTestInbox(t, count), count, Rate{}, Rate{})
	lo := &dhcp.Interface{Index: 1, Name: "lo"}
	open := func(raw []byte, m mmsg.Message) (dhcp.Packet, bool) {
		return in.openDatagram(raw, m, func(int) *dhcp.Interface { return lo })
	}
	request := make([]byte, 300)
	request[offsetOp], request[offsetHlen] = opRequest, 6
	out := mmsg.NewWriter(fd, 1)
	say := func() {
		slot := out.Add(request, unix.SizeofSockaddrInet4, 0)
		*(*unix.RawSockaddrInet4)(unsafe.Pointer(slot.Name)) = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: networkOrder(67), Addr: [4]byte{127, 0, 0, 1}}
		out.Flush(func(_ int, err error) { t.Fatal(err) })
	}
	say()
	in.receive(fd, open)
	if got := count.get(receiveStale); got != 0 || count.get(received) != 1 {
		t.Errorf("%d of %d fresh ones are stale", got, count.get(received))
	}
	in.wall = func() int64 { return time.Now().Add(staleAfter + time.Second).UnixNano() }
	say()
	in.receive(fd, open)
	if got := count.get(receiveStale); got != 1 {
		t.Errorf("%d stale ones", got)
	}
}

// The word to ourselves comes through the socket; without it, and without any
// other packet, the path is broken.
func TestPathCheck(t *testing.T) {
	if !alone(t) {
		return
	}
	fd, err := openUDP(67)
	check(t, err)
	in := newIntake(67, newTestInbox(t, new(counters)), new(counters), Rate{}, Rate{})
	in.path = pathCheck{out: mmsg.NewWriter(fd, 1), port: 67}
	open := func(raw []byte, m mmsg.Message) (dhcp.Packet, bool) {
		return in.openDatagram(raw, m, func(int) *dhcp.Interface { return nil })
	}
	for range 3 {
		if !in.path.passed() {
			t.Error("no loopback, nothing to be learnt, but it did not pass")
		}
	}
	loopbackUp(t)
	for range 3 {
		if !in.path.passed() {
			t.Error("the word was received, but it did not pass")
		}
		in.receive(fd, open)
	}
	in.path.passed()
	if in.path.passed() {
		t.Error("passed, although nothing was received")
	}
	if got := in.count.get(receiveForeignPort); got != 0 {
		t.Errorf("our own word is counted as a stranger's %d times", got)
	}
}
