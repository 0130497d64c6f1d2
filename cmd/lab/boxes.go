package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"tandem/cmd/lab/boxes"
	"tandem/cmd/lab/netlab"
)

// boxBoard is the board that the lab shows.
const boxBoard = "qemu-x86"

// runBoxes builds the image and shows a pair of boxes.
func runBoxes(args []string) error {
	set := flag.NewFlagSet("lab boxes", flag.ContinueOnError)
	set.Usage = func() { fmt.Fprint(set.Output(), usage) }
	provisioned := set.Bool("provisioned", false, "")
	if err := set.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	prepare := func(dir string) error {
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Minute)
		defer stop()
		began := time.Now()
		_, err := boxes.Build(ctx, ".", boxBoard, dir, func(format string, args ...any) {
			fmt.Printf("%6.1fs  image    %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
		})
		return err
	}
	if err := netlab.Enter(prepare); err != nil {
		return err
	}
	return boxes.Run(context.Background(), boxes.Options{Image: boxes.ImageIn(netlab.Dir(), boxBoard), Blank: !*provisioned}, os.Stdout)
}
