package bench

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// table is the result as Markdown.
func table(results []Result, disk, busy string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "`make bench` on a machine with %d cores, leases on %s. Load: perfdhcp, %d clients that come again and again.\n\n",
		runtime.NumCPU(), disk, clients)
	if busy != "" {
		b.WriteString(busy + "\n\n")
	}
	fmt.Fprintf(&b, "| server | held exchanges/s | CPU per exchange | CPU, new client | memory | latency at %d/s p50, p99 | latency at 80 %% load p50, p99 |\n", calm)
	b.WriteString("|---|--:|--:|--:|--:|--:|--:|\n")
	limited := false
	for _, r := range results {
		star := ""
		if r.Limited {
			star, limited = " *", true
		}
		fmt.Fprintf(&b, "| %s | %d%s | %d us | %d us | %.1f MB | %s, %s | %s, %s |\n", r.Kind, r.Held, star, r.CPU.Microseconds(), r.NewCPU.Microseconds(),
			float64(r.Resident)/1e6, ms(r.Calm.P50), ms(r.Calm.P99), ms(r.Working.P50), ms(r.Working.P99))
	}
	if limited {
		b.WriteString("\n\\* perfdhcp itself could not do more.\n")
	}
	b.WriteString("\n| " + string(results[0].Kind) + " against | rate | CPU per exchange | memory |\n|---|--:|--:|--:|\n")
	for _, r := range results[1:] {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.Kind,
			times(float64(results[0].Held), float64(r.Held)),
			times(float64(results[0].CPU), float64(r.CPU)),
			times(float64(results[0].Resident), float64(r.Resident)))
	}
	b.WriteString(`
Held: the highest rate at which at least 99.5 % of all DISCOVER-OFFER-REQUEST-ACK exchanges are completed within the run.
CPU: the server process, user and system, at 80 % of its own held rate; for new clients at 200/s. Latency: both answers of an exchange together,
from kernel time stamps at the server's interface. dhcpfd and dhcpd sync each lease to the disk before they answer;
kea-dhcp4 (memfile) and dnsmasq write without syncing. No server may answer from a lease that is still young
(dhcp-cache-threshold, cache-threshold). Each logs what it logs by default, to a file.
`)
	return b.String()
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond)) }

// times says a ratio as "x 4.2" or "1/6.3".
func times(a, b float64) string {
	switch {
	case a <= 0 || b <= 0:
		return "-"
	case a >= b:
		return fmt.Sprintf("x %.1f", a/b)
	}
	return fmt.Sprintf("1/%.1f", b/a)
}

// intoReadme writes the table of single servers.
func intoReadme(file, text string) error { return intoMarks(file, "bench", text) }

// intoMarks writes a text between the lines of a file that mark its place.
func intoMarks(file, name, text string) error {
	begin, end := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->\n"
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	head, rest, ok := bytes.Cut(b, []byte(begin))
	_, tail, ok2 := bytes.Cut(rest, []byte(end))
	if !ok || !ok2 {
		return fmt.Errorf("%s has no lines %q and %q to write between", file, begin, end)
	}
	return os.WriteFile(file, []byte(string(head)+begin+text+end+string(tail)), 0o644)
}
