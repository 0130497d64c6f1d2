package peers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Build puts our own programs into dir, which becomes netlab.Dir.
func Build(dir string) error {
	for _, name := range []string{"dhcpfd", "failctl"} {
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, name), "tandem/cmd/"+name)
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("build %s: %w", name, err)
		}
	}
	return nil
}
