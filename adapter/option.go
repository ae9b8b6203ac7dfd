package adapter

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/stillwarm/stillwarm/internal/duration"
	"github.com/stillwarm/stillwarm/internal/key"
)

// A DataOption configures a function cached by [CacheData] or [NewData]. The most important ones, in the order in
// which most functions need them: [TTL], [MaxEntries], [Persist], [Spinner].
type DataOption interface {
	CacheOption
	applyData(*options)
}

// A ResourceOption configures a resource cached by [CacheResource] or [NewResource]. The most important ones, in the
// order in which most resources need them: [TTL], [MaxEntries], [Spinner], [Validate].
type ResourceOption interface {
	CacheOption
	applyResource(*options)
}

// A CacheOption configures the deprecated functions [Cache], [ExperimentalMemo] and [ExperimentalSingleton]. Every
// [DataOption] and [ResourceOption] of this package is one too.
type CacheOption interface{ applyCache(*options) }

// An Option applies to data and to resources alike.
type Option struct{ set func(*options) }

func (o Option) applyData(c *options)     { o.set(c) }
func (o Option) applyResource(c *options) { o.set(c) }
func (o Option) applyCache(c *options)    { o.set(c) }

// onlyData, onlyResource and onlyLegacy are separate types so that an option in the wrong place does not compile.
type (
	onlyData     struct{ set func(*options) }
	onlyResource struct{ set func(*options) }
	onlyLegacy   struct{ set func(*options) }
)

func (o onlyData) applyData(c *options)         { o.set(c) }
func (o onlyData) applyCache(c *options)        { c.dataOnly = append(c.dataOnly, o) }
func (o onlyResource) applyResource(c *options) { o.set(c) }
func (o onlyResource) applyCache(c *options)    { c.resourceOnly = append(c.resourceOnly, o) }
func (o onlyLegacy) applyCache(c *options)      { o.set(c) }

// options is what the options of one function add up to. The zero value is the default of each.
type options struct {
	place    string // file:line of the call that wraps
	problems []*OptionError

	name       string
	ttl        time.Duration // zero: never
	maxEntries int
	maxSize    int64
	hashers    []key.Hasher
	hashTypes  []hashResult
	scope      func(context.Context) string
	staleFor   time.Duration
	spinner    spinner
	runtime    *Runtime

	persist    persistence
	failSafe   time.Duration
	jitter     float64
	version    string
	hasVersion bool
	cacheIf    typedFunc
	nearTTL    time.Duration
	hasNearTTL bool

	validate      typedFunc
	validateWith  typedFunc
	validateEvery time.Duration
	onRelease     typedFunc

	dataOnly       []onlyData
	resourceOnly   []onlyResource
	outputMutation bool
	legacy         []string // names of options that the current functions no longer have
	deprecatedName string   // the deprecated function that wraps, or empty
}

// typedFunc is a function given through a generic option, with the types it was instantiated for: the option does not
// know the cached function, so the types are compared when both are at hand.
type typedFunc struct {
	fn   any
	in   reflect.Type // nil where the function takes no argument of type In
	out  reflect.Type
	code uintptr
}

type hashResult struct {
	hasher      string
	arg, result reflect.Type
}

type persistence struct {
	set  bool
	on   bool
	name string // a backend's scheme; empty: the configured one
}

type spinner struct {
	off  bool
	text string
}

func (c *options) problem(option, value, reason string) {
	c.problems = append(c.problems, &OptionError{Option: option, Value: value, Reason: reason})
}

// duration parses an option's duration, given as one or as text.
func (c *options) duration(option string, v any) time.Duration {
	var d time.Duration
	var text string
	switch v := v.(type) {
	case time.Duration:
		d, text = v, v.String()
	case string:
		var err error
		if text = fmt.Sprintf("%q", v); v == "none" || v == "never" {
			return 0
		}
		if d, err = duration.Parse(v); err != nil {
			c.problem(option, text, err.Error())
			return 0
		}
	}
	if d <= 0 {
		c.problem(option, text, "must be longer than zero; leave the option out for the default")
		return 0
	}
	return d
}

// TTL sets how long a result stays fresh, on the wall clock. It takes a duration or a text: Go's durations ("24h",
// "1h23s"), days and weeks ("1d", "1.5 days", "1w 2d") and ISO 8601 ("PT1H"). Without it, or with "none", entries
// never expire. Reading an entry does not extend its life. For data the ttl holds in every tier.
func TTL[T time.Duration | string](ttl T) Option {
	return Option{func(c *options) { c.ttl = c.duration("TTL", any(ttl)) }}
}

// MaxEntries bounds how many entries this function keeps in one container; the least valuable leave first (for
// resources: the least recently used). Without it only the memory budget of the [Runtime] bounds them.
func MaxEntries(n int) Option {
	return Option{func(c *options) {
		if n <= 0 {
			c.problem("MaxEntries", fmt.Sprint(n), "must be at least 1; leave the option out for no bound of its own")
			return
		}
		c.maxEntries = n
	}}
}

// Name names the cached function. A closure, a function literal, a bound method or an instantiated generic function
// has no stable name of its own and needs one. The name is part of every key: two functions of one program cannot
// have the same.
func Name(name string) Option {
	return Option{func(c *options) {
		if name == "" {
			c.problem("Name", `""`, "must not be empty")
			return
		}
		c.name = name
	}}
}

// HashFunc says how arguments of type T are hashed, wherever they occur in the function's argument: by what the
// function returns, which is hashed by the ordinary rules. It beats every built-in rule for T.
//
// For data a hash function must not return an address: it would make a new key in every process.
func HashFunc[T, K any](hash func(T) K) Option {
	return Option{func(c *options) {
		t := reflect.TypeFor[T]()
		name := funcName(hash)
		c.hashers = append(c.hashers, key.Hasher{
			Type: t,
			Name: name,
			Hash: func(v any) (any, error) {
				arg, _ := v.(T) // a nil interface value arrives as nil
				return hash(arg), nil
			},
		})
		c.hashTypes = append(c.hashTypes, hashResult{name, t, reflect.TypeFor[K]()})
	}}
}

// HashFuncNamed is [HashFunc] for a type that cannot be written down here, because it is unexported in another package:
// typeName is its fully qualified name, such as "example.com/shop/internal/db.Conn" or "*example.com/shop.client".
func HashFuncNamed(typeName string, hash func(any) (any, error)) Option {
	return Option{func(c *options) {
		if typeName == "" || hash == nil {
			c.problem("HashFuncNamed", fmt.Sprintf("%q", typeName), "needs a type's full name and a function")
			return
		}
		c.hashers = append(c.hashers, key.Hasher{TypeName: typeName, Name: funcName(hash), Hash: hash})
	}}
}

// Scope makes what it returns part of every key: entries of one scope are invisible to another. Use it for a tenant
// or a user; it is called once per call, with the call's context.
//
// Without it the scope is the invocation's tenant, where Lambda's tenant isolation names one: what was computed for one
// tenant is not shown to another unless a Scope that returns something else says that it may be.
func Scope(scope func(context.Context) string) Option {
	return Option{func(c *options) { c.scope = scope }}
}

// StaleFor adds a stale window after the ttl: in it a call gets the old value at once, and one refresh runs after the
// response. When the window is over, the next call recomputes. A failing refresh keeps the old value until the
// window ends, is logged once, and is not tried again for a minute.
func StaleFor[T time.Duration | string](window T) Option {
	return Option{func(c *options) { c.staleFor = c.duration("StaleFor", any(window)) }}
}

// Spinner sets the text that shows that the function runs, when a run takes longer than 100 ms: in development as
// a progress line, deployed as a debug record. False turns it off; the default is "Running name(...)".
func Spinner[T bool | string](s T) Option {
	return Option{func(c *options) {
		switch s := any(s).(type) {
		case bool:
			c.spinner = spinner{off: !s}
		case string:
			c.spinner = spinner{text: s}
		}
	}}
}

// WithRuntime uses a [Runtime] other than [Default].
func WithRuntime(rt *Runtime) Option {
	return Option{func(c *options) { c.runtime = rt }}
}
