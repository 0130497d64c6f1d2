package pair

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"tandem/failover/daemon/keyring"
)

// reasonOf says in words for a person why there is no session, and what to do.
func reasonOf(err error) string {
	var told errTold
	var misfit errMisfit
	var op *net.OpError
	switch {
	case err == nil:
		return ""
	case errors.Is(err, keyring.ErrWrongKey):
		return "the box there has another key than the partner's. If the partner was replaced or reset, pair the boxes again " +
			"(`failctl pair open` here, the code there); if not, a stranger answers at its address"
	case errors.As(err, &told):
		return string(told)
	case errors.As(err, &misfit):
		return string(misfit)
	case errors.As(err, &op) && op.Op == "remote error":
		return "the partner does not take this box's key: it was paired with another box, or lost its memory of this one. " +
			"Pair the boxes again (`failctl pair open` on the box that is in service, the code at the other)"
	case errors.Is(err, errBadFrame):
		return oneLine(err.Error()) + "; bring both boxes to the same software"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the box there is on, but its pair service does not answer: look at its console; is its role the other one than this box's?"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this box does not have its own address on this path: look at the port and its cable"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "no way leads to the partner: look at the port, the cable, and the partner's power"
	case errors.Is(err, os.ErrDeadlineExceeded), isTimeout(err):
		return "nothing is heard of the partner: look at its power and at the cable"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.Is(err, syscall.ECONNRESET):
		return "the connection ended: the partner restarts, or its pair service does"
	}
	return fmt.Sprintf("%s; if it stays, restart both boxes' pair service, and look at both logs", oneLine(err.Error()))
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// oneLine makes what the partner says fit for a log or a console.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r < ' ' || r >= 0x7f && r <= 0x9f:
			return '?'
		}
		return r
	}, s)
	if len(s) > 500 {
		s = s[:500] + " ..."
	}
	return s
}
