package qemu

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"testing"
	"time"
)

// tap collects what leaves a port.
type tap struct {
	port *Port
	got  chan []byte
}

func plug(t *testing.T, s *Switch, name string) *tap {
	t.Helper()
	p := &tap{got: make(chan []byte, 2*portQueue)}
	var err error
	if p.port, err = s.Connect(name, func(f []byte) { p.got <- f }); err != nil {
		t.Fatal(err)
	}
	return p
}

func mac(n byte) MAC { return MAC{0x52, 0x54, 0, 0, 0, n} }

var broadcast = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// frame carries one byte that tells frames apart.
func frame(to, from MAC, mark byte) []byte {
	f := append(append(append([]byte{}, to[:]...), from[:]...), 0x88, 0xb5, mark)
	return f
}

// next waits for a frame and checks its mark.
func (p *tap) next(t *testing.T, mark byte) {
	t.Helper()
	select {
	case f := <-p.got:
		if f[14] != mark {
			t.Fatalf("port %s: frame %d came, want %d", p.port.Name, f[14], mark)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("port %s: frame %d never came", p.port.Name, mark)
	}
}

func TestLearning(t *testing.T) {
	s := NewSwitch("lan")
	defer s.Close()
	a, b, c := plug(t, s, "a"), plug(t, s, "b"), plug(t, s, "c")
	a.port.Send(frame(mac(2), mac(1), 1)) // b is unknown: everybody gets it
	b.next(t, 1)
	c.next(t, 1)
	b.port.Send(frame(mac(1), mac(2), 2)) // a is known: only a gets it
	a.next(t, 2)
	c.port.Send(frame(broadcast, mac(3), 3)) // the next that c sees must not be 2
	a.next(t, 3)
	b.next(t, 3)
	b.port.Send(frame(mac(3), mac(2), 4))
	c.next(t, 4)
	c.port.Close() // its address is forgotten: flooded again
	a.port.Send(frame(mac(3), mac(1), 5))
	b.next(t, 5)
	a.port.Send(frame(mac(1), mac(9), 6)) // to itself: nobody
	a.port.Send(frame(broadcast, mac(1), 7))
	b.next(t, 7)
	if n := a.port.Counts(); n.In != 4 || n.Out != 2 {
		t.Errorf("counts of a: %+v", n)
	}
}

func TestFaults(t *testing.T) {
	s := NewSwitch("lan")
	defer s.Close()
	a, b := plug(t, s, "a"), plug(t, s, "b")
	b.port.SetFaults(Faults{Cut: true})
	a.port.Send(frame(broadcast, mac(1), 1))
	b.port.Send(frame(broadcast, mac(2), 2))
	b.port.SetFaults(Faults{})
	a.port.Send(frame(broadcast, mac(1), 3))
	b.port.Send(frame(broadcast, mac(2), 4))
	b.next(t, 3)
	a.next(t, 4)
	if n := b.port.Counts(); n.Lost != 2 {
		t.Errorf("cut: %+v", n)
	}
	b.port.SetFaults(Faults{Block: func(f []byte) bool { return f[14] == 5 }})
	a.port.Send(frame(broadcast, mac(1), 5))
	a.port.Send(frame(broadcast, mac(1), 6))
	b.next(t, 6)
	b.port.SetFaults(Faults{Delay: 30 * time.Millisecond})
	sent := time.Now()
	a.port.Send(frame(broadcast, mac(1), 7))
	a.port.Send(frame(broadcast, mac(1), 8))
	b.next(t, 7)
	if d := time.Since(sent); d < 30*time.Millisecond {
		t.Errorf("delayed by %v only", d)
	}
	b.next(t, 8)
	if f := b.port.Faults(); f.Delay != 30*time.Millisecond {
		t.Errorf("faults %+v", f)
	}
}

// A cut takes the frames too that wait for their delay to end.
func TestCutHoldsForDelayedFrames(t *testing.T) {
	s := NewSwitch("lan")
	defer s.Close()
	a, b := plug(t, s, "a"), plug(t, s, "b")
	b.port.SetFaults(Faults{Delay: 50 * time.Millisecond})
	a.port.Send(frame(broadcast, mac(1), 1))
	b.port.SetFaults(Faults{Cut: true})
	for deadline := time.Now().Add(10 * time.Second); b.port.Counts().Lost == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the frame was never lost")
		}
		runtime.Gosched()
	}
	if n := b.port.Counts(); n.Out != 0 {
		t.Errorf("%+v", n)
	}
}

func TestDropIsTheSameEachTime(t *testing.T) {
	lost := func() uint64 {
		s := NewSwitch("lan")
		defer s.Close()
		a := plug(t, s, "a")
		a.port.SetFaults(Faults{Drop: 0.5})
		for range 1000 {
			a.port.Send(frame(broadcast, mac(1), 0))
		}
		return a.port.Counts().Lost
	}
	first, second := lost(), lost()
	if first != second || first < 400 || first > 600 {
		t.Errorf("lost %d, then %d of 1000 at one half", first, second)
	}
}

func TestQueueIsBounded(t *testing.T) {
	s := NewSwitch("lan")
	defer s.Close()
	hold := make(chan struct{})
	slow, err := s.Connect("slow", func([]byte) { <-hold })
	if err != nil {
		t.Fatal(err)
	}
	defer close(hold)
	a := plug(t, s, "a")
	const sent = portQueue + 100
	for range sent {
		a.port.Send(frame(broadcast, mac(1), 0))
	}
	if full := slow.Counts().Full; full < sent-portQueue-1 || full > sent-portQueue {
		t.Errorf("%d of %d frames refused by a queue of %d", full, sent, portQueue)
	}
}

func TestTableIsBounded(t *testing.T) {
	s := NewSwitch("lan")
	defer s.Close()
	a := plug(t, s, "a")
	for i := range 3 * maxMACs {
		f := frame(broadcast, MAC{0x02, 0, byte(i >> 16), byte(i >> 8), byte(i)}, 0)
		a.port.Send(f)
	}
	if n := len(s.macs); n > maxMACs {
		t.Errorf("%d addresses learned", n)
	}
}

func TestBadFramesAreRefused(t *testing.T) {
	s := NewSwitch("lan")
	defer s.Close()
	a := plug(t, s, "a")
	for _, n := range []int{0, 13, MaxFrame + 1} {
		a.port.Send(make([]byte, n))
	}
	if c := a.port.Counts(); c.Refused != 3 || c.In != 0 {
		t.Errorf("%+v", c)
	}
}

func TestRecord(t *testing.T) {
	s := NewSwitch("lan")
	defer s.Close()
	a := plug(t, s, "a")
	var file bytes.Buffer
	if err := s.Record(&file); err != nil {
		t.Fatal(err)
	}
	want := frame(broadcast, mac(1), 7)
	a.port.Send(want)
	if err := s.Record(nil); err != nil {
		t.Fatal(err)
	}
	a.port.Send(want)
	b := file.Bytes()
	if len(b) != 24+16+len(want) || binary.LittleEndian.Uint32(b) != 0xa1b2c3d4 || !bytes.Equal(b[40:], want) {
		t.Errorf("recorded % x", b)
	}
	if n := binary.LittleEndian.Uint32(b[32:]); int(n) != len(want) {
		t.Errorf("length %d", n)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	before := runtime.NumGoroutine()
	s := NewSwitch("lan")
	a := plug(t, s, "a")
	a.port.SetFaults(Faults{Delay: time.Hour})
	b := plug(t, s, "b")
	b.port.Send(frame(broadcast, mac(2), 1))
	s.Close()
	s.Close()
	b.port.Send(frame(broadcast, mac(2), 2))
	if _, err := s.Connect("late", nil); err == nil {
		t.Error("a closed switch took a port")
	}
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
		runtime.Gosched()
	}
}
