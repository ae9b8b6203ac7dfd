package slots

import (
	"context"
	"sync"

	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
)

// untold are the invalidations that the backend was not told yet.
type untold struct {
	mu    sync.Mutex
	names map[string]struct{}
	clear bool
}

// maxUntold bounds what is remembered; beyond it everything is cleared.
const maxUntold = 1024

// Invalidate makes every entry that has one of the resources a miss.
func (e *Engine) Invalidate(ctx context.Context, resources ...string) error {
	names := make([]string, len(resources))
	for i, r := range resources {
		names[i] = resourceRecord(r)
	}
	return e.invalidate(ctx, names)
}

// InvalidateTags makes every entry that has one of the tags a miss.
func (e *Engine) InvalidateTags(ctx context.Context, tags ...string) error {
	names := make([]string, len(tags))
	for i, t := range tags {
		names[i] = tagRecord(t)
	}
	return e.invalidate(ctx, names)
}

func (e *Engine) invalidate(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	e.local.Invalidate(e.env.Now(), names...)
	d := e.backend(ctx)
	if d == nil {
		return nil
	}
	e.untold.add(names)
	return e.tell(ctx, d)
}

// Clear makes every entry of this cache a miss.
func (e *Engine) Clear(ctx context.Context) error {
	e.local.Invalidate(e.env.Now())
	e.marks.clear()
	d := e.backend(ctx)
	if d == nil {
		return nil
	}
	e.untold.mu.Lock()
	e.untold.clear = true
	e.untold.mu.Unlock()
	return e.tell(ctx, d)
}

func (u *untold) add(names []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.names == nil {
		u.names = map[string]struct{}{}
	}
	for _, name := range names {
		u.names[name] = struct{}{}
	}
	if len(u.names) > maxUntold {
		u.names, u.clear = nil, true
	}
}

// settle tells the backend what it was not told yet, and reports whether it may be believed now.
func (e *Engine) settle(ctx context.Context) bool {
	e.untold.mu.Lock()
	clean := !e.untold.clear && len(e.untold.names) == 0
	e.untold.mu.Unlock()
	return clean || e.tell(ctx, e.backend(ctx)) == nil
}

// tell tells the backend of every invalidation that it was not told.
func (e *Engine) tell(ctx context.Context, d *driver) error {
	e.untold.mu.Lock()
	names := make([]string, 0, len(e.untold.names))
	for name := range e.untold.names {
		names = append(names, name)
	}
	clearAll := e.untold.clear
	e.untold.mu.Unlock()
	// One timeout for all of it: an answer to a client may wait for this.
	err := e.env.Reads.Do(ctx, func(ctx context.Context) error {
		if clearAll {
			if _, err := d.store.Clear(ctx); err != nil {
				return err
			}
			e.heard.Store(nil)
		}
		return e.tellRecords(ctx, d, names)
	})
	if err != nil {
		e.stats.backendErrors.Add(1)
		return err
	}
	e.untold.mu.Lock()
	defer e.untold.mu.Unlock()
	for _, name := range names {
		delete(e.untold.names, name)
	}
	if clearAll {
		e.untold.clear = false
	}
	return nil
}

func (e *Engine) tellRecords(ctx context.Context, d *driver, names []string) error {
	if len(names) == 0 {
		return nil
	}
	err := invalidation.Tell(ctx, d.records, names, e.Now())
	if err == nil {
		e.heard.Store(nil) // the next read hears the epoch, and checks what was stored under an older one
	}
	return err
}
