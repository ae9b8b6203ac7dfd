package backendstest

import (
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

func named(namespace, name string) backends.Function {
	return backends.Function{Namespace: namespace, Name: name, TTL: time.Hour}
}

var isolationTests = []subtest{
	{"functions do not see each other's entries", func(e *env) {
		a, b := e.storeOf(e.pm, named("shop", "a")), e.storeOf(e.pm, named("shop", "b"))
		e.put(a, "k", "of a")
		e.wantNone(b, "k")
		e.put(b, "k", "of b")
		e.delete(b, "k")
		e.want(a, "k", "of a")
	}},
	{"namespaces do not see each other's entries and generations", func(e *env) {
		a, b := e.storeOf(e.pm, named("one", "f")), e.storeOf(e.pm, named("two", "f"))
		e.put(a, "k", "of one")
		e.wantNone(b, "k")
		g := e.generation(b)
		e.clear(a)
		if got := e.generation(b); got != g {
			e.Fatalf("namespace two went from %x to %x", g, got)
		}
	}},
	{"namespace, name and key are not glued together", func(e *env) {
		type place struct{ namespace, name, key string }
		places := []place{
			{"a", "b", "c"}, {"a", "b/c", "d"}, {"a/b", "c", "d"}, {"", "a/b/c", "d"}, {"a", "b", "c/d"},
			{"a:b", "c", "d"}, {"a", "b:c", "d"}, {"", "a:b:c", "d"}, {"ab", "c", "d"}, {"a", "bc", "d"},
			{"a\x00b", "c", "d"}, {"a", "b\x00c", "d"}, {"A", "b", "c"}, {"a", "B", "c"}, {"a", "b", "C"},
		}
		for _, p := range places {
			s := e.storeOf(e.pm, named(p.namespace, p.name))
			e.put(s, p.key, p.namespace+"|"+p.name+"|"+p.key)
		}
		for _, p := range places {
			s := e.storeOf(e.pm, named(p.namespace, p.name))
			e.want(s, p.key, p.namespace+"|"+p.name+"|"+p.key)
		}
	}},
	{"two stores of the same function share entries and generation", func(e *env) {
		a := e.store()
		f := fn()
		f.TTL, f.MaxEntries, f.MaxSize = time.Minute, 7, 1<<20 // limits are no part of the address
		b := e.storeOf(e.pm, f)
		e.put(a, "k", "v")
		e.want(b, "k", "v")
		if ga, gb := e.generation(a), e.generation(b); ga != gb {
			e.Fatalf("generations %x and %x", ga, gb)
		}
		e.clear(b)
		if ga, gb := e.generation(a), e.generation(b); ga != gb {
			e.Fatalf("generations after Clear %x and %x", ga, gb)
		}
	}},
}
