package conf

// Severity ranks a Diagnostic.
type Severity uint8

// An Error refuses the configuration. A Warning is something dhcpd warns
// about, or that bites later. A Notice tells that a statement has no effect
// here, and that no client can tell.
const (
	Error Severity = iota + 1
	Warning
	Notice
)

// Diagnostic is one message about a configuration.
type Diagnostic struct {
	Pos      Pos
	Severity Severity
	// Unsupported is set on an Error about a valid statement that this
	// server does not do (dhcpd accepts the file).
	Unsupported bool
	Message     string
	Remedy      string // what to type instead; may be empty
	Source      string // the source line, for the caret; may be empty
}

// ReadFile reads one file named in an include statement or on the command line.
type ReadFile func(name string) ([]byte, error)
