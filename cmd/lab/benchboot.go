package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"

	"tandem/cmd/lab/boxes"
	"tandem/cmd/lab/netlab"
)

// benchBoot measures how long a box takes from power-on to service.
func benchBoot() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	began := time.Now()
	prepare := func(dir string) error {
		for _, name := range boxes.BenchBoards {
			_, err := boxes.Build(ctx, ".", name, dir, func(format string, args ...any) {
				fmt.Fprintf(os.Stderr, "%6.1f s  "+format+"\n", append([]any{time.Since(began).Seconds()}, args...)...)
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	if err := netlab.Enter(prepare); err != nil {
		return err
	}
	return boxes.BenchBoot(ctx, os.Stdout, netlab.Dir(), os.Getenv("BOXES_CONSOLES"))
}
