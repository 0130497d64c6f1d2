package pair

import (
	"context"

	"tandem/failover/daemon/control"
	"tandem/init/pair/change"
	"tandem/init/pair/version"
)

// configuration is what the service needs of package config.
type configuration interface {
	// Run works until ctx ends, or something is wrong that a new start may mend.
	Run(ctx context.Context) error
	// LinkUp begins a session, LinkDown ends it; Receive takes the messages in
	// between. They are called one after the other.
	LinkUp(send func(msg []byte) bool)
	Receive(msg []byte) error
	LinkDown()
	Status() change.Status
	// Active is the version in force, nil if there is none.
	Active() (*version.Version, error)
	Ask(words []string, done <-chan struct{}) <-chan control.Piece
}
