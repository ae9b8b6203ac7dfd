package httpcache_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/memory"
	"github.com/stillwarm/stillwarm/httpcache"
)

// town is a fleet in a bubble, whose clocks are the bubble's.
type town struct {
	t *testing.T
	m backends.PersistenceManager
}

func inTown(t *testing.T, f func(t *testing.T, tn *town)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m, err := memory.New(memory.Options{Clock: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		f(t, &town{t, unclosed{m}})
	})
}

// house returns one more container; its handler takes run for a response, or what the test sets.
func (tn *town) house(run time.Duration) *site {
	tn.t.Helper()
	rt, err := adapter.New(adapter.Config{
		Clock: time.Now, Manager: tn.m, Mode: adapter.Deployed, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		tn.t.Fatal(err)
	}
	s := &site{t: tn.t, clock: newClock(), rt: rt}
	tn.t.Cleanup(func() { _ = rt.Close(context.Background()) })
	if s.cache, err = httpcache.New(httpcache.WithRuntime(rt), httpcache.Name("site"), httpcache.NearTTL(time.Millisecond)); err != nil {
		tn.t.Fatal(err)
	}
	s.front = s.cache.Handler(s.counted())
	s.serve(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(run)
		addFields(w.Header(), []string{fresh})
		_, _ = io.WriteString(w, "from a live container")
	})
	return s
}

func TestHoldersOfLeases(t *testing.T) {
	const run = 400 * time.Millisecond
	hang := func(until <-chan struct{}) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			<-until
			addFields(w.Header(), []string{fresh})
			_, _ = io.WriteString(w, "from the first holder")
		}
	}
	t.Run("S6 of 20 containers that wait for a dead holder, whose run time is known, one runs", func(t *testing.T) {
		inTown(t, func(t *testing.T, tn *town) {
			dead, done := tn.house(run), make(chan struct{})
			dead.serve(hang(done))
			all := make([]*site, 20)
			for i := range all {
				all[i] = tn.house(run)
				all[i].do("GET /item/1000" + string(rune('a'+i))) // the route is known here
			}
			last := dead.start("GET /item/1")
			synctest.Wait()
			start := time.Now()
			var answers []<-chan result
			for _, s := range all {
				answers = append(answers, s.start("GET /item/1"))
			}
			for _, a := range answers {
				if r := <-a; r.body != "from a live container" {
					t.Error(r)
				}
			}
			if took := time.Since(start); took > run+run/4+2*run {
				t.Error("a dead holder held them up for", took)
			}
			runs := int64(-len(all))
			for _, s := range all {
				runs += s.runs.Load()
			}
			if runs != 1 {
				t.Error("containers that ran:", runs)
			}
			close(done)
			<-last
		})
	})
	t.Run("S5 the first run ever: a dead holder costs no more than one backend timeout", func(t *testing.T) {
		inTown(t, func(t *testing.T, tn *town) {
			dead, done := tn.house(run), make(chan struct{})
			dead.serve(hang(done))
			last := dead.start("GET /a")
			synctest.Wait()
			start := time.Now()
			if r := tn.house(run).do("GET /a"); r.body != "from a live container" {
				t.Error(r)
			}
			if took := time.Since(start); took > time.Second+run+100*time.Millisecond {
				t.Error(took)
			}
			close(done)
			<-last
		})
	})
	t.Run("S5 a run that has begun goes on looking: the first answer wins", func(t *testing.T) {
		inTown(t, func(t *testing.T, tn *town) {
			slow, done := tn.house(run), make(chan struct{})
			slow.serve(hang(done))
			first := slow.start("GET /a")
			synctest.Wait()
			b, cancelled := tn.house(run), make(chan struct{})
			b.serve(func(w http.ResponseWriter, r *http.Request) {
				<-r.Context().Done()
				close(cancelled)
				_, _ = io.WriteString(w, "too late")
			})
			second := b.start("GET /a")
			for b.runs.Load() == 0 {
				time.Sleep(10 * time.Millisecond)
			}
			third := b.start("GET /a") // joins that run
			close(done)
			<-first
			for _, c := range []<-chan result{second, third} {
				if r := <-c; r.body != "from the first holder" || !r.hit() {
					t.Error(r)
				}
			}
			<-cancelled
			if r := b.do("GET /a"); r.body != "from the first holder" {
				t.Error(r)
			}
		})
	})
	t.Run("S5 ten containers do not wait for each other in turn, the first time ever, where nothing may be stored", func(t *testing.T) {
		const run = 100 * time.Millisecond // shorter than the pause between two looks at the lease
		inTown(t, func(t *testing.T, tn *town) {
			start := time.Now()
			var all []<-chan result
			for range 10 {
				s := tn.house(run)
				s.serve(func(w http.ResponseWriter, _ *http.Request) {
					time.Sleep(run)
					addFields(w.Header(), []string{"Cache-Control: no-store"})
				})
				all = append(all, s.start("GET /a"))
				synctest.Wait()
			}
			for _, one := range all {
				<-one
			}
			if took := time.Since(start); took > time.Second+run {
				t.Error(took)
			}
		})
	})
	t.Run("S7 a container does not wait for a lease of its own", func(t *testing.T) {
		inTown(t, func(t *testing.T, tn *town) {
			a, done := tn.house(run), make(chan struct{})
			a.serve(hang(done))
			ctx, leave := context.WithCancel(t.Context())
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				a.front.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/a", nil))
			}()
			synctest.Wait()
			leave()
			<-gone
			a.answer(200, "the second run", fresh)
			start := time.Now()
			if r := a.do("GET /a"); r.body != "the second run" {
				t.Error(r)
			}
			if took := time.Since(start); took > 0 {
				t.Error("waited", took)
			}
			close(done)
		})
	})
	t.Run("S2 a run that everybody has left holds no other container up", func(t *testing.T) {
		inTown(t, func(t *testing.T, tn *town) {
			a, b, done := tn.house(run), tn.house(run), make(chan struct{})
			a.serve(hang(done))
			ctx, leave := context.WithCancel(t.Context())
			go a.front.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/a", nil))
			synctest.Wait()
			leave()
			synctest.Wait()
			start := time.Now()
			if r := b.do("GET /a"); r.body != "from a live container" {
				t.Error(r)
			}
			if took := time.Since(start); took > run {
				t.Error(took)
			}
			close(done)
		})
	})
	t.Run("S3 a handler that asks for its own answer is told at once", func(t *testing.T) {
		inTown(t, func(t *testing.T, tn *town) {
			a := tn.house(run)
			a.serve(func(w http.ResponseWriter, r *http.Request) {
				addFields(w.Header(), []string{fresh})
				if r.Header.Get("X-Inner") == "" {
					inner := httptest.NewRequestWithContext(r.Context(), "GET", "/a", nil)
					inner.Header.Set("X-Inner", "1")
					rec := httptest.NewRecorder()
					a.front.ServeHTTP(rec, inner)
					_, _ = io.WriteString(w, "outer of "+rec.Body.String())
					return
				}
				_, _ = io.WriteString(w, "inner")
			})
			start := time.Now()
			if r := a.do("GET /a"); r.body != "outer of inner" {
				t.Error(r)
			}
			if took := time.Since(start); took > 0 {
				t.Error(took)
			}
		})
	})
	t.Run("S1 a run has the latest deadline of all who wait", func(t *testing.T) {
		inTown(t, func(t *testing.T, tn *town) {
			a := tn.house(time.Second)
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			go a.front.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/a", nil))
			synctest.Wait()
			second := a.start("GET /a")
			if r := <-second; r.body != "from a live container" {
				t.Error(r)
			}
			if n := a.runs.Load(); n != 1 {
				t.Error("runs:", n)
			}
		})
	})
}
