package qemu

import (
	"context"
	"fmt"
)

// PullPower takes the power away: what the box had not yet written to its disk
// is lost. A box that is off stays off.
func (b *Box) PullPower() {
	if r := b.current(); r != nil {
		r.kill()
		b.off(r)
	}
}

// off notes the end of a machine at once, not when reap comes round to it.
func (b *Box) off(r *running) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.run == r {
		b.run = nil
	}
}

// WaitOff waits until the box has switched itself off.
func (b *Box) WaitOff(ctx context.Context) error {
	r := b.current()
	if r == nil {
		return nil
	}
	select {
	case <-r.ended:
		b.off(r)
		return nil
	case <-ctx.Done():
		return fmt.Errorf("box %s is still on: %w", b.Machine.Name, ctx.Err())
	}
}

// command sends one control command.
func (b *Box) command(ctx context.Context, name string, args any) error {
	r := b.current()
	if r == nil {
		return fmt.Errorf("box %s: %s: %w", b.Machine.Name, name, errOff)
	}
	if _, err := r.monitor.do(ctx, name, args); err != nil {
		return fmt.Errorf("box %s: %w", b.Machine.Name, err)
	}
	return nil
}

// Reset presses the reset button.
func (b *Box) Reset(ctx context.Context) error { return b.command(ctx, "system_reset", nil) }

// PressPower presses the power button, which asks the software to end.
func (b *Box) PressPower(ctx context.Context) error { return b.command(ctx, "system_powerdown", nil) }

// Freeze stops the processor. The clock chip and the network go on.
func (b *Box) Freeze(ctx context.Context) error { return b.command(ctx, "stop", nil) }

// Thaw lets a frozen box go on as if nothing had been.
func (b *Box) Thaw(ctx context.Context) error { return b.command(ctx, "cont", nil) }

// SetCarrier sets whether a port sees a link, as a cable does that is pulled or
// plugged in. It cuts the way into the switch too. A cable that is pulled stays
// so over the box's restarts, and may be pulled while the box is off.
func (b *Box) SetCarrier(ctx context.Context, port int, up bool) error {
	if port < 0 || port >= len(b.cables) {
		return fmt.Errorf("box %s has no port %d", b.Machine.Name, port)
	}
	f := b.Cable(port).Faults()
	f.Cut = !up
	b.Cable(port).SetFaults(f)
	b.mu.Lock()
	b.pulled[port] = !up
	r := b.run
	b.mu.Unlock()
	if r == nil {
		return nil
	}
	return b.setLink(ctx, r, port, up)
}

func (b *Box) setLink(ctx context.Context, r *running, port int, up bool) error {
	if _, err := r.monitor.do(ctx, "set_link", map[string]any{"name": "nic-" + portID(port), "up": up}); err != nil {
		return fmt.Errorf("box %s: %w", b.Machine.Name, err)
	}
	return nil
}

// Events returns how many events the running machine has told so far; give it
// to WaitEvent to see only later ones.
func (b *Box) Events() int {
	r := b.current()
	if r == nil {
		return 0
	}
	r.monitor.mu.Lock()
	defer r.monitor.mu.Unlock()
	return r.monitor.total
}

// WaitEvent waits for an event of QEMU by name ("WATCHDOG", "RESET") after the
// first skip ones, and returns it and its number.
func (b *Box) WaitEvent(ctx context.Context, name string, skip int) (Event, int, error) {
	r := b.current()
	if r == nil {
		return Event{}, 0, fmt.Errorf("box %s: %w", b.Machine.Name, errOff)
	}
	return r.monitor.wait(ctx, name, skip)
}

// close ends everything of the box.
func (b *Box) close() {
	b.PullPower()
	for _, k := range b.cables {
		k.close()
	}
	if b.log != nil {
		b.log.Close()
	}
}
