package main

import (
	"io"
	"os"

	"tandem/failover/wire/pcap"
)

// decode prints failover messages out of a capture or hexadecimal text.
func decode(out *output, _ options, args []string) error {
	if len(args) > 1 {
		return usageError("decode takes one file, or reads standard input")
	}
	var data []byte
	var err error
	if len(args) == 0 || args[0] == "-" {
		data, err = io.ReadAll(os.Stdin)
	} else {
		data, err = os.ReadFile(args[0])
	}
	if err != nil {
		return err
	}
	return pcap.Print(out, data)
}
