package adapter

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// registry knows the functions that were wrapped, by kind and name.
type registry struct {
	mu      sync.Mutex
	entries map[string]*registered
	order   []*registered
}

type registered struct {
	b *binding
	states
	notices []*binding // of later wraps of the same function
}

// unbound holds the functions that were wrapped without a Runtime of their own. They are bound to the default runtime
// at their first call.
var unbound registry

// enter enters a binding. See bind.
func (r *registry) enter(b *binding, make func() states) (states, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := b.kind + " " + b.id.name
	old := r.entries[key]
	if old == nil {
		if r.entries == nil {
			r.entries = map[string]*registered{}
		}
		e := &registered{b: b, states: make()}
		r.entries[key] = e
		r.order = append(r.order, e)
		return e.states, nil
	}
	if problem := old.b.conflict(b); problem != nil {
		return nil, problem
	}
	if len(b.notices) > 0 {
		old.notices = append(old.notices, b)
	}
	return old.states, nil
}

// all returns the functions of a kind, or of every kind where it is "", in the order in which they were wrapped.
func (r *registry) all(kind string) []*registered {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []*registered
	for _, e := range r.order {
		if kind == "" || e.b.kind == kind {
			found = append(found, e)
		}
	}
	return found
}

// wayOut is what helps a program that wraps one function once for each instance of a service.
const wayOut = "adapter.Name, or for instances of a service adapter.WithRuntime (a Runtime each, with its own Namespace) or adapter.Scope"

// conflict says why a second wrap under one name is refused; nil where it is the same function with the same options.
func (b *binding) conflict(second *binding) error {
	e := &OptionError{Function: second.id.name, Option: "Name", Place: second.id.place}
	if b.id.closure != second.id.closure {
		e.Value = strconv.Quote(second.id.name)
		e.Reason = "another function has this name, wrapped at " + b.id.place + "; keep their results apart with " + wayOut
		return e
	}
	if differ := b.opts.differences(second.opts); len(differ) > 0 {
		e.Option = "options"
		e.Reason = fmt.Sprintf("%q was wrapped with other options at %s (%s); keep the two caches apart with %s",
			second.id.name, b.id.place, strings.Join(differ, "; "), wayOut)
		return e
	}
	return nil
}
