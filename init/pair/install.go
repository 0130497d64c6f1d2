package pair

import (
	"path/filepath"

	"tandem/init/pair/config"
	"tandem/init/pair/enrol"
)

// InstallOffer is what a joining box does once enrol.Session.Accept returned
// nil: the configuration becomes the version in force, the host's key is
// pinned. The caller then puts its box.conf in place. It may be repeated.
func InstallOffer(keys, dir, peer string, s *enrol.Session) error {
	if s.Offer.Config != nil {
		if err := config.Adopt(filepath.Join(dir, configDir), s.Offer.Config); err != nil {
			return err
		}
	}
	return Install(keys, dir, Partnership{Peer: peer, Pin: s.Pin, PublicKey: s.PublicKey, BoxConf: s.Offer.HostConf})
}
