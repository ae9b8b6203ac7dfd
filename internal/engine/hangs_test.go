package engine_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine"
	"github.com/stillwarm/stillwarm/internal/invocation"
)

// mute is a backend that does not answer what is silent: a request waits until its time is over.
type mute struct {
	backends.PersistenceManager
	reads, records, marks *atomic.Bool
}

// answering returns a backend that answers everything so far.
func answering(m backends.PersistenceManager) mute {
	return mute{m, new(atomic.Bool), new(atomic.Bool), new(atomic.Bool)}
}

func (m mute) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	s, err := m.PersistenceManager.Store(ctx, fn)
	if err != nil {
		return nil, err
	}
	return muteStore{s.(everything), m}, nil
}

type muteStore struct {
	everything
	m mute
}

// heard waits until ctx ends where nobody listens.
func heard(ctx context.Context, silent *atomic.Bool) error {
	if silent.Load() {
		<-ctx.Done()
	}
	return ctx.Err()
}

func (s muteStore) Read(ctx context.Context, key string, o backends.ReadOptions) (backends.Reading, error) {
	if !o.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, o.Deadline)
		defer cancel()
	}
	if err := heard(ctx, s.m.reads); err != nil {
		return backends.Reading{}, err
	}
	return s.everything.Read(ctx, key, o)
}

func (s muteStore) ReadAll(ctx context.Context, keys []string, o backends.ReadOptions) ([]backends.Reading, []error, error) {
	if !o.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, o.Deadline)
		defer cancel()
	}
	if err := heard(ctx, s.m.reads); err != nil {
		return nil, nil, err
	}
	return s.everything.ReadAll(ctx, keys, o)
}

func (s muteStore) ReadRecords(ctx context.Context, names []string) ([]backends.Record, time.Time, error) {
	if err := heard(ctx, s.m.records); err != nil {
		return nil, time.Time{}, err
	}
	return s.everything.ReadRecords(ctx, names)
}

func (s muteStore) Mark(ctx context.Context, key string, m backends.Mark) error {
	if err := heard(ctx, s.m.marks); err != nil {
		return err
	}
	return s.everything.Mark(ctx, key, m)
}

// budgeted is an invocation of 800 ms, which may wait for 100 ms before its runs.
func (b *box) budgeted(call func(ctx context.Context)) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 800*time.Millisecond)
	defer cancel()
	ctx, inv := invocation.Begin(ctx, invocation.Options{AfterResponse: true})
	start := time.Now()
	call(ctx)
	if took := time.Since(start); took > 100*time.Millisecond {
		b.t.Errorf("%v of 800 ms went by before the run", took)
	}
	inv.Finish(context.Background())
}

func (b *box) wantNoError(answers []answer) {
	b.t.Helper()
	for i, a := range answers {
		if a.err != nil {
			b.t.Errorf("element %d: %v", i, a.err)
		}
	}
}

func TestABackendThatStopsAnswering(t *testing.T) {
	for name, ask := range map[string]func(b *box, ctx context.Context){
		"Get":    func(b *box, ctx context.Context) { b.getIn(ctx, "x") },
		"GetAll": func(b *box, ctx context.Context) { b.wantNoError(b.getAll(ctx, "x", "y", "z")) },
	} {
		t.Run("W2 comparing the tags of entries that were read takes of the same budget: "+name, func(t *testing.T) {
			bubble(t, func(t *testing.T, fl *fleet) {
				own := func(s *engine.Spec) { s.TagsOf = true }
				m := answering(fl.m)
				a, b := fl.container(own), fl.container(own, func(s *engine.Spec) { s.Manager = m })
				a.terms.Tags, b.terms.Tags = []string{"t"}, []string{"t"}
				a.invoke(func(ctx context.Context) { a.getAll(ctx, "x", "y", "z") })
				m.records.Store(true)
				b.budgeted(func(ctx context.Context) { ask(b, ctx) })
			})
		})
		t.Run("W2 taking away marks of before a clear takes of the same budget: "+name, func(t *testing.T) {
			bubble(t, func(t *testing.T, fl *fleet) {
				m := answering(fl.m)
				a, b := fl.container(), fl.container(func(s *engine.Spec) { s.Manager = m })
				a.terms.Private = true
				for _, key := range []string{"x", "y", "z"} {
					a.get(key)
				}
				a.do(a.f.Clear)
				m.marks.Store(true)
				b.budgeted(func(ctx context.Context) { ask(b, ctx) })
			})
		})
	}
	t.Run("S5 W2 a backend that stops to answer while a call waits for another container keeps no run from its time", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			m := answering(fl.m)
			b := fl.container(func(s *engine.Spec) { s.Manager = m })
			fl.took = 5500 * time.Millisecond // known are 4 s, and it may take 6
			fl.dead(b, "x", 4*time.Second)
			time.AfterFunc(3900*time.Millisecond, func() { m.reads.Store(true) })
			if _, took, err := b.call("x", 10*time.Second); err != nil {
				t.Error(took, err)
			}
		})
	})
}
