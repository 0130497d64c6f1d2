package daemon

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"tandem/failover/node"
	"tandem/failover/store/faultfs"
)

// Whatever operation of the disk the power fails at, every host that omshell
// was told of is there afterwards.
func TestEveryHostIsOnDiskAfterACrashAnywhere(t *testing.T) {
	told := 0
	for seed := range uint64(300) {
		told += makeHostsAndDie(t, seed)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if told < 300 {
		t.Fatalf("only %d hosts in 300 lives: the test tests nothing", told)
	}
}

func makeHostsAndDie(t *testing.T, seed uint64) (told int) {
	rng := rand.New(rand.NewPCG(seed, 11))
	fs := faultfs.New(seed)
	b := benchOn(t, fs, testConf+"omapi-port 7911;\n")
	fs.CutAt(fs.Ops() + 1 + rng.IntN(40))
	b.node.Step(b.clock, &node.OMAPIOpened{ID: 1, From: netip.AddrFrom4([4]byte{127, 0, 0, 1})})
	b.node.Step(b.clock, &node.OMAPIBytes{ID: 1, Data: []byte{0, 0, 0, 100, 0, 0, 0, 24}})
	b.node.Flush(b.clock)
	var names []string
	for i := range 40 {
		name := fmt.Sprintf("h%d", i)
		yes := "\x00\x00\x00\x01"
		b.node.Step(b.clock, &node.OMAPIBytes{ID: 1, Data: omapiMessage(0, 1, 0, uint32(i), nil, false,
			[]string{"create", yes, "exclusive", yes, "type", "host"},
			[]string{"name", name, "hardware-address", "\x02\x00\x00\x00\x00" + string([]byte{byte(i)}), "hardware-type", yes})})
		out := b.node.Flush(b.clock)
		kept, err := b.keeper.keep(b.clock, out.Records, out.MustSync)
		if err != nil {
			break
		}
		for _, r := range out.OMAPI {
			if kept && len(r.Bytes) > 12 && r.Bytes[11] == 3 { // UPDATE: here it is
				names = append(names, name)
			}
		}
	}
	again := newTestKeeper(t, fs.PowerCut(), quiet(t))
	for _, name := range names {
		if again.facts["object host "+name] == nil {
			t.Errorf("omshell was shown %s, which is not on disk", name)
		}
	}
	return len(names)
}
