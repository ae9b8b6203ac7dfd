package adapter

import (
	"context"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/stillwarm/stillwarm/internal/duration"
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

// options is what the options of one function add up to. The zero value is the default of each. Two wraps of a function
// are one cache if they agree in every field that is not marked `same:"-"`: see differences. The tag option is the name
// in messages.
type options struct {
	place    string         `same:"-"` // file:line of the call that wraps
	problems []*OptionError `same:"-"`
	runtime  *Runtime       `same:"-"` // each Runtime has a registry of its own

	name               string                       `option:"Name"`
	ttl                time.Duration                `option:"TTL"` // zero: never
	maxEntries         int                          `option:"MaxEntries"`
	hashers            []hashFunc                   `option:"HashFunc"`
	key                keyFunc                      `option:"Key"`
	scope              func(context.Context) string `option:"Scope"`
	shareAcrossTenants bool                         `option:"ShareAcrossTenants"`
	staleFor           time.Duration                `option:"StaleFor"`
	spinner            spinner                      `option:"Spinner"`

	maxSize       int64         `option:"MaxSize"`
	persist       persistence   `option:"Persist"`
	failSafe      time.Duration `option:"FailSafe"`
	failIf        typedFunc     `option:"FailIf"`
	softTimeout   time.Duration `option:"SoftTimeout"`
	refreshAhead  float64       `option:"RefreshAhead"` // share of the ttl; zero: off
	ttlFrom       typedFunc     `option:"TTLFrom"`
	jitter        float64       `option:"Jitter"`
	version       string        `option:"Version"` // empty: none
	cacheIf       typedFunc     `option:"CacheIf"`
	privateIf     typedFunc     `option:"PrivateIf"`
	tags          typedFunc     `option:"Tags"`
	tagsOf        typedFunc     `option:"TagsOf"`
	nearTTL       time.Duration `option:"NearTTL"` // zero: the default
	coherent      bool          `option:"Coherent"`
	canonicalJSON bool          `option:"CanonicalJSON"`

	validate      typedFunc     `option:"Validate"`
	validateErr   typedFunc     `option:"ValidateErr"`
	validateWith  typedFunc     `option:"ValidateWith"`
	validateEvery time.Duration `option:"ValidateEvery"`
	onRelease     typedFunc     `option:"OnRelease"`

	// What the deprecated names need to know. None of it changes what is cached.
	dataOnly       []onlyData     `same:"-"`
	resourceOnly   []onlyResource `same:"-"`
	outputMutation bool           `same:"-"`
	legacy         []string       `same:"-"` // names of options that the current functions no longer have
	deprecatedName string         `same:"-"` // the deprecated function that wraps, or empty
}

// typedFunc is a function given through a generic option, with the types it was instantiated for: the option does not
// know the cached function, so the types are compared when both are at hand.
type typedFunc struct {
	fn   any
	in   reflect.Type // nil where the function takes no argument of type In
	out  reflect.Type // nil where it takes no result
	call any          `same:"-"` // fn for those who know only the addresses of what it takes
}

// hashFunc is a function given through HashFunc or HashFuncNamed.
type hashFunc struct {
	fn       any
	typeName string                 // of HashFuncNamed
	arg      reflect.Type           // of HashFunc
	result   reflect.Type           // of HashFunc
	hash     func(any) (any, error) `same:"-"`
}

// persistence is what Persist asked for.
type persistence struct {
	set  bool
	on   bool
	name string // a backend's scheme; empty: the configured one
}

// String returns the option's argument.
func (p persistence) String() string {
	if p.name != "" {
		return p.name
	}
	return strconv.FormatBool(p.on)
}

type spinner struct {
	off  bool
	text string
}

// String returns the option's argument.
func (s spinner) String() string {
	if s.off {
		return "false"
	}
	return s.text
}

func (c *options) problem(option, value, reason string) {
	c.problems = append(c.problems, &OptionError{Option: option, Value: value, Reason: reason})
}

// durationText is what options take for a duration: one, or a text that [TTL] describes.
type durationText interface{ time.Duration | ~string }

// duration parses an option's duration.
func (c *options) duration(option string, v any) time.Duration {
	d, isDuration := v.(time.Duration)
	text := d.String()
	if !isDuration {
		given := reflect.ValueOf(v).String()
		if text = strconv.Quote(given); given == "none" || given == "never" {
			return 0
		}
		var err error
		if d, err = duration.Parse(given); err != nil {
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
func TTL[T durationText](ttl T) Option {
	return Option{func(c *options) { c.ttl = c.duration("TTL", any(ttl)) }}
}

// MaxEntries bounds how many entries this function keeps in one container; expired ones leave first, then the
// least recently used. Without it only the memory budget of the [Runtime] bounds them.
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
		if hash == nil {
			c.problem("HashFunc", "nil", fmt.Sprintf("needs a function of `%v`", t))
			return
		}
		c.hashers = append(c.hashers, hashFunc{fn: hash, arg: t, result: reflect.TypeFor[K](), hash: func(v any) (any, error) {
			arg, _ := v.(T) // a nil interface value arrives as nil
			return hash(arg), nil
		}})
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
		c.hashers = append(c.hashers, hashFunc{fn: hash, typeName: typeName, hash: hash})
	}}
}

// Scope adds the result of scope to every key: entries of one scope are invisible to another. Use it for a user, a
// customer or an instance of a service; it is called once per call, with the call's context.
//
// It adds to the tenant, which is part of every key where Lambda's tenant isolation names one: see [ShareAcrossTenants].
func Scope(scope func(context.Context) string) Option {
	return Option{func(c *options) {
		if scope == nil {
			c.problem("Scope", "nil", "needs a function")
			return
		}
		c.scope = scope
	}}
}

// ShareAcrossTenants leaves Lambda's tenant out of the key, so that what was computed for one tenant is returned to
// every other. Use it for results that are the same for all, such as exchange rates. Without it a function with tenant
// isolation keeps the results of its tenants apart, also in calls whose context carries no tenant: an execution
// environment belongs to one.
func ShareAcrossTenants() Option { return Option{func(c *options) { c.shareAcrossTenants = true }} }

// StaleFor adds a stale window after the ttl. In it a call gets the old value at once, and one refresh runs after the
// response. After the window the next call recomputes. A failing refresh keeps the old value until the window ends, is
// logged once, and is not tried again for a minute.
func StaleFor[T durationText](window T) Option {
	return Option{func(c *options) { c.staleFor = c.duration("StaleFor", any(window)) }}
}

// Spinner sets the text that is shown while a run takes longer than 100 ms: in development as a progress line, deployed
// as a debug record. False turns it off; the default is "Running name(...)".
func Spinner[T ~bool | ~string](s T) Option {
	return Option{func(c *options) {
		if v := reflect.ValueOf(s); v.Kind() == reflect.Bool {
			c.spinner = spinner{off: !v.Bool()}
		} else {
			c.spinner = spinner{text: v.String()}
		}
	}}
}

// WithRuntime uses a [Runtime] other than [Default].
func WithRuntime(rt *Runtime) Option {
	return Option{func(c *options) { c.runtime = rt }}
}
