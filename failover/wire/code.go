package wire

import "strconv"

// Code is an option number (draft section 12).
type Code uint16

// Option numbers.
const (
	CodeTransferred     Code = 1
	CodeIP              Code = 2
	CodeStatus          Code = 3
	CodeClientID        Code = 4
	CodeHW              Code = 5
	CodeCLTT            Code = 6
	CodeReplyOptions    Code = 7
	CodeRequestOptions  Code = 8
	CodeDDNS            Code = 9
	CodeDelayedService  Code = 10
	CodeHBA             Code = 11
	CodeIPFlags         Code = 12
	CodeLeaseExpiry     Code = 13
	CodeMaxUnacked      Code = 14
	CodeMCLT            Code = 15
	CodeMessage         Code = 16
	CodeDigest          Code = 17
	CodePotentialExpiry Code = 18
	CodeReceiveTimer    Code = 19
	CodeVersion         Code = 20
	CodeReject          Code = 21
	CodeRelationship    Code = 22
	CodeServerFlags     Code = 23
	CodeServerState     Code = 24
	CodeSTOS            Code = 25
	CodeTLSReply        Code = 26
	CodeTLSRequest      Code = 27
	CodeVendorClass     Code = 28
	CodeVendor          Code = 29
)

var codeNames = [...]string{
	"", "addresses-transferred", "assigned-IP-address", "binding-status",
	"client-identifier", "client-hardware-address", "client-last-transaction-time",
	"client-reply-options", "client-request-options", "DDNS", "delayed-service",
	"hash-bucket-assignment", "IP-flags", "lease-expiration-time",
	"max-unacked-bndupd", "MCLT", "message", "message-digest",
	"potential-expiration-time", "receive-timer", "protocol-version",
	"reject-reason", "relationship-name", "server-flags", "server-state",
	"start-time-of-state", "TLS-reply", "TLS-request", "vendor-class-identifier",
	"vendor-specific-options",
}

// String is the draft's name of the option, or "option N".
func (c Code) String() string {
	if c > 0 && int(c) < len(codeNames) {
		return codeNames[c]
	}
	return "option " + strconv.Itoa(int(c))
}

var kindNames = [...]string{
	"", "POOLREQ", "POOLRESP", "BNDUPD", "BNDACK", "CONNECT", "CONNECTACK",
	"UPDREQALL", "UPDDONE", "UPDREQ", "STATE", "CONTACT", "DISCONNECT",
}

// Known tells whether k is one of the twelve types of the draft.
func (k Kind) Known() bool { return k >= KindPoolreq && k <= KindDisconnect }

// String is the draft's name of the message type, or "type N".
func (k Kind) String() string {
	if k.Known() {
		return kindNames[k]
	}
	return "type " + strconv.Itoa(int(k))
}

var rejectNames = map[Reject]string{
	RejectNone:              "none",
	RejectIllegalIP:         "illegal IP address",
	RejectFatalConflict:     "fatal conflict: address in use by another client",
	RejectMissingInfo:       "missing binding information",
	RejectTimeMismatch:      "time mismatch too great",
	RejectInvalidMCLT:       "invalid MCLT",
	RejectMisc:              "misconfiguration or unknown reason",
	RejectDuplicateConn:     "duplicate connection",
	RejectInvalidPartner:    "invalid failover partner",
	RejectTLSUnsupported:    "TLS not supported",
	RejectTLSUnconfigured:   "TLS supported but not configured",
	RejectTLSRequired:       "TLS required but not supported by partner",
	RejectDigestUnsupported: "message digest not supported",
	RejectDigestMissingConf: "message digest not configured",
	RejectVersion:           "protocol version mismatch",
	RejectOutdated:          "outdated binding information",
	RejectLessCritical:      "less critical binding information",
	RejectNoTraffic:         "no traffic within sufficient time",
	RejectHBAConflict:       "hash bucket assignment conflict",
	RejectNotReserved:       "IP not reserved on this server",
	RejectDigestMismatch:    "message digest failed to compare",
	RejectDigestMissing:     "missing message digest",
	RejectUnknown:           "unknown",
}

// String is the meaning of the reason in words, or "reason N".
func (r Reject) String() string {
	if s, ok := rejectNames[r]; ok {
		return s
	}
	return "reason " + strconv.Itoa(int(r))
}

// Known tells whether the draft gives r a meaning.
func (r Reject) Known() bool { _, ok := rejectNames[r]; return ok && r != RejectNone }

// String is the draft's word for the value, or "request N".
func (t TLSRequest) String() string {
	switch t {
	case TLSNone:
		return "none"
	case TLSDesired:
		return "desired"
	case TLSRequired:
		return "required"
	}
	return "request " + strconv.Itoa(int(t))
}

// String lists the flags by name; "none" if there is none.
func (f ServerFlags) String() string {
	return flagText(uint(f), "STARTUP")
}

// String lists the flags by name; "none" if there is none.
func (f IPFlags) String() string {
	return flagText(uint(f), "RESERVED", "BOOTP")
}

// flagText names the bits of f from the lowest up; bits without a name are
// given as one hexadecimal number.
func flagText(f uint, names ...string) string {
	if f == 0 {
		return "none"
	}
	var out []byte
	add := func(s string) {
		if len(out) > 0 {
			out = append(out, '+')
		}
		out = append(out, s...)
	}
	for i, n := range names {
		if bit := uint(1) << i; f&bit != 0 {
			add(n)
			f &^= bit
		}
	}
	if f != 0 {
		add("0x" + strconv.FormatUint(uint64(f), 16))
	}
	return string(out)
}
