package sim

import (
	"fmt"

	"tandem/failover/wire"
)

// brief is a message in a few words.
func brief(m wire.Message) string {
	switch m := m.(type) {
	case *wire.State:
		return fmt.Sprintf("STATE %v flags %d", m.State.V, m.Flags.V)
	case *wire.Bndupd:
		return fmt.Sprintf("BNDUPD %d %s", m.XID, briefBinding(&m.Binding))
	case *wire.Bndack:
		if m.Reject.Set {
			return fmt.Sprintf("BNDACK %d %v refused: %s", m.XID, m.IP.V, m.Message.V)
		}
		return fmt.Sprintf("BNDACK %d %v", m.XID, m.IP.V)
	}
	return fmt.Sprintf("%v %d", m.Kind(), m.Head().XID)
}

func briefBinding(b *wire.Binding) string {
	return fmt.Sprintf("%v %v for %x/%q cltt %v stos %v ends %v potential %v", b.IP.V, b.Status.V, b.HW.V, b.ClientID.V,
		b.CLTT.V, b.STOS.V, b.LeaseExpiry.V, b.PotentialExpiry.V)
}
