package adapter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
)

// check names the function and returns the first thing that is wrong with its options, if any.
func (c *options) check(kind string, fn any, in, out reflect.Type) (identity, error) {
	id, problem := identify(fn, c.name, c.place)
	if problem != nil {
		c.problems = append(c.problems, problem)
	}
	c.checkType("Key", typedFunc{fn: c.key.fn, in: c.key.in}, in, out)
	if c.key.fn != nil && len(c.hashers) > 0 {
		c.problem("HashFunc", "", "has no effect beside Key, whose result is the whole key; keep one of them")
	}
	if kind == kindData {
		c.checkData(in, out)
	} else {
		c.checkResource(in, out)
	}
	if len(c.problems) == 0 {
		return id, nil
	}
	p := c.problems[0]
	p.Function, p.Place = id.name, c.place
	return id, p
}

func (c *options) checkData(in, out reflect.Type) {
	c.checkType("CacheIf", c.cacheIf, in, out)
	c.checkType("PrivateIf", c.privateIf, in, out)
	c.checkType("FailIf", c.failIf, in, out)
	c.checkType("TTLFrom", c.ttlFrom, in, out)
	c.checkType("Tags", c.tags, in, out)
	c.checkType("TagsOf", c.tagsOf, in, out)
	c.checkPersist()
	if c.softTimeout > 0 && c.staleFor == 0 && c.failSafe == 0 {
		c.problem("SoftTimeout", c.softTimeout.String(), "returns an older result, and without StaleFor or FailSafe none is kept; add one of them")
	}
	if c.refreshAhead > 0 && c.ttl == 0 && c.ttlFrom.fn == nil {
		c.problem("RefreshAhead", fmt.Sprint(c.refreshAhead), "is a share of the ttl, and there is none; add TTL or TTLFrom")
	}
}

func (c *options) checkResource(in, out reflect.Type) {
	c.checkType("Validate", c.validate, in, out)
	c.checkType("ValidateErr", c.validateErr, in, out)
	c.checkType("ValidateWith", c.validateWith, in, out)
	c.checkType("OnRelease", c.onRelease, in, out)
	first := ""
	for _, v := range []struct {
		option string
		f      typedFunc
	}{{"Validate", c.validate}, {"ValidateErr", c.validateErr}, {"ValidateWith", c.validateWith}} {
		switch {
		case v.f.fn == nil:
		case first == "":
			first = v.option
		default:
			c.problem(v.option, "", first+" is given as well; keep one of them")
		}
	}
}

// checkType compares the types that a generic option was instantiated for with the function's.
func (c *options) checkType(option string, f typedFunc, in, out reflect.Type) {
	if f.fn == nil {
		return
	}
	if f.out != nil && f.out != out {
		c.problem(option, fmt.Sprintf("func of %v", f.out), fmt.Sprintf("the function's result is %v, so it must take that", out))
	}
	if f.in != nil && f.in != in {
		c.problem(option, fmt.Sprintf("func of %v", f.in), fmt.Sprintf("the function's argument is %v, so it must take that", in))
	}
}

// scopeOf returns what of a call's context is part of its key. cached is false where the tenant cannot be known, so that
// the call must run without the cache.
func (c *options) scopeOf(ctx context.Context, rt *Runtime) (scope callScope, cached bool) {
	if !c.shareAcrossTenants {
		if scope.tenant, cached = rt.tenants.of(ctx); !cached {
			rt.logOnce(ctx, "unknown tenant", slog.LevelWarn,
				"this process serves several tenants, and a call's context names none; running it without the cache")
			return scope, false
		}
	}
	if c.scope == nil {
		return scope, true
	}
	cached = rt.asked(ctx, "Scope", c.place, func() { scope.own = c.scope(ctx) })
	return scope, cached
}

// knowsScope returns an error where it is not known what of a call's context is part of its key: what is cached under that
// cannot be cleared.
func (c *options) knowsScope(ctx context.Context, rt *Runtime) error {
	if _, known := c.scopeOf(ctx, rt); !known {
		return errNoScope
	}
	return nil
}

var errNoScope = errors.New("the call's tenant or scope is not known, so neither is its entry; use Clear")

// asked calls a function that an option was given and that says what a call belongs to. Where it panics it reports false:
// the call then runs without the cache.
func (rt *Runtime) asked(ctx context.Context, option, what string, ask func()) (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			ok = false
			rt.logOnce(ctx, "option "+option+what, slog.LevelWarn, "an option's function panicked; running the call without the cache",
				"option", option, "for", what, "panic", fmt.Sprint(r))
		}
	}()
	ask()
	return true
}
