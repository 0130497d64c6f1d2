package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestPoolLines(t *testing.T) {
	pools := []poolInfo{
		{Network: "10.0.0.0/24", Size: 100, Active: 17, Free: 42, Backup: 41},
		{Network: "10.0.1.0/24", Size: 5, Free: 4, Abandoned: 1},
		{Network: "10.0.0.0/24", Size: 10, Free: 10},
	}
	got := poolLines(pools)
	want := []string{
		"10.0.0.0/24: 110 addresses, 17 leased, 93 free (41 of the secondary)",
		"10.0.1.0/24: 5 addresses, 0 leased, 4 free, 1 abandoned",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Fatalf("%q", got)
	}
	for i := range 10 {
		pools = append(pools, poolInfo{Network: fmt.Sprintf("10.1.%d.0/24", i)})
	}
	if got := poolLines(pools); len(got) != shownPools+1 || !strings.Contains(got[shownPools], "and 8 networks more") {
		t.Fatalf("%q", got)
	}
}
