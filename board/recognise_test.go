package board

import (
	"strings"
	"testing"
)

func TestRecognise(t *testing.T) {
	tests := []struct {
		name  string
		facts Facts
		board string
		known bool
		why   string
	}{
		{"apu2 with newer firmware", Facts{Arch: "amd64", Image: "pc", Vendor: "PC Engines", Product: "apu2", Mainboard: "apu2"}, "apu2", true, "PC Engines apu2"},
		{"apu4 with legacy firmware", Facts{Arch: "amd64", Vendor: "PC Engines", Product: "PC Engines apu4"}, "apu2", true, "DMI"},
		{"case of letters", Facts{Arch: "amd64", Vendor: "pc engines", Product: "APU2"}, "apu2", true, "DMI"},
		{"virtual Q35", Facts{Arch: "amd64", Image: "pc", Vendor: "QEMU", Product: "Standard PC (Q35 + ICH9, 2009)"}, "qemu-x86", true, "DMI"},
		{"virtual arm64 by device tree", Facts{Arch: "arm64", Compatible: []string{"linux,dummy-virt"}}, "qemu-arm64", true, "device tree (linux,dummy-virt)"},
		{"virtual arm64 by ACPI", Facts{Arch: "arm64", Vendor: "QEMU", Product: "QEMU Virtual Machine"}, "qemu-arm64", true, "DMI"},
		{"Pi 4", Facts{Arch: "arm64", Compatible: []string{"raspberrypi,4-model-b", "brcm,bcm2711"}}, "rpi4", true, "raspberrypi,4-model-b"},
		{"unknown PC", Facts{Arch: "amd64", Image: "pc", Vendor: "Acme", Product: "Box 9"}, "pc", false, "unknown hardware (DMI Acme Box 9), runs as generic PC"},
		{"unknown PC with the image of another board", Facts{Arch: "amd64", Image: "apu2", Vendor: "Acme"}, "pc", false, "Acme"},
		{"no DMI", Facts{Arch: "amd64"}, "pc", false, "amd64 without DMI or device tree"},
		{"unknown arm64", Facts{Arch: "arm64", Compatible: []string{"acme,box"}}, "arm64-uefi", false, "device tree acme,box"},
		{"half a rule is no match", Facts{Arch: "amd64", Vendor: "PC Engines", Product: "alix"}, "pc", false, "alix"},
		{"rules of another architecture", Facts{Arch: "arm64", Vendor: "PC Engines", Product: "apu2"}, "arm64-uefi", false, "apu2"},
		{"unheard-of architecture with an image", Facts{Arch: "riscv64", Image: "rpi4"}, "rpi4", false, "riscv64"},
		{"unheard-of architecture", Facts{Arch: "riscv64"}, "pc", false, "riscv64"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Recognise(tt.facts)
			if got.Board.Name != tt.board || got.Known != tt.known {
				t.Errorf("got %s (known %v), want %s (known %v)", got.Board.Name, got.Known, tt.board, tt.known)
			}
			if !strings.Contains(got.Why, tt.why) {
				t.Errorf("why %q does not say %q", got.Why, tt.why)
			}
		})
	}
}

func TestEmptyRuleFitsNothing(t *testing.T) {
	if (Rule{}).fits(Facts{Arch: "amd64", Vendor: "Acme"}) {
		t.Error("an empty rule fits")
	}
}
