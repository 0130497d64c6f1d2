package wire

// AnswerTLS decides, for the receiver of a CONNECT in clear text, what
// TLS-reply and reject-reason (RejectNone: accept) its CONNECTACK carries: the
// table of draft section 7.8.2. request is the option of the CONNECT, TLSNone
// if absent; own is the receiver's configuration. A handshake follows if
// reply is 1 and reject RejectNone.
func AnswerTLS(request, own TLSRequest) (reply uint8, reject Reject) {
	switch {
	case request == TLSNone && own == TLSRequired:
		return 1, RejectTLSRequired
	case request == TLSNone:
		return 0, RejectNone
	case own != TLSNone:
		return 1, RejectNone
	case request == TLSDesired:
		return 0, RejectNone
	}
	return 0, RejectTLSUnconfigured
}
