package main

import (
	"os"
	"path/filepath"
)

// lights sets the LEDs of the case: alive is lit while PID 1 turns, serve
// while dhcpfd is ready and the clock is trusted, alarms while one stands.
func (b *box) lights() {
	leds := b.found.Board.LEDs
	b.light(leds.Alive, true)
	b.light(leds.Serve, b.engineReady() && b.trusted().Trusted)
	b.light(leds.Alarms, len(b.monitor.Alarms()) > 0)
}

// light switches one LED if the box has it and it is not so already.
func (b *box) light(name string, on bool) {
	if name == "" || b.lit[name] == on {
		return
	}
	value := "0"
	if on {
		value = "1"
	}
	// A case without its lights serves all the same; it is tried once.
	if err := os.WriteFile(filepath.Join("/sys/class/leds", name, "brightness"), []byte(value), 0); err != nil {
		b.log("LED: %v", err)
	}
	b.lit[name] = on
}
