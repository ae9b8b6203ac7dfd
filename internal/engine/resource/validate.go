package resource

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

var errPanicked = errors.New("the open function panicked")

// unvalidated is a number of thaws that no object was validated at: it is validated whatever ValidateEvery says.
const unvalidated = -1

// validate returns nil for an object that may be used, and else why not. It runs outside of every lock.
func (p *Pool) validate(ctx context.Context, a Access, o *object, thaws int64) (cause error) {
	if a.Valid == nil {
		return nil
	}
	now := p.env.Now()
	if every := p.spec.ValidateEvery; every > 0 && o.thaws.Load() == thaws {
		if since := time.Duration(now - o.validated.Load()); since >= 0 && since < every {
			return nil
		}
	}
	panicked := true
	cause = p.guarded(func() error {
		err := a.Valid(ctx, o.value)
		panicked = false
		return err
	})
	if panicked {
		p.env.Log(ctx, slog.LevelWarn, "validating a resource panicked; opening a new one", "function", p.spec.Name, "error", cause.Error())
	}
	if cause != nil {
		p.Stats.Invalid.Add(1)
		return cause
	}
	o.validated.Store(now)
	if thaws == unvalidated {
		thaws = p.env.Thaws()
	}
	o.thaws.Store(thaws)
	return nil
}

// discard takes an object out that failed its validation.
func (p *Pool) discard(ctx context.Context, o *object) {
	p.mu.Lock()
	ready := p.leave(o)
	p.mu.Unlock()
	p.release(ctx, ready)
}
