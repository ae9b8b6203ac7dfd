package adapter

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/stillwarm/stillwarm/internal/duration"
)

// Persist says whether results outlive the container: true in the configured backend, false in memory only, or a
// backend's name such as "s3" where several are configured. The default is true where a backend is configured; where
// none is, true keeps them in memory only and says so once in the log.
func Persist[T ~bool | ~string](p T) DataOption {
	return onlyData{func(c *options) {
		v := reflect.ValueOf(p)
		switch {
		case v.Kind() == reflect.Bool:
			c.persist = persistence{set: true, on: v.Bool()}
		case v.String() == "":
			c.problem("Persist", `""`, "must be true, false or the name of a backend, such as \"redis\" or \"s3\"")
		default:
			c.persist = persistence{set: true, on: true, name: v.String()}
		}
	}}
}

// MaxSize bounds the memory that this function's entries take in one container, in bytes or as a text such as "64MB"
// (10^6) or "64MiB" (2^20). Expired entries leave first, then the least recently used; a result larger than the bound is
// not kept in memory.
func MaxSize[T ~int | ~int64 | ~string](size T) DataOption {
	return onlyData{func(c *options) {
		v := reflect.ValueOf(size)
		text := fmt.Sprint(v)
		var n int64
		if v.Kind() == reflect.String {
			text = strconv.Quote(v.String())
			var err error
			if n, err = duration.ParseSize(v.String()); err != nil {
				c.problem("MaxSize", text, err.Error())
				return
			}
		} else {
			n = v.Int()
		}
		if n <= 0 {
			c.problem("MaxSize", text, "must be at least 1 byte; leave the option out for no bound of its own")
			return
		}
		c.maxSize = n
	}}
}

// FailSafe keeps results for that long after their ttl. If the function fails, the old value is returned and the error
// is logged. Off by default.
func FailSafe[T durationText](d T) DataOption {
	return onlyData{func(c *options) { c.failSafe = c.duration("FailSafe", any(d)) }}
}

// Jitter shortens the ttl of each entry by a random share of up to j, so that entries made together do not expire
// together: 0.1 spreads them over the last tenth of their ttl.
func Jitter(j float64) DataOption {
	return onlyData{func(c *options) {
		if math.IsNaN(j) || j < 0 || j >= 1 {
			c.problem("Jitter", fmt.Sprint(j), "must be at least 0 and less than 1; 0.1 spreads expiry over a tenth of the ttl")
			return
		}
		c.jitter = j
	}}
}

// Version is your promise that all code with this version computes the same: results then survive deploys. Without it
// they belong to one build, so a deploy of changed code starts cold. Change the version whenever the function, or
// anything it calls, computes something else. Changed shapes of argument or result never meet old entries, with or
// without it.
func Version(v string) DataOption {
	return onlyData{func(c *options) {
		if v == "" {
			c.problem("Version", `""`, "must not be empty; leave the option out to let each build start cold")
			return
		}
		c.version = v
	}}
}

// CacheIf caches only results for which the predicate holds. It sees a copy of the result, so it can change nothing
// that anyone gets; Out must be the result type of the function. A refused result is returned to everyone who waited
// for that run. If a result is for its own caller alone, use [PrivateIf]. If the predicate panics, the result is
// returned, not cached, and the panic is logged.
func CacheIf[Out any](keep func(Out) bool) DataOption {
	return ofOut("CacheIf", keep, func(c *options) *typedFunc { return &c.cacheIf })
}

// PrivateIf says which results are for the caller of the run alone, such as a page with a user's name on it. A private
// result is not cached and given to nobody else: callers that waited for that run call the function themselves. For two
// minutes no caller waits for another's run of that key. The predicate sees a copy of the result.
//
// [CacheIf] differs: what it refuses still goes to everyone who waited.
func PrivateIf[Out any](private func(Out) bool) DataOption {
	return ofOut("PrivateIf", private, func(c *options) *typedFunc { return &c.privateIf })
}

// FailIf says which results are failures, such as a response with status 503 that comes without an error. A failure is
// not cached; where [FailSafe] keeps an older result, that one is returned in its place. The predicate sees a copy of
// the result.
func FailIf[Out any](failed func(Out) bool) DataOption {
	return ofOut("FailIf", failed, func(c *options) *typedFunc { return &c.failIf })
}

// TTLFrom takes the ttl from the result: the expiry of a token, the max-age of a response. Zero or less means that the
// result is not stored. [TTL], where it is given as well, is the upper bound. The function sees a copy of the result.
func TTLFrom[Out any](ttl func(Out) time.Duration) DataOption {
	return ofOut("TTLFrom", ttl, func(c *options) *typedFunc { return &c.ttlFrom })
}

// Tags labels entries by their argument, so that [InvalidateTags] finds them whatever function made them: a customer's
// id, a product. It is called once per call, before the function runs.
func Tags[In any](tags func(In) []string) DataOption {
	return onlyData{func(c *options) {
		if tags == nil {
			c.problem("Tags", "nil", "needs a function")
			return
		}
		c.tags = typedFunc{fn: tags, in: reflect.TypeFor[In](), call: func(in ptr) []string { return tags(*(*In)(in)) }}
	}}
}

// TagsOf is [Tags] for labels that only the result tells. If the backend cannot tell whether one of them was
// invalidated while the function ran, the result is not stored: prefer Tags where the argument is enough. The function
// sees a copy of the result.
func TagsOf[In, Out any](tags func(In, Out) []string) DataOption {
	return onlyData{func(c *options) {
		if tags == nil {
			c.problem("TagsOf", "nil", "needs a function")
			return
		}
		c.tagsOf = typedFunc{
			fn: tags, in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](),
			call: func(in, out ptr) []string { return tags(*(*In)(in), *(*Out)(out)) },
		}
	}}
}

// SoftTimeout bounds how long a call waits for the function if there is an older result, in its [StaleFor] or
// [FailSafe] window: after d the call returns the older result, and the run finishes after the response.
func SoftTimeout[T durationText](d T) DataOption {
	return onlyData{func(c *options) { c.softTimeout = c.duration("SoftTimeout", any(d)) }}
}

// RefreshAhead refreshes an entry before it expires, if it is asked for late in its ttl: with RefreshAhead(0.8) a hit
// in the last fifth starts one refresh, after the response. Entries that nobody asks for expire.
func RefreshAhead(share float64) DataOption {
	return onlyData{func(c *options) {
		if math.IsNaN(share) || share <= 0 || share >= 1 {
			c.problem("RefreshAhead", fmt.Sprint(share), "must be more than 0 and less than 1; 0.8 refreshes in the last fifth of the ttl")
			return
		}
		c.refreshAhead = share
	}}
}

// NearTTL sets how long this container trusts its memory before it asks the backend whether the function was cleared
// elsewhere: one small read per function and NearTTL. Every container sees a Clear within it. The default is 5 s.
func NearTTL[T durationText](d T) DataOption {
	return onlyData{func(c *options) { c.nearTTL = c.duration("NearTTL", any(d)) }}
}

// Coherent makes this container see within [NearTTL] that another one replaced or cleared a single entry: by Set,
// Refresh or ClearFor. An entry in memory is then compared with the backend's each NearTTL, at the cost of one small
// read for each entry in use. Without it a container sees such a change when its own entry ends.
func Coherent() DataOption { return onlyData{func(c *options) { c.coherent = true }} }

// CanonicalJSON compares arguments of type json.RawMessage by their content (RFC 8785) instead of their bytes: white
// space, the order of members and the notation of numbers then make no difference.
func CanonicalJSON() DataOption { return onlyData{func(c *options) { c.canonicalJSON = true }} }

// ofOut returns an option that is a function of the result.
func ofOut[Out, R any](name string, fn func(Out) R, field func(*options) *typedFunc) DataOption {
	return onlyData{func(c *options) {
		if fn == nil {
			c.problem(name, "nil", "needs a function")
			return
		}
		*field(c) = typedFunc{fn: fn, out: reflect.TypeFor[Out](), call: func(out ptr) R { return fn(*(*Out)(out)) }}
	}}
}
