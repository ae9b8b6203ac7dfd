package adapter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/stillwarm/stillwarm/internal/invocation"
)

// quickRelease is how long a caller outside of any invocation waits for a release: most are done by then, and one that
// is not goes on by itself.
const quickRelease = 50 * time.Millisecond

// use notes that the invocation of ctx has the object, so that it is not released before that is over. It reports false
// for an object that was released. The pool is locked.
func (p *pool) use(ctx context.Context, o *object) bool {
	if o.released {
		return false
	}
	if inv := invocation.From(ctx); inv != nil {
		added, ok := inv.OnEnd(o, func() { p.unuse(o, inv) })
		if added {
			o.users[inv] = struct{}{}
		}
		if ok {
			return true
		}
	}
	done := ctx.Done()
	if done == nil {
		return true // it never ends: nobody would ever give the object back
	}
	if _, there := o.users[done]; !there {
		o.users[done] = struct{}{}
		context.AfterFunc(ctx, func() { p.unuse(o, done) })
	}
	return true
}

// unuse notes that a user is done. The last one of an object that has left the cache releases it.
func (p *pool) unuse(o *object, user any) {
	p.mu.Lock()
	delete(o.users, user)
	ready := p.ready(o)
	p.mu.Unlock()
	if ready {
		p.releaseNow(o)
	}
}

// ready claims the release of an object that nobody uses and that is not in the cache. The pool is locked.
func (p *pool) ready(o *object) bool {
	if !o.left || o.released || len(o.users) > 0 {
		return false
	}
	o.released = true
	return true
}

// enter puts a new object into the cache, where keep is set, and returns the objects that can be released now: what it
// replaced or pushed out, or itself. The pool is locked.
func (p *pool) enter(o *object, keep bool) (ready []*object) {
	if !keep {
		o.left = true
		if len(o.users) == 0 { // its callers cannot say when they are done: they get some time
			time.AfterFunc(p.rt.config.ReleaseTimeout, func() { p.unuse(o, nil) })
			return nil
		}
		return nil
	}
	if old := p.objects[o.key]; old != nil {
		ready = append(ready, p.leave(old)...)
	}
	p.objects[o.key] = o
	o.place = p.recent.PushFront(o)
	for p.opts.maxEntries > 0 && len(p.objects) > p.opts.maxEntries {
		ready = append(ready, p.leave(p.recent.Back().Value.(*object))...)
		p.rt.emit(context.Background(), Event{Kind: EventEvict, Function: p.id.name, Tier: TierMemory})
	}
	return ready
}

// leave takes the object out of the cache, and returns it if it can be released now. The pool is locked.
func (p *pool) leave(o *object) []*object {
	if o.left {
		return nil
	}
	o.left = true
	p.recent.Remove(o.place)
	if p.objects[o.key] == o {
		delete(p.objects, o.key)
	}
	if p.ready(o) {
		return []*object{o}
	}
	return nil
}

// discard takes an object out that failed its validation. Its caller has it no longer.
func (p *pool) discard(ctx context.Context, o *object) {
	p.mu.Lock()
	ready := p.leave(o)
	p.mu.Unlock()
	p.finish(ctx, ready)
}

func (p *pool) clear(ctx context.Context) {
	p.opts.warnAtClear(ctx, p.rt)
	p.mu.Lock()
	p.flights.DropAll()
	var ready []*object
	for _, o := range p.objects {
		ready = append(ready, p.leave(o)...)
	}
	p.mu.Unlock()
	p.finish(ctx, ready)
}

func (p *pool) clearFor(ctx context.Context, key string) {
	p.opts.warnAtClear(ctx, p.rt)
	p.mu.Lock()
	p.flights.Drop(key)
	var ready []*object
	if o := p.objects[key]; o != nil {
		ready = p.leave(o)
	}
	p.mu.Unlock()
	p.finish(ctx, ready)
}

// finish releases objects that nobody uses: after the response where there is one. Elsewhere the caller waits for a
// moment, so that a quick release is done when the call returns, and a slow one does not hold it.
func (p *pool) finish(ctx context.Context, ready []*object) {
	for _, o := range ready {
		done := make(chan struct{})
		p.rt.after(ctx, func(context.Context) {
			defer close(done)
			p.releaseNow(o)
		})
		if invocation.From(ctx).Holds() {
			continue
		}
		select {
		case <-done:
		case <-time.After(quickRelease):
		}
	}
}

// releaseNow runs the hook, bounded in time, with its error and panic logged.
func (p *pool) releaseNow(o *object) {
	defer p.out.Done()
	start := time.Now()
	var err error
	if p.release != nil {
		err = p.callRelease(o)
	}
	p.stats.releases.Add(1)
	ctx := context.Background()
	p.rt.emit(ctx, Event{Kind: EventRelease, Function: p.id.name, Duration: time.Since(start), Err: err})
	if err != nil {
		p.rt.log(ctx, slog.LevelWarn, "releasing a resource failed", "function", p.id.name, "error", err.Error())
	}
}

func (p *pool) callRelease(o *object) error {
	timeout := p.rt.config.ReleaseTimeout
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	result := make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				result <- fmt.Errorf("the release panicked: %v", r)
			}
		}()
		result <- p.release(ctx, o.value)
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return fmt.Errorf("the release did not end within %v", timeout)
	}
}

// shutdown takes every object out and waits until all are released, or ctx ends.
func (p *pool) shutdown(ctx context.Context) error {
	p.mu.Lock()
	p.flights.DropAll()
	var ready []*object
	for _, o := range p.objects {
		ready = append(ready, p.leave(o)...)
	}
	p.mu.Unlock()
	for _, o := range ready {
		go p.releaseNow(o)
	}
	if !p.out.Wait(ctx) {
		return errors.New("objects of '" + shortName(p.id.name) + "' are still in use, or their release takes too long")
	}
	return nil
}
