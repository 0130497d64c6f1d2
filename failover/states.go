package failover

import "tandem/failover/lease"

// move is what a server does when it hears the partner's state: one cell of
// the tables below.
type move uint8

const (
	// stay keeps the state; a server in STARTUP goes on to its saved state.
	stay move = iota
	toNormal
	toInterrupted
	toConflict
	toPartnerDown
	// outlived: the partner is in PARTNER-DOWN. A server that has served
	// nobody since goes to RECOVER, another one to POTENTIAL-CONFLICT
	// (draft section 9.3.2 step 5).
	outlived
	// recoveredPartner: the partner has everything; NORMAL, once it has been
	// told what was given from its half meanwhile (drain).
	recoveredPartner
	// request asks the partner for what it has.
	request
	// resolved: the primary is through with its half of the conflict; it is
	// the secondary's turn.
	resolved
	// heal ends a conflict without saying so, towards a dhcpd that would not
	// survive hearing of it: NORMAL, with everything asked for anew there.
	heal
)

// columns is the order of the partner's states in the tables.
var columns = [...]lease.ServerState{lease.Normal, lease.CommunicationsInterrupt, lease.PartnerDown,
	lease.PotentialConflict, lease.Recover, lease.Paused, lease.Shutdown, lease.RecoverDone,
	lease.ResolutionInterrupted, lease.ConflictDone, lease.RecoverWait}

// row is the moves for each of columns.
type row [len(columns)]move

// table is the transitions of a server by its own state. In STARTUP the saved
// state counts, NORMAL as COMMUNICATIONS-INTERRUPTED.
type table map[lease.ServerState]row

// idle is the row of a state that no state of the partner ends.
var idle = row{}

// towardTandem is draft section 9 with a partner that keeps to it. Where the
// draft says nothing, the server that is ahead waits for the other one to
// come to POTENTIAL-CONFLICT by its own row.
var towardTandem = table{
	//                              NORMAL         CI            PD             PC            RECOVER        PAUSED         SHUTDOWN       REC-DONE          RES-INT     CONF-DONE   REC-WAIT
	lease.Normal:                  {stay, stay, outlived, toConflict, toInterrupted, toInterrupted, toPartnerDown, stay, toConflict, toConflict, toInterrupted},
	lease.CommunicationsInterrupt: {toNormal, toNormal, outlived, toConflict, stay, stay, toPartnerDown, toNormal, toConflict, toConflict, stay},
	lease.PartnerDown:             {toConflict, toConflict, toConflict, toConflict, stay, stay, stay, recoveredPartner, toConflict, toConflict, stay},
	lease.PotentialConflict:       {stay, stay, stay, stay, stay, stay, toPartnerDown, stay, stay, resolved, stay},
	lease.ResolutionInterrupted:   {toConflict, toConflict, toConflict, toConflict, toConflict, stay, toPartnerDown, toConflict, toConflict, toConflict, toConflict},
	lease.ConflictDone:            {toNormal, stay, toConflict, stay, stay, stay, toPartnerDown, stay, stay, toConflict, stay},
	lease.Recover:                 {request, request, request, toConflict, request, stay, stay, request, toConflict, toConflict, request},
	lease.RecoverWait:             idle,
	lease.RecoverDone:             {toNormal, stay, stay, toConflict, stay, stay, toPartnerDown, toNormal, toConflict, toConflict, stay},
	lease.Paused:                  idle,
	lease.Shutdown:                idle,
}

// towardISC is the same with dhcpd 4.4 as partner. It differs from dhcpd's own
// table (dhcpd enters PARTNER-DOWN when it hears RECOVER, and SHUTDOWN when it
// hears of a conflict that it knows nothing of) because R6 allows the first
// only with more evidence and the second is a dead end. It differs from
// towardTandem where dhcpd would stay in its state for ever (RECOVER-DONE
// ignores conflicts), or enter SHUTDOWN or exit on the answer (PARTNER-DOWN
// says so to a dhcpd in NORMAL and lets that one begin the conflict).
var towardISC = table{
	//                              NORMAL         CI            PD             PC            RECOVER        PAUSED         SHUTDOWN       REC-DONE          RES-INT     CONF-DONE   REC-WAIT
	lease.Normal:                  {stay, stay, outlived, toConflict, toInterrupted, toInterrupted, toPartnerDown, stay, toConflict, toConflict, toInterrupted},
	lease.CommunicationsInterrupt: {toNormal, toNormal, outlived, toConflict, stay, stay, toPartnerDown, toNormal, toConflict, toConflict, stay},
	lease.PartnerDown:             {stay, toConflict, toConflict, toConflict, stay, stay, stay, recoveredPartner, toConflict, toConflict, stay},
	lease.PotentialConflict:       {heal, stay, stay, stay, stay, stay, toPartnerDown, heal, stay, resolved, stay},
	lease.ResolutionInterrupted:   {heal, toConflict, toConflict, toConflict, toConflict, stay, toPartnerDown, heal, toConflict, toConflict, toConflict},
	lease.ConflictDone:            {toNormal, stay, toConflict, stay, stay, stay, toPartnerDown, heal, stay, toConflict, stay},
	lease.Recover:                 {request, request, request, toConflict, request, stay, stay, request, toConflict, toConflict, request},
	lease.RecoverWait:             {stay, stay, stay, stay, stay, stay, stay, stay, stay, toConflict, stay},
	lease.RecoverDone:             {toNormal, stay, stay, toConflict, stay, stay, toPartnerDown, toNormal, toConflict, toConflict, stay},
	lease.Paused:                  idle,
	lease.Shutdown:                idle,
}

// on gives the cell for own state and partner's state; ok is false if there
// is none.
func (t table) on(own, partner lease.ServerState) (move, bool) {
	r, ok := t[own]
	if !ok {
		return stay, false
	}
	for i, s := range columns {
		if s == partner {
			return r[i], true
		}
	}
	return stay, false
}

// interrupted is the state that follows when the connection is lost (draft
// section 9.3; figure 9.2-1).
func interrupted(s lease.ServerState) lease.ServerState {
	switch s {
	case lease.Normal:
		return lease.CommunicationsInterrupt
	case lease.PotentialConflict:
		return lease.ResolutionInterrupted
	}
	return s
}
