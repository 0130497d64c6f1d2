package daemon

import "sync/atomic"

// counter names one figure of the shell: what it received, refused, dropped
// or failed to send. The node reports them beside its own.
type counter uint8

const (
	received counter = iota
	receiveErrors
	receiveTruncated
	receiveStale
	receiveForeignPort // a datagram on an interface that is not served
	receiveOverrun     // dropped by the kernel: an interface's packet socket was full
	receiveVLAN        // tagged for a VLAN that this interface is not
	receiveNotRequest  // op is not BOOTREQUEST, or too short for BOOTP
	receiveUndecodable
	clientThrottled
	relayThrottled
	inboxOfferDropped   // a DISCOVER gave way, or found no room
	inboxRequestDropped // anything else found no room
	sentUnicast
	sentFrame
	sendErrors
	batchTooOld // replies dropped because the process was stopped or starved (R9)
	clockStepped
	probesSkipped
	probeSendErrors
	probeProxies // ARP answers that did not count, see proxies
	queriesRefused
	managersWaited  // OMAPI connections beyond maxManagers
	diskFullDropped // replies dropped because what they promise could not be written
	batches
	syncs
	snapshots
	counterEnd
)

var counterNames = [counterEnd]string{
	received:            "received",
	receiveErrors:       "receive-errors",
	receiveTruncated:    "receive-truncated",
	receiveStale:        "receive-stale",
	receiveForeignPort:  "receive-interface-not-served",
	receiveOverrun:      "receive-overrun",
	receiveVLAN:         "receive-other-vlan",
	receiveNotRequest:   "receive-not-a-request",
	receiveUndecodable:  "receive-undecodable",
	clientThrottled:     "client-throttled",
	relayThrottled:      "relay-throttled",
	inboxOfferDropped:   "inbox-discover-dropped",
	inboxRequestDropped: "inbox-request-dropped",
	sentUnicast:         "sent-datagrams",
	sentFrame:           "sent-frames",
	sendErrors:          "send-errors",
	batchTooOld:         "batch-too-old",
	clockStepped:        "clock-stepped",
	probesSkipped:       "probes-skipped",
	probeSendErrors:     "probe-send-errors",
	probeProxies:        "probe-answers-by-proxy",
	queriesRefused:      "queries-refused",
	managersWaited:      "omapi-waited",
	diskFullDropped:     "disk-full-dropped",
	batches:             "batches",
	syncs:               "syncs",
	snapshots:           "snapshots",
}

// counters are the shell's figures; any goroutine adds to them.
type counters [counterEnd]atomic.Uint64

func (c *counters) add(which counter, n int) {
	if n != 0 {
		c[which].Add(uint64(n))
	}
}

func (c *counters) get(which counter) uint64 { return c[which].Load() }
