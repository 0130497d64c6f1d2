package pair

import (
	"context"
	"fmt"
	"time"

	"tandem/failover/daemon/keyring"
	"tandem/init/pair/config"
)

// Times of telling dhcpfd about a key.
const (
	rekeyTime  = 60 * time.Second // for its answer
	rekeyEvery = 5 * time.Second  // pause between attempts
)

// rekey has dhcpfd read the keyring again, which it does when it reloads. told
// is the pin that it was told of last.
func (l *life) rekey(ctx context.Context, told *keyring.Pin) {
	if !l.id.paired || *told == l.id.pin {
		return
	}
	for ctx.Err() == nil {
		err := l.reload(ctx)
		text := ""
		if err != nil {
			text = fmt.Sprintf("dhcpfd does not take up the partner's new key (%s): there is no failover link before it does. "+
				"Correct its configuration (`failctl config check`), or restart this box", oneLine(err.Error()))
		}
		l.mu.Lock()
		l.rekeyTrouble = text
		l.mu.Unlock()
		if err == nil {
			*told = l.id.pin
			return
		}
		pause(ctx, rekeyEvery)
	}
}

func (l *life) reload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, rekeyTime)
	defer cancel()
	return config.Server{Control: l.o.Engine}.Reload(ctx)
}
