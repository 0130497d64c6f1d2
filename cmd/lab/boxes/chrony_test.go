package boxes

import (
	"os"
	"path/filepath"

	"tandem/cmd/lab/netlab"
)

// startChrony runs a real time server that shows this machine's time and
// leaves its clock alone (-x).
func startChrony(s *Stage, node *netlab.Node) error {
	conf := filepath.Join(s.dir, "chrony.conf")
	text := "local stratum 5\nallow 10.77.0.0/24\nbindaddress 10.77.0.20\ncmdport 0\npidfile " + filepath.Join(s.dir, "chrony.pid") + "\n"
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return err
	}
	_, err := node.Start(netlab.Command{Args: []string{"chronyd", "-x", "-d", "-U", "-u", "root", "-f", conf}})
	return err
}
