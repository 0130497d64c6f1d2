package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"tandem/images/grubenv"
	"tandem/images/layout"
	"tandem/init/boot"
)

// slotLook bounds the look into the other slot.
const slotLook = 10 * time.Second

// lookAtOtherSlot finds out what software the slot has that is not running.
func (b *box) lookAtOtherSlot(ctx context.Context) {
	slot := b.slotName()
	if slot == "" {
		return // started without the boot loader
	}
	ctx, stop := context.WithTimeout(ctx, slotLook)
	defer stop()
	part, err := boot.AwaitPartition(ctx, hostRoot, layout.SlotPartition(grubenv.Other(slot)))
	if err != nil {
		return // the disk has been changed by hand: there is no other slot
	}
	version := ""
	// A slot that was never written has no file system.
	_ = (&machine{b}).visit(part.Device, false, func(dir string) error {
		raw, err := os.ReadFile(filepath.Join(dir, layout.SlotManifest))
		if err != nil {
			return err
		}
		var m struct {
			Version string `json:"version"`
		}
		err = json.Unmarshal(raw, &m)
		version = m.Version
		return err
	})
	b.otherSlot.Store(&version)
}
