package adapter_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/stillwarm/stillwarm/adapter"
)

// grow uses so much stack that the stack moves, and collects what nothing refers to, below the frame of the call.
//
//go:noinline
func grow(depth int) int {
	var room [512]byte
	if depth == 0 {
		runtime.GC()
		return 0
	}
	room[depth%len(room)] = 1
	return grow(depth-1) + int(room[depth%len(room)])
}

type onStack struct {
	Name  string
	Parts []string
	Next  *onStack
}

func newOnStack(i int) onStack {
	return onStack{Name: fmt.Sprint("name ", i), Parts: []string{fmt.Sprint("part ", i)}, Next: &onStack{Name: fmt.Sprint("next ", i)}}
}

func (o onStack) is(i int) bool {
	return o.Name == fmt.Sprint("name ", i) && len(o.Parts) == 1 && o.Parts[0] == fmt.Sprint("part ", i) &&
		o.Next != nil && o.Next.Name == fmt.Sprint("next ", i)
}

// Arguments and results stay on the stacks of their callers, and are handed on by their addresses.
func TestArgumentsAndResultsSurviveAMovingStack(t *testing.T) {
	c := newWorld(t).alone()
	d, err := adapter.NewData(func(_ context.Context, in onStack) (onStack, error) {
		grow(200)
		out := newOnStack(len(in.Parts[0]))
		out.Name, out.Parts, out.Next = in.Name, in.Parts, in.Next
		grow(400)
		return out, nil
	}, adapter.HashFunc(func(o *onStack) string { return o.Name[:len(o.Name)-grow(300)+300] }),
		adapter.Name(t.Name()), adapter.WithRuntime(c.Runtime))
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]func(ctx context.Context, in onStack) (onStack, error){
		"Get": d.Get, "Refresh": d.Refresh, "Uncached": d.Uncached,
		"Set": func(ctx context.Context, in onStack) (onStack, error) {
			if err := d.Set(ctx, in, in); err != nil {
				return in, err
			}
			grow(100)
			return d.Get(ctx, in)
		},
		"GetAll": func(ctx context.Context, in onStack) (onStack, error) {
			outs, err := d.GetAll(ctx, []onStack{in, in})
			return outs[1], err
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			done := make(chan error)
			for i := range 4 {
				go func() { // a goroutine's stack begins small
					for range 3 {
						out, err := call(t.Context(), newOnStack(i))
						if err == nil && !out.is(i) {
							err = fmt.Errorf("call %d got %+v", i, out)
						}
						if err != nil {
							done <- err
							return
						}
					}
					_, err := d.Explain(t.Context(), newOnStack(i))
					done <- err
				}()
			}
			for range 4 {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// below calls f with the stack filled by so many frames more.
//
//go:noinline
func below(frames int, f func()) {
	if frames == 0 {
		f()
		return
	}
	below(frames-1, f)
}

// A stack moves where it is full. So each call begins on stacks that are filled ever so little more, until one moves at
// each of its steps: with the race detector, also in the checks that the compiler puts between them.
func TestAddressesSurviveAStackThatMovesAtAnyStep(t *testing.T) {
	c := newWorld(t).alone()
	returned := func(_ context.Context, in onStack) (onStack, error) { return in, nil }
	name, in := adapter.Name(t.Name()), adapter.WithRuntime(c.Runtime)
	hashed := adapter.CacheData(returned, adapter.HashFunc(func(o *onStack) string { return o.Name }), name, in)
	plain := adapter.CacheData(returned, adapter.Name(t.Name()+" plain"), in)
	flat := adapter.CacheData(func(_ context.Context, s string) (string, error) { return s, nil }, adapter.Name(t.Name()+" flat"), in)
	opened := adapter.CacheResource(returned, adapter.Name(t.Name()+" opened"), in)
	calls := map[string]func(context.Context, onStack) (onStack, error){
		"Get": hashed.Get, "Get of a plain key": plain.Get, "Refresh": plain.Refresh, "Uncached": plain.Uncached, "a resource": opened.Get,
		"a flat Get": func(ctx context.Context, in onStack) (onStack, error) {
			name, err := flat.Get(ctx, in.Name)
			in.Name = name
			return in, err
		},
		"Set": func(ctx context.Context, in onStack) (onStack, error) { return in, plain.Set(ctx, in, in) },
		"GetAll": func(ctx context.Context, in onStack) (onStack, error) {
			outs, err := plain.GetAll(ctx, []onStack{in})
			return outs[0], err
		},
		"Explain": func(ctx context.Context, in onStack) (onStack, error) {
			_, err := plain.Explain(ctx, in)
			return in, err
		},
		"ClearFor": func(ctx context.Context, in onStack) (onStack, error) { return in, plain.ClearFor(ctx, in) },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			for step := range 3000 {
				frames, i := step/2, 1 // a hit
				if step%2 == 1 {
					i = step // a miss
				}
				in := newOnStack(i)
				type answer struct {
					out onStack
					err error
				}
				done := make(chan answer)
				go func() { // nothing below uses more of the stack than the call
					below(frames, func() {
						out, err := call(ctx, in)
						done <- answer{out, err}
					})
				}()
				if got := <-done; got.err != nil || !got.out.is(i) {
					t.Fatalf("below %d frames: got %+v", frames, got)
				}
			}
		})
	}
}
