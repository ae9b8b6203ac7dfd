package engine_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestAbandonedRuns(t *testing.T) {
	type fault struct {
		name  string
		leave bool // the first caller leaves
		err   error
	}
	for _, tt := range []fault{
		{"a timeout of the run", false, context.DeadlineExceeded},
		{"a cancellation within the run", false, context.Canceled},
		{"any error after the first caller has left", true, errors.New("half done")},
	} {
		t.Run("F1 "+tt.name+" reaches nobody who joined", func(t *testing.T) {
			bubble(t, func(t *testing.T, fl *fleet) {
				b := fl.container()
				open := make(chan struct{})
				b.run = func(context.Context, string) (int64, error) {
					if n := fl.runs.Add(1); n > 1 {
						return n, nil
					}
					<-open
					return 0, tt.err
				}
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				first := b.begin(ctx, "x")
				joined := b.begin(context.Background(), "x")
				if tt.leave {
					cancel()
					synctest.Wait()
				}
				close(open)
				if o := <-first; o.err == nil {
					t.Error("the first caller has no error")
				}
				(<-joined).want(t, "who joined", 2)
			})
		})
	}
	t.Run("F1 S1 an error that says nothing of anybody's time reaches all who wait", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			b := fl.container()
			b.run = func(context.Context, string) (int64, error) {
				time.Sleep(time.Second)
				return fl.runs.Add(1), errors.New("no such customer")
			}
			first, joined := b.begin(context.Background(), "x"), b.begin(context.Background(), "x")
			if (<-first).err == nil || (<-joined).err == nil || fl.runs.Load() != 1 {
				t.Errorf("%d runs", fl.runs.Load())
			}
		})
	})
	t.Run("S1 S2 whoever asks after everybody has left begins a run, though the old one goes on", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			b := fl.container()
			b.run = func(context.Context, string) (int64, error) { // deaf to its context
				n := fl.runs.Add(1)
				time.Sleep(time.Second)
				return n, nil
			}
			ctx, cancel := context.WithCancel(context.Background())
			left := b.begin(ctx, "x")
			cancel()
			if o := <-left; !errors.Is(o.err, context.Canceled) {
				t.Error(o)
			}
			(<-b.begin(context.Background(), "x")).want(t, "the next caller", 2)
		})
	})
	t.Run("S2 a run that everybody has left gives its lease back at once, though it goes on", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			a, b := fl.container(), fl.container()
			stop := make(chan struct{})
			a.run = func(context.Context, string) (int64, error) { <-stop; return 1, nil }
			ctx, cancel := context.WithCancel(context.Background()) // without a deadline, before which leases go back anyway
			left := a.begin(ctx, "x")
			cancel()
			<-left
			synctest.Wait()
			if _, took, err := b.call("x", time.Minute); err != nil || took > 100*time.Millisecond {
				t.Error(took, err)
			}
			close(stop)
		})
	})
}

func TestWhoeverLosesALease(t *testing.T) {
	t.Run("S5 waits no longer than its own run can still be done, with half as much again to spare", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			fl.took = 4 * time.Second
			b := fl.container()
			b.get("warm")
			fl.dead(b, "x", fl.took)
			if _, took, err := b.call("x", 8*time.Second); err != nil || took > 6*time.Second {
				t.Error(took, err)
			}
		})
	})
	t.Run("S5 goes on looking beside its own run, and takes what comes first", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			a, b := fl.container(), fl.container()
			a.run = func(context.Context, string) (int64, error) { time.Sleep(5 * time.Second); return 7, nil }
			b.run = func(ctx context.Context, _ string) (int64, error) { <-ctx.Done(); return 0, ctx.Err() }
			first := a.begin(context.Background(), "x")
			if v, took, err := b.call("x", 20*time.Second); v != 7 || err != nil || took > 6*time.Second {
				t.Error(v, took, err)
			}
			(<-first).want(t, "the holder", 7)
		})
	})
}
