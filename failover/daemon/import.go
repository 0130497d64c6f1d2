package daemon

import "tandem/failover/node"

func importLeases(k *keeper, n *node.Node, file string) error { return nil }
