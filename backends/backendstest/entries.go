package backendstest

import (
	"bytes"
	"time"
)

var entryTests = []subtest{
	{"an entry that was never put is not found", func(e *env) {
		e.wantNone(e.store(), "k")
	}},
	{"what was put is returned", func(e *env) {
		s := e.store()
		e.put(s, "k", "v")
		e.want(s, "k", "v")
		e.want(s, "k", "v")
	}},
	{"put replaces what was there, also by something shorter", func(e *env) {
		s := e.store()
		e.put(s, "k", "a long first value")
		e.put(s, "k", "v2")
		e.want(s, "k", "v2")
	}},
	{"a deleted entry is not found", func(e *env) {
		s := e.store()
		e.put(s, "k", "v")
		e.put(s, "other", "w")
		e.delete(s, "k")
		e.wantNone(s, "k")
		e.want(s, "other", "w")
	}},
	{"deleting what is not there is not an error", func(e *env) {
		s := e.store()
		e.delete(s, "never there")
		e.put(s, "k", "v")
		e.delete(s, "k")
		e.delete(s, "k")
	}},
	{"an entry can be put again after it was deleted", func(e *env) {
		s := e.store()
		e.put(s, "k", "v1")
		e.delete(s, "k")
		e.put(s, "k", "v2")
		e.want(s, "k", "v2")
	}},
	{"get returns a copy that the caller may change", func(e *env) {
		s := e.store()
		e.put(s, "k", "value")
		first, _, err := e.get(s, "k")
		if err != nil {
			e.Fatal(err)
		}
		for i := range first {
			first[i] = 'x'
		}
		// What lies behind the slice's length is the caller's too.
		_ = append(first, "tail"...)
		e.want(s, "k", "value")
	}},
	{"put keeps no reference to the slice and does not change it", func(e *env) {
		s := e.store()
		buf := []byte("value")
		if err := e.write(s, "k", buf, time.Time{}); err != nil {
			e.Fatal(err)
		}
		if !bytes.Equal(buf, []byte("value")) {
			e.Fatalf("Put changed the caller's slice to %q", buf)
		}
		copy(buf, "XXXXX")
		e.want(s, "k", "value")
	}},
	{"a second container sees entries, replacements and deletions", func(e *env) {
		a := e.store()
		b := e.storeOf(e.reopen(), fn())
		e.put(a, "k", "v1")
		e.want(b, "k", "v1")
		e.put(b, "k", "v2")
		e.want(a, "k", "v2")
		e.delete(a, "k")
		e.wantNone(b, "k")
	}},
	{"entries outlive the manager that put them", func(e *env) {
		s := e.store()
		e.put(s, "k", "v")
		g := e.generation(s)
		second := e.reopen()
		if err := e.pm.Close(); err != nil {
			e.Fatalf("Close: %v", err)
		}
		after := e.storeOf(second, fn())
		e.want(after, "k", "v")
		if got := e.generation(after); got != g {
			e.Fatalf("generation %x after the first manager was closed, want %x", got, g)
		}
	}},
}
