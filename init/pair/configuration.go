package pair

import (
	"context"
	"path/filepath"
	"time"

	"tandem/failover/daemon/control"
	"tandem/init/box"
	"tandem/init/pair/change"
	"tandem/init/pair/config"
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
	// Status counts moments from where Now does.
	Status() change.Status
	Now() time.Duration
	// Active is the version that is settled, nil if there is none.
	Active() (*version.Version, error)
	Ask(words []string, done <-chan struct{}) <-chan control.Piece
}

// openConfiguration opens what is kept on this box.
func openConfiguration(o Options, id *identity) (configuration, error) {
	c := config.Options{
		Dir:    filepath.Join(o.Dir, configDir),
		First:  id.box.Role == box.Primary,
		Solo:   id.solo(),
		Engine: config.Server{Program: o.DHCPd, Control: o.Engine, Peer: id.box.PeerBlock(), Temp: o.Run},
		Log:    o.Log,
	}
	if id.partnerOK {
		c.Partner = id.partnerBox.Name
	}
	if id.box.Peer.ISC {
		partner := id.box.ForPartner(newName(&id.box))
		c.PartnerPeer = partner.PeerBlock()
	}
	k, err := config.Open(c)
	if err != nil {
		return nil, err
	}
	return k, nil
}

// solo tells that there is no partner with which to keep the configuration in
// step: none at all, an ISC dhcpd, or one that is spoken to in clear text.
func (id *identity) solo() bool {
	return !id.box.NeedsKey() && !id.paired || id.box.Peer.ISC || id.box.Role == box.Single
}
