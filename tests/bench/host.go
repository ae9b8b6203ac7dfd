package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A host stands in for the test that package servers starts servers for, so that they can serve a program: what ends a test
// ends the function given to run, with an error.
type host struct {
	testing.TB // for what is not overridden, which nothing here calls
	ctx        context.Context
	cleanups   []func()
	failed     bool
}

// unusable ends a function on a host; skipped says that something is not installed.
type unusable struct {
	reason  string
	skipped bool
}

func (h *host) Helper()                  {}
func (h *host) Name() string             { return "bench" }
func (h *host) Context() context.Context { return h.ctx }
func (h *host) Cleanup(f func())         { h.cleanups = append(h.cleanups, f) }
func (h *host) Log(...any)               {}
func (h *host) Logf(string, ...any)      {}
func (h *host) Failed() bool             { return h.failed }
func (h *host) Fatal(args ...any)        { h.failed = true; panic(unusable{reason: fmt.Sprint(args...)}) }
func (h *host) Fatalf(format string, args ...any) {
	h.failed = true
	panic(unusable{reason: fmt.Sprintf(format, args...)})
}
func (h *host) Skip(args ...any) { panic(unusable{fmt.Sprint(args...), true}) }

// Setenv sets a variable for the rest of the run.
func (h *host) Setenv(name, value string) {
	if err := os.Setenv(name, value); err != nil {
		h.Fatal(err)
	}
}

// end runs the cleanups, last first.
func (h *host) end() {
	for _, f := range slices.Backward(h.cleanups) {
		f()
	}
	h.cleanups = nil
}

// errSkipped is the error of what cannot run here because something is not installed.
var errSkipped = errors.New("skipped")

// run calls f and returns what ended it early.
func (h *host) run(f func() error) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case unusable:
			err = errors.New(r.reason)
			if r.skipped {
				err = fmt.Errorf("%w: %s", errSkipped, r.reason)
			}
		default:
			panic(r)
		}
	}()
	return f()
}

// Root returns the repository's folder: the nearest one upwards with a go.work.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("bench: run it inside the repository: no go.work in this folder or above")
		}
		dir = parent
	}
}
