package conf

// Limits on what one configuration may be. They bound memory and time for any
// input; each has an error that names it.
const (
	// maxFile is the size of one file, in octets.
	maxFile = 16 << 20
	// maxTotal is the size of all files read, a file counting as often as it is included.
	maxTotal = 64 << 20
	// maxIncludes is the number of include statements executed.
	maxIncludes = 10000
	// maxIncludeDepth is how deep include statements may nest.
	maxIncludeDepth = 50
	// maxParts is the number of statements, values and operands together.
	maxParts = 2000000
	// maxNesting is how deep blocks and expressions may nest.
	maxNesting = 100
	// maxAddresses is the number of addresses in all ranges together: a /8.
	maxAddresses = 1 << 24
	// maxReports is the number of errors kept, and of warnings and notices
	// together. Reading stops after so many errors.
	maxReports = 500
	// maxRecord is the number of items in a record type, and in the value of one option.
	maxRecord = 2000
	// maxOperators is the number of operators in a row in one expression.
	maxOperators = 500
	// maxMasks is the number of different netmasks; maxGapped the number of
	// subnets whose netmask has gaps.
	maxMasks, maxGapped = 64, 64
	// maxIdentifiers is the number of different options in host-identifier.
	maxIdentifiers = 32
	// maxSet is the number of different options of one space that statements set.
	maxSet = 2000
	// maxAppended is the number of values that append and prepend join for one client.
	maxAppended = 64
	// maxLeaseLimit bounds `lease limit`.
	maxLeaseLimit = 1 << 20
)

// Limits on what a configuration may do for one request.
const (
	// maxSteps is the number of statements, function calls and options looked
	// up in each other; data made counts a step for each stepOctets, a regular
	// expression made counts patternSteps.
	maxSteps     = 20000
	stepOctets   = 256
	patternSteps = 100
	// maxCallDepth is how deep functions may call each other.
	maxCallDepth = 50
	// maxData is the length of data that an expression makes, in octets.
	maxData = 65535
)
