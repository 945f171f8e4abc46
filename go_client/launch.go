package trackd

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"
)

const (
	launchPause   = 10 * time.Second // between two starts of a daemon
	launchTimeout = 15 * time.Second // how long a start is waited for
)

// launcher starts the daemon of a store that has none.
type launcher struct {
	store  string
	warn   func(string)
	last   time.Time
	warned bool
}

// launch runs `trackd up` and waits until it has ended, at most once in 10 seconds.
func (l *launcher) launch(ctx context.Context) {
	if !l.last.IsZero() && time.Since(l.last) < launchPause {
		return
	}
	l.last = time.Now()
	if err := l.start(ctx); err != nil && !l.warned && ctx.Err() == nil {
		l.warned = true
		l.warn(err.Error())
	}
}

func (l *launcher) start(ctx context.Context) error {
	path, err := exec.LookPath("trackd")
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("no daemon serves the store %s, and `trackd` is not on PATH to start one: "+
			"install it (pip install trackd) and run `trackd up`", l.store)
	}
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, launchTimeout)
		defer cancel()
		command := exec.CommandContext(ctx, path, "up", "--store", l.store)
		// Nothing of this process is handed on: no pipe, no terminal, no working folder. What ends here is only `trackd up`; the
		// daemon that it starts is a process of its own.
		command.Dir = string(filepath.Separator)
		detach(command)
		err = command.Run()
	}
	if err != nil {
		return fmt.Errorf("the daemon of the store %s does not start (%v): run `trackd up --store %s` to see why", l.store, err, l.store)
	}
	return nil
}
