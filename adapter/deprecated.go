package adapter

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
)

// docsPage is where warnings send their readers.
const docsPage = "https://github.com/stillwarm/stillwarm/blob/main/docs/deprecated.md"

// Deprecation says what is deprecated and what to use instead. It is how the deprecated names of this package warn, and
// how a project can deprecate its own cached functions: see [Deprecate].
type Deprecation struct {
	Name string // what is deprecated, such as "adapter.Cache"
	Use  string // what to use instead, such as "adapter.CacheData or adapter.CacheResource"
	Note string // one more sentence; may be empty
	Docs string // a page that says more; may be empty
}

// message is the warning in words.
func (d Deprecation) message() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is deprecated; use %s.", d.Name, d.Use)
	for _, more := range []string{d.Note, d.Docs} {
		if more != "" {
			b.WriteString(" ")
			b.WriteString(more)
		}
	}
	return b.String()
}

// warn writes the warning, once for each function in this process: a record for each invocation would be noise, and
// cost money where logs are paid for.
func (d Deprecation) warn(ctx context.Context, rt *Runtime, function, where string) {
	rt.logOnce(ctx, "deprecated "+d.Name+" "+function+" "+where, slog.LevelWarn, d.message(),
		"deprecated", true, "name", d.Name, "use", d.Use, "function", function, "place", where)
}

// Deprecate returns fn with a warning at its first call: in the terminal and on the page of the local runner while
// developing, as one structured WARN record in each container when deployed. The only way to silence it is to stop
// using the name. If rt is nil, the Runtime is [Default].
func Deprecate[In, Out any](fn func(context.Context, In) (Out, error), d Deprecation, rt *Runtime) func(context.Context, In) (Out, error) {
	where, name := callerPlace(0), funcName(fn)
	return func(ctx context.Context, in In) (Out, error) {
		to := rt
		if to == nil {
			to = runtimeIn(ctx)
		}
		d.warn(ctx, to, name, where)
		return fn(ctx, in)
	}
}

// Cached is what [Cache] returns: data or, with [AllowOutputMutation], a resource.
//
// Deprecated: use [CacheData] or [CacheResource].
type Cached[In, Out any] struct {
	data     *Data[In, Out]
	resource *Resource[In, Out]
}

// Cache caches fn as [CacheData] does; with AllowOutputMutation(true) as [CacheResource] does. It panics on misuse.
//
// Deprecated: use [CacheData] for data and [CacheResource] for connections, clients and models.
func Cache[In, Out any](fn func(context.Context, In) (Out, error), opts ...CacheOption) *Cached[In, Out] {
	o := legacyOptions("adapter.Cache", callerPlace(0), opts)
	d := Deprecation{Name: "adapter.Cache", Use: "adapter.CacheData or adapter.CacheResource", Docs: docsPage}
	if use := recommend(reflect.TypeFor[Out]()); use != "" {
		d.Note = fmt.Sprintf("Based on this function's return value of type `%v`, we recommend using `%s`.", reflect.TypeFor[Out](), use)
	}
	if o.outputMutation {
		return &Cached[In, Out]{resource: legacyResource(fn, o, d)}
	}
	return &Cached[In, Out]{data: legacyData(fn, o, d)}
}

// Get is [Data.Get], or [Resource.Get] with AllowOutputMutation.
func (c *Cached[In, Out]) Get(ctx context.Context, in In) (Out, error) {
	if c.resource != nil {
		return c.resource.Get(ctx, in)
	}
	return c.data.Get(ctx, in)
}

// Clear is [Data.Clear], or [Resource.Clear] with AllowOutputMutation.
func (c *Cached[In, Out]) Clear(ctx context.Context) error {
	if c.resource != nil {
		return c.resource.Clear(ctx)
	}
	return c.data.Clear(ctx)
}

// ClearFor is [Data.ClearFor], or [Resource.ClearFor] with AllowOutputMutation.
func (c *Cached[In, Out]) ClearFor(ctx context.Context, in In) error {
	if c.resource != nil {
		return c.resource.ClearFor(ctx, in)
	}
	return c.data.ClearFor(ctx, in)
}

// ExperimentalMemo is [CacheData] under the name it had while it was new. It warns at Clear too.
//
// Deprecated: use [CacheData], which has the same behaviour.
func ExperimentalMemo[In, Out any](fn func(context.Context, In) (Out, error), opts ...CacheOption) *Data[In, Out] {
	o := legacyOptions("adapter.ExperimentalMemo", callerPlace(0), opts)
	if o.outputMutation {
		o.problem("AllowOutputMutation", "true", "a memo gives every caller a copy; use adapter.CacheResource to share one object")
	}
	return legacyData(fn, o, renamed("adapter.ExperimentalMemo", "adapter.CacheData"))
}

// ExperimentalSingleton is [CacheResource] under the name it had while it was new. It warns at Clear too.
//
// Deprecated: use [CacheResource], which has the same behaviour.
func ExperimentalSingleton[In, Out any](fn func(context.Context, In) (Out, error), opts ...CacheOption) *Resource[In, Out] {
	o := legacyOptions("adapter.ExperimentalSingleton", callerPlace(0), opts)
	return legacyResource(fn, o, renamed("adapter.ExperimentalSingleton", "adapter.CacheResource"))
}

func renamed(old, use string) Deprecation {
	return Deprecation{Name: old, Use: use + ", which has the same behaviour", Docs: docsPage}
}

// AllowOutputMutation made callers share one object. Only the deprecated functions take it; it can be removed.
//
// Deprecated: use [CacheResource] for what callers share; [CacheData] gives each a copy.
func AllowOutputMutation(allow bool) CacheOption {
	return onlyLegacy{func(c *options) {
		c.outputMutation = allow
		c.legacy = append(c.legacy, "AllowOutputMutation")
	}}
}

// SuppressWarning silenced warnings about widgets in cached functions. Only the deprecated functions take it; it has no
// effect and can be removed.
//
// Deprecated: it has no effect.
func SuppressWarning(bool) CacheOption {
	return onlyLegacy{func(c *options) { c.legacy = append(c.legacy, "SuppressWarning") }}
}

func legacyOptions(name, place string, opts []CacheOption) *options {
	o := &options{place: place, deprecatedName: name}
	for _, opt := range opts {
		if opt != nil {
			opt.applyCache(o)
		}
	}
	return o
}

func legacyData[In, Out any](fn func(context.Context, In) (Out, error), o *options, d Deprecation) *Data[In, Out] {
	for _, opt := range o.dataOnly {
		opt.set(o)
	}
	if len(o.resourceOnly) > 0 {
		o.problem("a resource's option", "", "it was given to "+o.deprecatedName+" of data; only resources are validated and released")
	}
	return &Data[In, Out]{mustData(newData(dataTypesOf(fn), o, o.notice(d, fn)))}
}

func legacyResource[In, Out any](fn func(context.Context, In) (Out, error), o *options, d Deprecation) *Resource[In, Out] {
	for _, opt := range o.resourceOnly {
		opt.set(o)
	}
	if len(o.dataOnly) > 0 {
		o.problem("Persist, MaxSize or another option of data", "", "it was given to "+o.deprecatedName+
			" of a resource; a resource is not serializable, only data can be persisted")
	}
	return &Resource[In, Out]{mustResource(newResource(resourceTypesOf(fn), o, o.notice(d, fn)))}
}

// notice returns what warns that the function was wrapped by a deprecated name, and of each option that can be removed.
func (c *options) notice(d Deprecation, fn any) func(context.Context, *Runtime) {
	return func(ctx context.Context, rt *Runtime) {
		id, _ := identify(fn, c.name, c.place)
		d.warn(ctx, rt, id.name, c.place)
		for _, option := range c.legacy {
			Deprecation{
				Name: option, Use: "no option in its place: it can be removed", Docs: docsPage,
			}.warn(ctx, rt, id.name, c.place)
		}
	}
}

// warnAtClear repeats the warning at a clear, for the names whose users wrote code to clear them by.
func (c *options) warnAtClear(ctx context.Context, rt *Runtime) {
	switch c.deprecatedName {
	case "adapter.ExperimentalMemo":
		renamed("adapter.ExperimentalMemo's Clear", "adapter.CacheData's Clear").warn(ctx, rt, c.name, c.place)
	case "adapter.ExperimentalSingleton":
		renamed("adapter.ExperimentalSingleton's Clear", "adapter.CacheResource's Clear").warn(ctx, rt, c.name, c.place)
	}
}
