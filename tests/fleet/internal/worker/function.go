package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/internal/hooks"
	"github.com/stillwarm/stillwarm/tests/fleet/internal/wire"
)

// function is what the worker caches. Its runs are counted outside the process, so that none is missed when the
// process is killed.
type function struct {
	setup wire.Setup
}

func (f *function) options(rt *adapter.Runtime) []adapter.DataOption {
	o := []adapter.DataOption{adapter.Name("fleet"), adapter.WithRuntime(rt), adapter.Spinner(false)}
	if f.setup.Version != "" {
		o = append(o, adapter.Version(f.setup.Version))
	}
	if f.setup.TTL > 0 {
		o = append(o, adapter.TTL(f.setup.TTL))
	}
	if f.setup.Stale > 0 {
		o = append(o, adapter.StaleFor(f.setup.Stale))
	}
	if f.setup.NearTTL > 0 {
		o = append(o, adapter.NearTTL(f.setup.NearTTL))
	}
	if f.setup.MaxEntries > 0 {
		o = append(o, adapter.MaxEntries(f.setup.MaxEntries))
	}
	return o
}

func (f *function) compute(ctx context.Context, key string) (wire.Answer, error) {
	if m := markOf(ctx); m != nil {
		m.ran.Store(true)
	}
	run := rand.Text()
	if err := f.note(key, run); err != nil {
		return wire.Answer{}, err
	}
	time.Sleep(f.setup.Run) // this is the work
	for f.setup.Gate != "" {
		if _, err := os.Stat(f.setup.Gate); err != nil {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	return wire.Answer{Key: key, Run: run, Body: wire.Body(key)}, nil //nolint:nilerr // the gate is open when its file is gone
}

// note appends a line for the run in one write, which files opened for appending keep whole.
func (f *function) note(key, run string) error {
	if f.setup.Runs == "" {
		return nil
	}
	file, err := os.OpenFile(f.setup.Runs, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = fmt.Fprintf(file, "%d %s %s %d\n", os.Getpid(), key, run, time.Now().UnixNano())
	return err
}

// get calls for one key with many callers at the same moment.
func (w *worker) get(ctx context.Context, c wire.Command) []wire.Call {
	calls := make([]wire.Call, max(1, c.Callers))
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range calls {
		wg.Go(func() {
			<-start
			calls[i] = within(ctx, c.Timeout, w.data, c.Key)
		})
	}
	if c.At > 0 {
		time.Sleep(time.Until(time.Unix(0, c.At)))
	}
	close(start)
	wg.Wait()
	return calls
}

// within is call for an invocation that has only so much time.
func within(ctx context.Context, timeout time.Duration, data *adapter.Data[string, wire.Answer], key string) wire.Call {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	return call(ctx, data, key)
}

// call asks once and checks the answer.
func call(ctx context.Context, data *adapter.Data[string, wire.Answer], key string) wire.Call {
	start := time.Now()
	a, err := data.Get(ctx, key)
	c := wire.Call{Took: time.Since(start), Run: a.Run}
	if err != nil {
		c.Err = err.Error()
	}
	c.Bad = err == nil && (a.Key != key || a.Body != wire.Body(key))
	return c
}

// fill makes entries, by a few callers at a time.
func (w *worker) fill(ctx context.Context, c wire.Command) error {
	keys := make(chan int)
	errs := make(chan error, 1)
	var wg sync.WaitGroup
	for range max(1, c.Callers) {
		wg.Go(func() {
			for i := range keys {
				if _, err := w.data.Refresh(ctx, fmt.Sprint(c.Key, i)); err != nil {
					select {
					case errs <- err:
					default:
					}
				}
			}
		})
	}
	for i := range c.Count {
		keys <- i
	}
	close(keys)
	wg.Wait()
	return w.written(ctx, errs)
}

// written waits until what was left for after the response is done. Not every result is in the backend then: one that met
// another process's write of the same key left a tombstone.
func (w *worker) written(ctx context.Context, errs <-chan error) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Minute)
	defer cancel()
	if !hooks.Of(w.rt).WaitIdle(ctx) {
		return errors.New("entries were still being written after twenty minutes")
	}
	if n := w.data.Stats().StoreErrors; n > 0 {
		return fmt.Errorf("%d entries could not be written", n)
	}
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}
