package adapter

import (
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/stillwarm/stillwarm/internal/duration"
)

// Persist says whether results outlive the container: true in the configured backend, false in memory only, or a
// backend's name such as "s3" where several are configured. The default is true where a backend is configured; where
// none is, true keeps them in memory only and says so once in the log.
func Persist[T bool | string](p T) DataOption {
	return onlyData{func(c *options) {
		switch p := any(p).(type) {
		case bool:
			c.persist = persistence{set: true, on: p}
		case string:
			if p == "" {
				c.problem("Persist", `""`, "must be true, false or the name of a backend, such as \"redis\" or \"s3\"")
				return
			}
			c.persist = persistence{set: true, on: true, name: p}
		}
	}}
}

// MaxSize bounds the memory that this function's entries take in one container, in bytes or as a text such as "64MB"
// (10^6) or "64MiB" (2^20). The least valuable leave first; a result larger than the bound is not kept in memory.
func MaxSize[T int | int64 | string](size T) DataOption {
	return onlyData{func(c *options) {
		var n int64
		var text string
		switch v := any(size).(type) {
		case int:
			n, text = int64(v), fmt.Sprint(v)
		case int64:
			n, text = v, fmt.Sprint(v)
		case string:
			var err error
			text = fmt.Sprintf("%q", v)
			if n, err = duration.ParseSize(v); err != nil {
				c.problem("MaxSize", text, err.Error())
				return
			}
		}
		if n <= 0 {
			c.problem("MaxSize", text, "must be at least 1 byte; leave the option out for no bound of its own")
			return
		}
		c.maxSize = n
	}}
}

// FailSafe keeps results for that long after their ttl, for the case that the function fails: then the old value is
// returned and the error is logged. Off by default.
func FailSafe[T time.Duration | string](d T) DataOption {
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

// Version is the author's promise that all code with this version computes the same: results then survive deploys.
// Without it they belong to one build, so that a deploy of changed code starts cold. Change the version whenever the
// function, or anything it calls, computes something else. Changed shapes of argument or result never meet old
// entries, with or without it.
func Version(v string) DataOption {
	return onlyData{func(c *options) {
		if v == "" {
			c.problem("Version", `""`, "must not be empty; leave the option out to let each build start cold")
			return
		}
		c.version, c.hasVersion = v, true
	}}
}

// CacheIf caches only results for which the predicate holds. It sees a copy of the result; Out must be the result type
// of the function.
func CacheIf[Out any](keep func(Out) bool) DataOption {
	return onlyData{func(c *options) {
		if keep == nil {
			c.problem("CacheIf", "nil", "needs a function")
			return
		}
		c.cacheIf = typedFunc{fn: keep, out: reflect.TypeFor[Out](), code: reflect.ValueOf(keep).Pointer()}
	}}
}

// NearTTL sets how long this container trusts its memory before it asks the backend whether the function was cleared
// elsewhere: one small read per function and NearTTL. Every container sees a Clear within it. The default is 5 s.
func NearTTL[T time.Duration | string](d T) DataOption {
	return onlyData{func(c *options) {
		if c.nearTTL = c.duration("NearTTL", any(d)); c.nearTTL > 0 {
			c.hasNearTTL = true
		}
	}}
}
