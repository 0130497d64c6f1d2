package omapi

// States of the control object.
const (
	controlStartup  = 0
	controlShutdown = 2
)

// changeControl takes state = 2, which ends dhcpd without an answer; here the
// client gets one.
func changeControl(set values) (Change, Result) {
	var c Change
	for _, v := range set {
		if v.name != "state" {
			return nil, Result{NotFound, textUpdate}
		}
		switch n, ok := number(v.data); {
		case ok && n == controlShutdown:
			c = &Shutdown{}
		case ok && n == controlStartup:
		default:
			return nil, refuse(InvalidArgument, "the only state to set is 2 (shutdown)")
		}
	}
	return c, Result{}
}
