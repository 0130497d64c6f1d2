package pair

import (
	"encoding/json"
	"path/filepath"

	"tandem/init/pair/change"
	"tandem/init/pair/enrol"
	"tandem/init/pair/history"
	"tandem/init/pair/version"
)

// InstallOffer is what a joining box does once enrol.Session.Accept returned
// nil: the configuration becomes the version in force, the host's key is
// pinned. The caller then puts its box.conf in place. It may be repeated.
func InstallOffer(keys, dir, peer string, s *enrol.Session) error {
	if s.Offer.Config != nil {
		if err := settle(filepath.Join(dir, configDir), s.Offer.Config); err != nil {
			return err
		}
	}
	return Install(keys, dir, Partnership{Peer: peer, Pin: s.Pin, PublicKey: s.PublicKey, BoxConf: s.Offer.HostConf})
}

// settle makes a version the one in force, as if both boxes had agreed on it.
func settle(dir string, v *version.Version) error {
	store, err := history.Open(dir)
	if err != nil {
		return err
	}
	if err := store.Put(v); err != nil {
		return err
	}
	memory, err := json.Marshal(change.Memory{Settled: v.Ref(), Highest: v.Number})
	if err != nil {
		return err
	}
	if err := store.SaveMemory(memory); err != nil {
		return err
	}
	return store.Activate(v.ID())
}
