package lambda

import (
	"context"
	"reflect"
	"sync"
)

// A handler of HTTP events that is started without options needs neither encoding/json's reflection nor the response type
// between the cache and the wire: Start serves it as it is, bytes to bytes. The functions of this file find such a handler,
// without linking what it is made of.

// servedAsIs is a handler that reads events and writes answers itself.
type servedAsIs interface{ wrapAsIs() *wrapper }

// startedAsIs are the types of the functions that CacheHTTP returns, and where the code of such a function is.
var startedAsIs sync.Map // reflect.Type to uintptr

// asking is the context in which such a function is asked whose it is.
type asking struct {
	context.Context
	handler servedAsIs
}

// asIs returns the handler that a function of CacheHTTP, or what CacheHandler returned, stands for; nil for any other.
func asIs(handler any) servedAsIs {
	if h, ok := handler.(interface{ asIs() servedAsIs }); ok {
		return h.asIs()
	}
	v := reflect.ValueOf(handler)
	if v.Kind() != reflect.Func || v.IsNil() {
		return nil
	}
	code, ok := startedAsIs.Load(v.Type())
	if !ok || code.(uintptr) != v.Pointer() { // the user's own function must not be called
		return nil
	}
	a := &asking{Context: context.Background()}
	v.Call([]reflect.Value{reflect.ValueOf(a), reflect.Zero(v.Type().In(1))})
	return a.handler
}
