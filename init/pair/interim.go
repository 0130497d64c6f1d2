package pair

import (
	"context"

	"tandem/failover/daemon/control"
	"tandem/init/pair/change"
	"tandem/init/pair/version"
)

// unkept stands in until package config keeps the configuration.
type unkept struct{}

func openConfiguration(Options, *identity) (configuration, error) { return unkept{}, nil }

func (unkept) Run(ctx context.Context) error     { <-ctx.Done(); return ctx.Err() }
func (unkept) LinkUp(func([]byte) bool)          {}
func (unkept) Receive([]byte) error              { return nil }
func (unkept) LinkDown()                         {}
func (unkept) Active() (*version.Version, error) { return nil, nil }
func (unkept) Status() change.Status             { return change.Status{State: "in force", Synchronised: true} }
func (unkept) Ask([]string, <-chan struct{}) <-chan control.Piece {
	return one(control.Piece{Error: "the configuration is not kept yet"})
}
