package bench

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"tandem/cmd/lab/peers"
)

// leaseText is a lease file with the first n addresses of a pool in use.
func leaseText(k peers.Kind, pool peers.Pool, n int, starts, ends time.Time) string {
	var b strings.Builder
	if k == peers.Kea {
		b.WriteString("address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n")
	}
	const stamp = "2006/01/02 15:04:05"
	addr := pool.First
	for i := range n {
		mac := fmt.Sprintf("02:03:00:%02x:%02x:%02x", byte(i>>16), byte(i>>8), byte(i))
		if k == peers.Kea {
			fmt.Fprintf(&b, "%s,%s,,%d,%d,1,0,0,,0,\n", addr, mac, pool.Seconds, ends.Unix())
		} else {
			fmt.Fprintf(&b, "lease %s {\n  starts %d %s;\n  ends %d %s;\n  cltt %d %s;\n  binding state active;\n  next binding state expired;\n  hardware ethernet %s;\n}\n",
				addr, starts.Weekday(), starts.Format(stamp), ends.Weekday(), ends.Format(stamp), starts.Weekday(), starts.Format(stamp), mac)
		}
		addr = addr.Next()
	}
	return b.String()
}

// pairTable is the result as Markdown. The first is a server alone, the
// second the pair that is compared with the others.
func pairTable(results []PairResult, disk string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "`go run ./cmd/lab bench-pairs` on a machine with %d cores that all servers and the load share, leases on %s.\n\n", runtime.NumCPU(), disk)
	b.WriteString("| servers | held exchanges/s | CPU per exchange, all servers | kill -9 to first answer | 100,000 leases resynchronised |\n|---|--:|--:|--:|--:|\n")
	limited := false
	for _, r := range results {
		name, star := "pair of "+string(r.Kind), ""
		if r.Alone {
			name = string(r.Kind) + " alone"
		}
		if r.Limited {
			star, limited = " *", true
		}
		answer, synced := seconds(r.Answer, answerPatience), seconds(r.Resync, resyncPatience)
		if r.Alone {
			answer, synced = "", ""
		}
		fmt.Fprintf(&b, "| %s | %d%s | %d us | %s | %s |\n", name, r.Held, star, r.CPU.Microseconds(), answer, synced)
	}
	if limited {
		b.WriteString("\n\\* perfdhcp itself could not do more.\n")
	}
	alone, ours := results[0], results[1]
	fmt.Fprintf(&b, "\nThe pair of %s holds %.0f %% of the rate of one server.", ours.Kind, 100*float64(ours.Held)/float64(max(alone.Held, 1)))
	for _, r := range results[2:] {
		fmt.Fprintf(&b, " Against the pair of %s: rate %s, CPU per exchange %s.", r.Kind, times(float64(ours.Held), float64(r.Held)),
			times(float64(ours.CPU), float64(r.CPU)))
	}
	b.WriteString(`

Load: perfdhcp as a relay that broadcasts to both servers; held as above. The single server is measured before and after its pair, and the better
run counts. CPU: user and system of all processes, at 80 % of the held rate. kill -9: from the signal; clients of the killed server start anew and repeat every 0.7 s. Resynchronised: from the start of a server without leases until it has its partner's. The Kea pair
balances the load over its own listener with the timers of Kea's manual (60 s of silence before the partner counts as gone).
`)
	return b.String()
}

func seconds(d, limit time.Duration) string {
	if d == 0 {
		return fmt.Sprintf("> %.0f s", limit.Seconds())
	}
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
