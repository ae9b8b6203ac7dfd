package backends_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stillwarm/stillwarm/backends"
)

func TestWrap(t *testing.T) {
	own := &backends.Error{Backend: "s3://b", Op: "get", Err: errors.New("x")}
	for _, err := range []error{
		nil, context.Canceled, fmt.Errorf("read: %w", context.DeadlineExceeded), backends.ErrConflict, backends.ErrMarked, backends.ErrTooLarge,
		backends.ErrLeased, backends.ErrLeaseLost, backends.ErrClosed, own, fmt.Errorf("again: %w", own),
	} {
		t.Run(fmt.Sprintf("passes %v untouched", err), func(t *testing.T) {
			if got := backends.Wrap("redis://h", "put", err); got != err { //nolint:errorlint // it passes unwrapped
				t.Fatalf("Wrap = %v", got)
			}
		})
	}
	t.Run("gives any other error its place", func(t *testing.T) {
		cause := errors.New("connection refused")
		err := backends.Wrap("redis://h", "put", cause)
		e, ok := errors.AsType[*backends.Error](err)
		if !ok || e.Backend != "redis://h" || e.Op != "put" || !errors.Is(err, cause) {
			t.Fatalf("Wrap = %#v", err)
		}
		if got := err.Error(); got != "redis://h: put: connection refused" {
			t.Fatalf("says %q", got)
		}
	})
}

func TestNewGenerationNeverRepeats(t *testing.T) {
	seen := map[uint64]bool{0: true}
	for range 10_000 {
		g := backends.NewGeneration()
		if seen[g] {
			t.Fatalf("%x came twice, or is zero", g)
		}
		seen[g] = true
	}
}

func TestCheckFunction(t *testing.T) {
	for name, fn := range map[string]backends.Function{
		"no name":            {},
		"negative ttl":       {Name: "f", TTL: -1},
		"negative entries":   {Name: "f", MaxEntries: -1},
		"negative size":      {Name: "f", MaxSize: -1},
		"negative near ttl":  {Name: "f", NearTTL: -1},
		"a namespace is not": {Namespace: "ns"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			if backends.CheckFunction(fn) == nil {
				t.Fatal("accepted")
			}
		})
	}
	if err := backends.CheckFunction(backends.Function{Name: "f"}); err != nil {
		t.Fatal(err)
	}
}
