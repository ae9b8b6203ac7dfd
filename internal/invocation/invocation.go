// Package invocation carries what belongs to one invocation of a handler: who asks, until when, what is left to do
// once the response is out, and what may be let go when all of it is done.
//
// The adapter finds it in the context and hands work to it; the lambda package begins and finishes it. An invocation
// goes through two phases: the handler runs, then the work that was left for after the response runs. Only when both
// are over does anything registered with OnEnd run, so a resource that either of them uses stays open.
package invocation

import (
	"context"
	"sync"
	"sync/atomic"
)

// Invocation is one invocation of a handler. It is safe for concurrent use.
type Invocation struct {
	requestID string
	tenantID  string
	holds     bool // After accepts jobs: somebody will call Finish after the response

	mu    sync.Mutex
	jobs  []job
	ends  map[any]func(context.Context)
	ended bool

	budget *Budget // made at the first cached call
}

// job is work that was left. One with a drop function is only worth doing once the response is out.
type job struct {
	do   func(context.Context)
	drop func()
}

// Options describe an invocation.
type Options struct {
	RequestID string
	TenantID  string
	// AfterResponse says that Finish is called once the response is out, so that After may leave work for then.
	// Where it is false (nothing freezes, or Finish would hold a worker) After refuses.
	AfterResponse bool
}

type contextKey struct{}

// Begin returns a context that carries a new invocation. Whoever begins it must call Finish.
func Begin(ctx context.Context, o Options) (context.Context, *Invocation) {
	inv := &Invocation{requestID: o.RequestID, tenantID: o.TenantID, holds: o.AfterResponse}
	if inv.holds {
		current.Store(inv)
	}
	return context.WithValue(ctx, contextKey{}, inv), inv
}

// current is the invocation with AfterResponse that began last and is not over.
var current atomic.Pointer[Invocation]

// Current returns the invocation under way, or nil, for contexts that carry none. It means something only in a process that
// serves one invocation at a time.
func Current() *Invocation { return current.Load() }

// With returns a context that carries an invocation that already runs.
func With(ctx context.Context, inv *Invocation) context.Context {
	return context.WithValue(ctx, contextKey{}, inv)
}

// From returns the invocation that the context carries, or nil.
func From(ctx context.Context) *Invocation {
	inv, _ := ctx.Value(contextKey{}).(*Invocation)
	return inv
}

// RequestID returns the invocation's request id, or "". It may be called on nil.
func (inv *Invocation) RequestID() string {
	if inv == nil {
		return ""
	}
	return inv.requestID
}

// TenantID returns the tenant that the invocation is for, or "". It may be called on nil.
func (inv *Invocation) TenantID() string {
	if inv == nil {
		return ""
	}
	return inv.tenantID
}

// After leaves a job for after the response. It reports false where the invocation does not take one, because it has
// ended or nothing comes after it: the caller then finds another place to run it. It may be called on nil.
func (inv *Invocation) After(do func(context.Context)) bool { return inv.leave(job{do: do}) }

// AfterResponse is After for a job that nobody should be kept waiting for, such as the refresh of a stale entry. Where
// the invocation turns out to end before its response (the handler fails), drop is called in its place. Exactly one
// of the two is called once.
func (inv *Invocation) AfterResponse(do func(context.Context), drop func()) bool {
	return inv.leave(job{do: do, drop: drop})
}

func (inv *Invocation) leave(j job) bool {
	if inv == nil || !inv.holds {
		return false
	}
	inv.mu.Lock()
	defer inv.mu.Unlock()
	if inv.ended {
		return false
	}
	inv.jobs = append(inv.jobs, j)
	return true
}

// OnEnd registers f to run when the invocation is over, once per key: a second registration under the same key
// while the first waits reports true and changes nothing, and added tells which it was. It reports ok == false where
// the invocation has ended already. It may be called on nil, which reports false.
func (inv *Invocation) OnEnd(key any, f func()) (added, ok bool) {
	return inv.onEnd(key, func() func(context.Context) { return func(context.Context) { f() } })
}

// AtEnd is OnEnd for what needs a context: that of the jobs, which ends when the invocation should be over. f makes what is
// registered; where nothing is, it is not called.
func (inv *Invocation) AtEnd(key any, f func() func(context.Context)) (added, ok bool) {
	return inv.onEnd(key, f)
}

func (inv *Invocation) onEnd(key any, f func() func(context.Context)) (added, ok bool) {
	if inv == nil {
		return false, false
	}
	inv.mu.Lock()
	defer inv.mu.Unlock()
	if inv.ended {
		return false, false
	}
	if _, there := inv.ends[key]; there {
		return false, true
	}
	if inv.ends == nil {
		inv.ends = map[any]func(context.Context){}
	}
	inv.ends[key] = f()
	return true, true
}

// Finish runs the jobs that were left, side by side, also those that they leave in turn, and then what OnEnd
// registered. The jobs get ctx with the invocation in it; each is expected to respect the context's end. Finish
// returns when all of it has run, and does nothing the second time.
func (inv *Invocation) Finish(ctx context.Context) { inv.finish(ctx, false) }

// FinishBeforeResponse is Finish for an invocation whose response waits for it: the jobs of [Invocation.AfterResponse]
// are dropped.
func (inv *Invocation) FinishBeforeResponse(ctx context.Context) { inv.finish(ctx, true) }

func (inv *Invocation) finish(ctx context.Context, before bool) {
	ctx = With(ctx, inv)
	for {
		inv.mu.Lock()
		jobs := inv.jobs
		inv.jobs = nil
		if len(jobs) == 0 {
			ends := inv.ends
			inv.ends, inv.ended = nil, true
			inv.mu.Unlock()
			current.CompareAndSwap(inv, nil)
			for _, f := range ends {
				f(ctx)
			}
			return
		}
		inv.mu.Unlock()
		var wg sync.WaitGroup
		for _, j := range jobs {
			if before && j.drop != nil {
				j.drop()
				continue
			}
			wg.Go(func() { j.do(ctx) })
		}
		wg.Wait()
	}
}

// Pending reports whether anything waits for Finish: jobs, or what OnEnd registered.
func (inv *Invocation) Pending() bool {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	return len(inv.jobs) > 0 || len(inv.ends) > 0
}

// Holds reports whether After accepts jobs, as long as the invocation runs. It may be called on nil.
func (inv *Invocation) Holds() bool { return inv != nil && inv.holds }
