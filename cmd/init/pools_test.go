package main

import (
	"testing"
	"time"
)

func TestPoolsAreSummedByNetwork(t *testing.T) {
	list := sumPools([]poolInfo{
		{Network: "a", Size: 10, Free: 4, Backup: 2, Active: 3, Abandoned: 1},
		{Network: "b", Size: 5, Free: 5},
		{Network: "a", Size: 10, Free: 10},
	})
	if len(list) != 2 || list[0].Size != 20 || list[0].Free != 14 || list[0].Backup != 2 || list[0].Active != 3 ||
		list[0].Abandoned != 1 || list[1].Network != "b" {
		t.Fatalf("%+v", list)
	}
}

func TestEnduranceFollowsThePace(t *testing.T) {
	var p pace
	at := func(now time.Duration, active, free int) time.Duration {
		return p.paint(now, []poolInfo{{Network: "a", Active: active, Free: free}})[0].Endurance
	}
	if d := at(0, 0, 100); d >= 0 {
		t.Fatalf("known from one look: %v", d)
	}
	if d := at(30*time.Minute, 50, 50); d != 30*time.Minute {
		t.Fatalf("%v; 50 in half an hour leave half an hour for 50", d)
	}
	if d := at(80*time.Minute, 50, 50); d >= 0 {
		t.Fatalf("%v; nothing was leased in the last hour", d)
	}
	if d := at(81*time.Minute, 40, 60); d >= 0 {
		t.Fatalf("%v; addresses come back", d)
	}
}
