package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"tandem/images/layout"
)

// poolInfo is what failctl tells of a pool, as far as it is shown.
type poolInfo struct {
	Network   string `json:"network"`
	Size      int    `json:"size"`
	Free      int    `json:"free"`
	Backup    int    `json:"backup"`
	Active    int    `json:"active"`
	Abandoned int    `json:"abandoned"`
}

// shownPools is how many networks the status names; a terminal has few lines.
const shownPools = 4

// askPools asks dhcpfd how full its pools are, for the status.
func (b *box) askPools() {
	var out bytes.Buffer
	args := []string{"--control", layout.Control, "--json", "status"}
	var lines []string
	var s struct{ Pools []poolInfo }
	if b.reaper.Run(layout.FailCtl, args, &out, askLimit) == nil && json.Unmarshal(out.Bytes(), &s) == nil {
		lines = poolLines(s.Pools)
	}
	b.poolLines.Store(&lines)
	b.asking.Store(false)
}

// poolLines sums the pools up by network.
func poolLines(pools []poolInfo) []string {
	var names []string
	sums := map[string]*poolInfo{}
	for _, p := range pools {
		sum := sums[p.Network]
		if sum == nil {
			names = append(names, p.Network)
			sum = &poolInfo{}
			sums[p.Network] = sum
		}
		sum.Size += p.Size
		sum.Active += p.Active
		sum.Free += p.Free
		sum.Backup += p.Backup
		sum.Abandoned += p.Abandoned
	}
	var lines []string
	for i, name := range names {
		if i == shownPools {
			return append(lines, fmt.Sprintf("and %d networks more: failctl status", len(names)-i))
		}
		p := sums[name]
		line := fmt.Sprintf("%s: %d addresses, %d leased, %d free", name, p.Size, p.Active, p.Free+p.Backup)
		if p.Backup > 0 {
			line += fmt.Sprintf(" (%d of the secondary)", p.Backup)
		}
		if p.Abandoned > 0 {
			line += fmt.Sprintf(", %d abandoned", p.Abandoned)
		}
		lines = append(lines, line)
	}
	return lines
}
