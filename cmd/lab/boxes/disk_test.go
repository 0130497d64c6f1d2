package boxes

import (
	"bufio"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"tandem/cmd/lab/load"
	"tandem/cmd/lab/netlab"
	"tandem/images/layout"
)

// tool runs a program of e2fsprogs or the like to its end.
func tool(args ...string) (string, error) {
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// data is the data partition inside a disk, as e2fsprogs take it.
func data(disk string) string { return fmt.Sprintf("%s?offset=%d", disk, layout.DataStart) }

// debugfs changes the data partition of a box without power.
func debugfs(t *testing.T, disk string, commands ...string) string {
	t.Helper()
	var all string
	for _, c := range commands {
		out, err := tool("debugfs", "-w", "-R", c, data(disk))
		if err == nil && regexp.MustCompile(`(?i)could not|no such|not found|no free|error`).MatchString(out) {
			err = fmt.Errorf("debugfs: %s: %s", c, out) // its exit code tells nothing
		}
		if err != nil {
			t.Fatal(err)
		}
		all += out
	}
	return all
}

// promise is a lease as the disk has it.
type promise struct {
	mac  string
	ends time.Time
}

// promises takes the data partition out of a disk as the power cut left it,
// repairs that copy as a box would, and reads the leases.
func promises(disk, dir string) (map[netip.Addr]promise, error) {
	part := filepath.Join(dir, "part")
	if _, err := tool("dd", "if="+disk, "of="+part, "bs=1M", fmt.Sprint("skip=", layout.DataStart/layout.MiB), "conv=sparse", "status=none"); err != nil {
		return nil, err
	}
	defer os.Remove(part)
	var exit *exec.ExitError
	if _, err := tool("e2fsck", "-fp", part); errors.As(err, &exit) && exit.ExitCode() > 1 {
		return nil, err
	}
	if _, err := tool("e2fsck", "-fn", part); err != nil {
		return nil, fmt.Errorf("not clean after its repair: %w", err)
	}
	leases := filepath.Join(dir, "leases")
	if err := os.RemoveAll(leases); err != nil {
		return nil, err
	}
	if _, err := tool("debugfs", "-R", "rdump /leases "+dir, part); err != nil {
		return nil, err
	}
	if names, err := os.ReadDir(leases); err != nil || len(names) == 0 {
		return nil, nil // the power went before the first start of dhcpfd
	}
	text, err := tool(filepath.Join(netlab.Dir(), "amd64-failctl"), "leases", "export", leases)
	if err != nil {
		return nil, err
	}
	return readLeases(text), nil
}

var (
	leaseOpens = regexp.MustCompile(`^lease ([0-9.]+) {`)
	leaseEnds  = regexp.MustCompile(`^  ends \d (\S+ \S+);`)
	leaseMAC   = regexp.MustCompile(`^  hardware ethernet (\S+);`)
)

// readLeases reads what failctl writes in the format of dhcpd.leases.
func readLeases(text string) map[netip.Addr]promise {
	all := map[netip.Addr]promise{}
	var addr netip.Addr
	var p promise
	active := false
	for in := bufio.NewScanner(strings.NewReader(text)); in.Scan(); {
		line := in.Text()
		if m := leaseOpens.FindStringSubmatch(line); m != nil {
			addr, _ = netip.ParseAddr(m[1])
			p, active = promise{}, false
		}
		if m := leaseEnds.FindStringSubmatch(line); m != nil {
			p.ends, _ = time.Parse("2006/01/02 15:04:05", m[1])
		}
		if m := leaseMAC.FindStringSubmatch(line); m != nil {
			p.mac = m[1]
		}
		active = active || strings.HasPrefix(line, "  binding state active")
		if line == "}" && active {
			all[addr] = p
		}
	}
	return all
}

// kept compares what clients were promised with what a disk has.
func kept(books *load.Books, disk map[netip.Addr]promise) error {
	held := books.Held(time.Now())
	for _, a := range held {
		p, ok := disk[a.Addr]
		switch {
		case !ok:
			return fmt.Errorf("%v was promised to %v until %v, the disk has no lease", a.Addr, a.Client, a.Ends())
		case p.mac != a.Client.String():
			return fmt.Errorf("%v was promised to %v, the disk has it for %s", a.Addr, a.Client, p.mac)
		case p.ends.Before(a.Ends().Add(-2 * time.Second)): // whole seconds, and the clock's error
			return fmt.Errorf("%v was promised until %v, the disk has %v", a.Addr, a.Ends(), p.ends)
		}
	}
	return nil
}

// freeBlocks is how many blocks of the data partition are free.
func freeBlocks(t *testing.T, disk string) int {
	t.Helper()
	out, err := tool("dumpe2fs", "-h", data(disk))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^Free blocks: +(\d+)`).FindStringSubmatch(out)
	if m == nil {
		t.Fatal("dumpe2fs tells no free blocks")
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
