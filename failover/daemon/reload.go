package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/coreos/go-systemd/v22/daemon"

	"tandem/failover/daemon/control"
	"tandem/failover/dhcp"
	"tandem/failover/node"
)

// errEnding is why nothing was reloaded.
var errEnding = errors.New("the server is ending")

// reload puts the configuration in force as it is on disk now, if it is good.
// It returns once it is in force.
func (s *server) reload() error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	s.notify(fmt.Sprintf("%s\nMONOTONIC_USEC=%s", daemon.SdNotifyReloading, daemon.SdNotifyMonotonicUsec()))
	defer s.notify(daemon.SdNotifyReady)
	cfg, err := s.opt.Reload()
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			s.opt.Log.Sayf(dhcp.LevelError, "%s", strings.TrimSuffix(line, "\n"))
		}
		s.opt.Log.Sayf(dhcp.LevelError, "configuration not reloaded, the old one stays in force")
		return err
	}
	adopt := func() node.Input {
		s.ports.cfg = cfg
		return &node.Reconfigure{Config: cfg}
	}
	if !s.inbox.order(s.down, adopt) {
		return errEnding
	}
	// The loop answers a question after what came before it was carried out.
	if p, ok := <-s.desk.Ask([]string{"status"}, s.down); !ok || p.Error != "" {
		return errEnding
	}
	if err := s.pair.open(cfg); err != nil {
		s.opt.Log.Sayf(dhcp.LevelError, "%v", err)
		return err
	}
	select { // the choice of interfaces may have changed
	case s.nudge <- struct{}{}:
	default:
	}
	s.opt.Log.Sayf(dhcp.LevelInfo, "configuration reloaded")
	return nil
}

// reloader answers the word reload, which the node knows nothing of, and has
// the desk answer everything else.
type reloader struct{ s *server }

// Ask implements control.Asker.
func (r reloader) Ask(words []string, done <-chan struct{}) <-chan control.Piece {
	if len(words) != 1 || words[0] != "reload" {
		return r.s.desk.Ask(words, done)
	}
	pieces := make(chan control.Piece, 1)
	go func() {
		defer close(pieces)
		if err := r.s.reload(); err != nil {
			pieces <- control.Piece{Error: err.Error()}
			return
		}
		body, _ := json.Marshal("the configuration is in force")
		pieces <- control.Piece{Body: body}
	}()
	return pieces
}
