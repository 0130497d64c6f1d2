package setup

import (
	"context"
	"io"
)

// Console is one terminal. The device must give keys as they are typed,
// unechoed (raw mode), and pass octets through unchanged.
type Console struct {
	In  io.Reader
	Out io.Writer
	// Notices are log lines; a terminal of lines shows them, a screen shows
	// the last one. May be nil.
	Notices <-chan string
}

// Run serves one console until ctx ends or the console is at its end.
func Run(ctx context.Context, c Console, m Machine) error {
	<-ctx.Done()
	return ctx.Err()
}
