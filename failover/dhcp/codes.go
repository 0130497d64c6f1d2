package dhcp

// Codes of the options that the server itself looks at or makes (RFC 2132
// and the RFCs named).
const (
	optPad            = 0
	optSubnetMask     = 1
	optRouters        = 3
	optDNS            = 6
	optHostName       = 12
	optRequestedIP    = 50
	optLeaseTime      = 51
	optOverload       = 52
	optMessageType    = 53
	optServerID       = 54
	optRequestList    = 55
	optMessage        = 56
	optMaxSize        = 57
	optT1             = 58
	optT2             = 59
	optVendorClass    = 60
	optClientID       = 61
	optUserClass      = 77
	optFQDN           = 81 // RFC 4702
	optAgent          = 82 // RFC 3046
	optLastTransact   = 91 // RFC 4388
	optAssociatedIP   = 92 // RFC 4388
	optSubnetSelect   = 118
	optEnd            = 255
	agentLinkSelect   = 5  // RFC 3527
	agentServerIDOver = 11 // RFC 5107
)

// Values of option 53.
const (
	msgDiscover        = 1
	msgOffer           = 2
	msgRequest         = 3
	msgDecline         = 4
	msgACK             = 5
	msgNAK             = 6
	msgRelease         = 7
	msgInform          = 8
	msgLeaseQuery      = 10 // RFC 4388
	msgLeaseUnassigned = 11
	msgLeaseUnknown    = 12
	msgLeaseActive     = 13
)

// textOptions are the options of type text in RFC 2132 and its followers: a
// client that ends its host name with a NUL gets these ended likewise.
var textOptions = [256]bool{
	12: true, 14: true, 15: true, 17: true, 18: true, 40: true, 47: true, 64: true,
	66: true, 67: true, 100: true, 101: true, 114: true,
}
