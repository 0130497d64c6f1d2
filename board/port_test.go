package board

import (
	"reflect"
	"slices"
	"testing"
)

func TestAssign(t *testing.T) {
	igb := func(name, mac, bus string) NIC { return NIC{Name: name, MAC: mac, Bus: bus, Driver: "igb"} }
	tests := []struct {
		name    string
		board   Board
		nics    []NIC
		named   []string // label=kernel name
		missing []string
	}{
		{
			"apu2 by MAC, whatever the kernel's order", apu2,
			[]NIC{igb("eth0", "00:0d:b9:00:00:03", "0000:03:00.0"), igb("eth1", "00:0d:b9:00:00:01", "0000:01:00.0"), igb("eth2", "00:0d:b9:00:00:02", "0000:02:00.0")},
			[]string{"LAN1=eth1", "LAN2=eth2", "LAN3=eth0"}, nil,
		},
		{
			"apu with two ports and a USB adapter", apu2,
			[]NIC{igb("eth0", "00:0d:b9:00:00:01", "0000:01:00.0"), igb("eth1", "00:0d:b9:00:00:02", "0000:02:00.0"), {Name: "eth2", MAC: "00:01:00:00:00:09", Bus: "1-1:1.0", Driver: "r8152"}},
			[]string{"LAN1=eth0", "LAN2=eth1", "LAN4=eth2"}, []string{"LAN3"},
		},
		{
			"lab machine by slot", qemuX86,
			[]NIC{{Name: "eth0", MAC: "52:54:00:00:00:02", Bus: "0000:00:03.0"}, {Name: "eth1", MAC: "52:54:00:00:00:01", Bus: "0000:00:02.0"}},
			[]string{"LAN1=eth1", "LAN2=eth0"}, []string{"LAN3"},
		},
		{
			"unknown PC by bus address", pc,
			[]NIC{{Name: "eth0", MAC: "00:00:00:00:00:01", Bus: "0000:05:00.0"}, {Name: "eth1", MAC: "00:00:00:00:00:02", Bus: "0000:01:00.0"}},
			[]string{"LAN1=eth1", "LAN2=eth0"}, nil,
		},
		{"Pi with an adapter", rpi4,
			[]NIC{{Name: "eth0", MAC: "dc:a6:32:00:00:01", Bus: "fd580000.ethernet"}, {Name: "eth1", MAC: "00:e0:4c:00:00:01", Bus: "1-1.1:1.0"}},
			[]string{"LAN1=eth0", "USB2=eth1"}, nil,
		},
		{"nothing there", apu2, nil, nil, []string{"LAN1", "LAN2", "LAN3"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // the order of the devices must not matter
				named, missing := Assign(tt.board, tt.nics)
				var got []string
				for _, n := range named {
					got = append(got, n.Label+"="+n.NIC.Name)
				}
				if !reflect.DeepEqual(got, tt.named) || !reflect.DeepEqual(missing, tt.missing) {
					t.Errorf("got %q, missing %q; want %q, missing %q", got, missing, tt.named, tt.missing)
				}
				tt.nics = slices.Clone(tt.nics)
				slices.Reverse(tt.nics)
			}
		})
	}
}

func TestAssignGivesADeviceOnce(t *testing.T) {
	b := Board{Prefix: "P", Ports: []Port{{Label: "A", Driver: "x"}, {Label: "B", Driver: "x"}}}
	named, missing := Assign(b, []NIC{{Name: "eth0", Driver: "x"}})
	if len(named) != 1 || named[0].Label != "A" || !named[0].Fixed || !slices.Equal(missing, []string{"B"}) {
		t.Errorf("named %+v, missing %q", named, missing)
	}
}
