package breaker_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/breaker"
)

var errDown = errors.New("down")

// watched returns a breaker and the list of what it told: an error when an outage begins, nil when it is over.
func watched(timeout time.Duration) (*breaker.Breaker, *[]error) {
	var told []error
	return breaker.New(timeout, func(_ context.Context, err error) { told = append(told, err) }), &told
}

func fails(context.Context) error { return errDown }
func works(context.Context) error { return nil }
func hangs(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestGuard(t *testing.T) {
	inBubble := func(name string, f func(t *testing.T)) {
		t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
	}
	inBubble("an outage is told once, and its end", func(t *testing.T) {
		g, told := watched(time.Second)
		for range 10 {
			_ = g.Do(t.Context(), fails)
		}
		if len(*told) != 1 || !errors.Is((*told)[0], errDown) || !g.Down() {
			t.Fatal(*told, g.Down())
		}
		time.Sleep(3 * time.Second)
		if err := g.Do(t.Context(), works); err != nil || len(*told) != 2 || (*told)[1] != nil || g.Down() {
			t.Fatal(err, *told, g.Down())
		}
	})
	inBubble("after three failures in a row nothing is tried, until a probe", func(t *testing.T) {
		g, _ := watched(time.Second)
		tried := 0
		op := func(context.Context) error { tried++; return errDown }
		for range 10 {
			_ = g.Do(t.Context(), op)
		}
		if tried != 3 {
			t.Fatal(tried)
		}
		if err := g.Do(t.Context(), op); !errors.Is(err, breaker.ErrOpen) {
			t.Fatal(err)
		}
		time.Sleep(2100 * time.Millisecond)
		_ = g.Do(t.Context(), op)
		_ = g.Do(t.Context(), op)
		if tried != 4 {
			t.Fatalf("%d tries after the probe failed", tried)
		}
	})
	inBubble("what a healthy backend answers does not count", func(t *testing.T) {
		g, told := watched(time.Second)
		for _, err := range []error{backends.ErrConflict, &backends.MarkedError{}, backends.ErrTooLarge, &backends.LeasedError{Holder: "x"}, backends.ErrLeaseLost} {
			for range 5 {
				if got := g.Do(t.Context(), func(context.Context) error { return err }); !errors.Is(got, err) {
					t.Fatal(got)
				}
			}
		}
		if len(*told) != 0 {
			t.Fatal(*told)
		}
	})
	inBubble("an operation is bounded by the timeout", func(t *testing.T) {
		g, told := watched(time.Second)
		start := time.Now()
		if err := g.Do(t.Context(), hangs); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Fatal(err, time.Since(start))
		}
		if len(*told) != 1 {
			t.Fatal("a timeout is an outage:", *told)
		}
	})
	inBubble("and by a quarter of the time that is left, which says nothing about the backend", func(t *testing.T) {
		g, told := watched(time.Second)
		for range 5 {
			ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
			start := time.Now()
			if err := g.Do(ctx, hangs); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 100*time.Millisecond {
				t.Fatal(err, time.Since(start))
			}
			cancel()
		}
		if len(*told) != 0 {
			t.Fatal(*told)
		}
	})
	inBubble("a caller that leaves says nothing about the backend", func(t *testing.T) {
		g, told := watched(time.Second)
		for range 5 {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Millisecond, cancel)
			if err := g.Do(ctx, hangs); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		if len(*told) != 0 {
			t.Fatal(*told)
		}
	})
	inBubble("what only somebody can mend is not tried again for a while", func(t *testing.T) {
		g, _ := watched(time.Second)
		tried := 0
		op := func(context.Context) error { tried++; return &backends.Error{Op: "get", Permanent: true, Err: errDown} }
		for range 5 {
			_ = g.Do(t.Context(), op)
			time.Sleep(5 * time.Second)
		}
		if tried != 1 {
			t.Fatal(tried)
		}
		time.Sleep(10 * time.Second)
		if err := g.Do(t.Context(), works); err != nil {
			t.Fatal(err)
		}
	})
}

func TestPanics(t *testing.T) {
	broken := func(context.Context, time.Time) error { panic("broken") }
	for name, try := range map[string]func(*breaker.Breaker) error{
		"Do": func(g *breaker.Breaker) error {
			return g.Do(t.Context(), func(context.Context) error { panic("broken") })
		},
		"Before": func(g *breaker.Breaker) error { return g.Before(t.Context(), broken) },
		"Within": func(g *breaker.Breaker) error { return g.Within(t.Context(), time.Second, broken) },
	} {
		t.Run("W3 a panic is an error of the backend, and an outage, for "+name, func(t *testing.T) {
			g, told := watched(time.Second)
			defer func() {
				if r := recover(); r != nil {
					t.Error("the caller got the panic:", r)
				}
			}()
			if err := try(g); err == nil || len(*told) != 1 || !g.Down() {
				t.Error(err, *told, g.Down())
			}
		})
	}
}
