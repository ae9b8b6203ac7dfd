package resource

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// quickRelease is how long a caller outside of any invocation waits for releases: most are done by then, and what is not
// goes on by itself.
const quickRelease = 50 * time.Millisecond

// release releases objects that nobody has: after the response where there is one. Elsewhere the caller waits for a
// moment, so that a quick release is done when the call returns, and a slow one does not hold it.
func (p *Pool) release(ctx context.Context, ready []*object) {
	if len(ready) == 0 {
		return
	}
	done := make(chan struct{})
	p.env.Defer(ctx, func(context.Context) {
		defer close(done)
		var wg sync.WaitGroup
		for _, o := range ready {
			wg.Go(func() { p.releaseNow(o) })
		}
		wg.Wait()
	})
	if p.env.Invocation(ctx).Holds() {
		return
	}
	t := time.NewTimer(quickRelease)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

// releaseNow runs the hook, bounded in time, with its error and panic logged. Whoever calls it has claimed the release.
func (p *Pool) releaseNow(o *object) {
	defer p.out.Done()
	start := time.Now()
	var err error
	if p.spec.Release != nil {
		err = p.callRelease(o)
	}
	p.Stats.Releases.Add(1)
	ctx := context.Background()
	p.emit(ctx, Event{Kind: Release, Key: o.key, Duration: time.Since(start), Err: err})
	if err != nil {
		p.env.Log(ctx, slog.LevelWarn, "releasing a resource failed", "function", p.spec.Name, "error", err.Error())
	}
}

func (p *Pool) callRelease(o *object) error {
	timeout := p.env.ReleaseTimeout
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	result := make(chan error, 1)
	go func() {
		result <- p.guarded(func() error { return p.spec.Release(ctx, o.value) })
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		select {
		case err := <-result: // it ended together with its time
			return err
		default:
			return fmt.Errorf("the release did not end within %v", timeout)
		}
	}
}
