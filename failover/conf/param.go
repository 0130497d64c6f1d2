package conf

// Param is a server parameter: a statement that steers the server instead of
// being sent. Its number is the code of the parameter in the option space
// "server", which is dhcpd's.
type Param uint8

// The parameters. Those that `allow`, `deny` and `ignore` set are last; two
// names with the same number are two ways to set one thing.
const (
	DefaultLeaseTime            Param = 1
	MaxLeaseTime                Param = 2
	MinLeaseTime                Param = 3
	DynamicBOOTPLeaseCutoff     Param = 4
	DynamicBOOTPLeaseLength     Param = 5
	BootUnknownClients          Param = 6
	OneLeasePerClient           Param = 10
	GetLeaseHostnames           Param = 11
	UseHostDeclNames            Param = 12
	UseLeaseAddrForDefaultRoute Param = 13
	MinSecs                     Param = 14
	Filename                    Param = 15
	ServerName                  Param = 16
	NextServer                  Param = 17
	Authoritative               Param = 18 // see SharedNetwork.Authoritative for what is in force
	VendorOptionSpace           Param = 19
	AlwaysReplyRFC1048          Param = 20
	SiteOptionSpace             Param = 21
	AlwaysBroadcast             Param = 22
	DDNSDomainName              Param = 23
	DDNSHostname                Param = 24
	DDNSRevDomainName           Param = 25
	LeaseFileName               Param = 26
	PIDFileName                 Param = 27
	DDNSUpdates                 Param = 30
	OMAPIPort                   Param = 31
	LocalPort                   Param = 32
	LimitedBroadcastAddress     Param = 33
	RemotePort                  Param = 34
	LocalAddress                Param = 35
	OMAPIKey                    Param = 36
	StashAgentOptions           Param = 37
	DDNSTTL                     Param = 38
	DDNSUpdateStyle             Param = 39
	UpdateOptimization          Param = 41
	PingCheck                   Param = 42
	UpdateStaticLeases          Param = 43
	LogFacility                 Param = 44
	DoForwardUpdates            Param = 45
	PingTimeout                 Param = 46
	InfiniteIsReserved          Param = 47
	UpdateConflictDetection     Param = 48
	AdaptiveLeaseTimeThreshold  Param = 50
	DoReverseUpdates            Param = 51
	FQDNReply                   Param = 52
	DHCPCacheThreshold          Param = 78
	IgnoreClientUIDs            Param = 82
	LogThresholdLow             Param = 83
	LogThresholdHigh            Param = 84
	EchoClientID                Param = 85
	ServerIDCheck               Param = 86
	AbandonLeaseTime            Param = 89
	CheckSecsByteOrder          Param = 92
	PingClttSecs                Param = 99
	PingTimeoutMS               Param = 100

	DynamicBOOTP   Param = 7
	BOOTP          Param = 8
	Booting        Param = 9
	UnknownClients Param = BootUnknownClients
	Duplicates     Param = 28
	Declines       Param = 29
	ClientUpdates  Param = 40
	LeaseQuery     Param = 49
)

// FlagValue is what allow, deny and ignore make of a flag.
type FlagValue uint8

// The values of flags. The numbers are those of dhcpd's booleans: false,
// true and ignore.
const (
	Deny   FlagValue = 0
	Allow  FlagValue = 1
	Ignore FlagValue = 2
)

var flagNames = [...]string{"deny", "allow", "ignore"}

// String is the word that sets the value.
func (v FlagValue) String() string {
	if int(v) < len(flagNames) {
		return flagNames[v]
	}
	return "invalid"
}

// effect is what this server makes of a parameter.
type effect uint8

const (
	effective   effect = iota // it does what dhcpd does
	harmless                  // no effect here, and no client can tell: a notice
	forDNS                    // kept for dynamic DNS: a notice
	otherFamily               // belongs to DHCPv6: a notice
	refused                   // switched on it would change what clients get: an error
)

// parameter is what is known of one server parameter beside its type.
type parameter struct {
	effect effect
	// standard is the value in force if no statement gives one; 0 where none is listed.
	standard uint32
	// why tells, for a notice or an error, what becomes of the statement.
	why string
}

// parameters lists what is not plainly effective with a standard value of 0.
// The standard values are those of dhcpd.conf(5).
var parameters = map[Param]parameter{
	DefaultLeaseTime:        {standard: 43200},
	MaxLeaseTime:            {standard: 86400},
	MinLeaseTime:            {standard: 300},
	BootUnknownClients:      {standard: 1},
	DynamicBOOTP:            {standard: 1},
	BOOTP:                   {standard: 1},
	Booting:                 {standard: 1},
	Duplicates:              {standard: 1},
	Declines:                {standard: 1},
	ClientUpdates:           {standard: 1},
	PingCheck:               {standard: 1},
	PingTimeout:             {standard: 1},
	PingClttSecs:            {standard: 60},
	GetLeaseHostnames:       {effect: refused, why: "names are not looked up, so that the answer depends on no other server"},
	StashAgentOptions:       {standard: 1},
	DHCPCacheThreshold:      {standard: 25},
	AbandonLeaseTime:        {standard: 86400},
	LocalPort:               {effect: refused, standard: 67, why: "start dhcpfd with -p PORT, which both boxes then need"},
	RemotePort:              {effect: refused, why: "clients are answered on the port after -p's"},
	LocalAddress:            {effect: refused, why: "dhcpfd listens on the interfaces that it is given"},
	DDNSUpdates:             {effect: forDNS, standard: 1},
	DoForwardUpdates:        {effect: forDNS, standard: 1},
	DoReverseUpdates:        {effect: forDNS, standard: 1},
	UpdateOptimization:      {effect: forDNS, standard: 1},
	UpdateConflictDetection: {effect: forDNS, standard: 1},
	UpdateStaticLeases:      {effect: forDNS},
	DDNSDomainName:          {effect: forDNS},
	DDNSHostname:            {effect: forDNS},
	DDNSRevDomainName:       {effect: forDNS},
	DDNSTTL:                 {effect: forDNS, standard: 3600},
	DDNSUpdateStyle:         {effect: forDNS},
	80:                      {effect: forDNS}, // ddns-local-address4
	81:                      {effect: forDNS}, // ddns-local-address6
	93:                      {effect: forDNS}, // ddns-dual-stack-mixed-mode
	94:                      {effect: forDNS}, // ddns-guard-id-must-match
	95:                      {effect: forDNS}, // ddns-other-guard-is-dynamic
	FQDNReply:               {standard: 1},
	Authoritative:           {effect: harmless, why: "only the statement authoritative; outside of conditions has an effect"},
	ServerIDCheck:           {effect: harmless, why: "a request that names another server is never answered"},
	LeaseFileName:           {effect: harmless, why: "the lease store is a directory given with -lf"},
	PIDFileName:             {effect: harmless, why: "no pid file is written"},
	LogFacility:             {effect: harmless, why: "the log goes to the service manager"},
	LogThresholdLow:         {effect: harmless, why: "pool levels are in the status and raise alarms of their own"},
	LogThresholdHigh:        {effect: harmless, why: "pool levels are in the status and raise alarms of their own"},
	58:                      {effect: harmless, why: "replies always leave after their lease is on disk, many at a time"}, // delayed-ack
	59:                      {effect: harmless, why: "replies always leave after their lease is on disk, many at a time"}, // max-ack-delay
	79:                      {effect: harmless, why: "leases are always synced to disk before a reply"},                   // dont-use-fsync
	53:                      {effect: otherFamily},
	54:                      {effect: otherFamily},
	55:                      {effect: otherFamily},
	56:                      {effect: otherFamily},
	57:                      {effect: otherFamily},
	87:                      {effect: otherFamily},
	88:                      {effect: otherFamily},
	96:                      {effect: otherFamily},
	97:                      {effect: otherFamily},
	98:                      {effect: otherFamily},
}

// paramNames names the parameters by code.
var paramNames = func() map[Param]string {
	m := make(map[Param]string)
	for _, d := range parseTable(serverTable) {
		m[Param(d.code)] = d.name
	}
	return m
}()

// String is the name of the parameter as a statement writes it.
func (p Param) String() string { return paramNames[p] }
