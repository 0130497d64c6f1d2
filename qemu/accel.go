package qemu

import (
	"os"
	"runtime"
	"slices"
	"strings"
)

// AccelVariable is the environment variable that overrides Accelerator: "kvm"
// or "tcg".
const AccelVariable = "TANDEM_ACCEL"

// Accelerator decides how a machine of an architecture is run. Hardware help is
// taken only if it can be opened and the processor says that it has it: some
// clouds offer a /dev/kvm in which ordinary kernels hang, and QEMU does not
// fall back by itself.
func Accelerator(arch string) string {
	if forced := os.Getenv(AccelVariable); forced == "kvm" || forced == "tcg" {
		return forced
	}
	if arch != runtime.GOARCH {
		return "tcg"
	}
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return "tcg"
	}
	f.Close()
	cpu, err := os.ReadFile("/proc/cpuinfo")
	if err != nil || !virtualises(arch, string(cpu)) {
		return "tcg"
	}
	return "kvm"
}

// virtualises looks for the processor's own virtualisation in /proc/cpuinfo.
func virtualises(arch, cpuinfo string) bool {
	if arch != "amd64" {
		return true // arm64 says nothing there; the device is all there is to go by
	}
	for line := range strings.Lines(cpuinfo) {
		if key, flags, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "flags" {
			words := strings.Fields(flags)
			return slices.Contains(words, "vmx") || slices.Contains(words, "svm")
		}
	}
	return false
}
