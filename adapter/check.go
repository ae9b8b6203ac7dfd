package adapter

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/stillwarm/stillwarm/internal/key"
)

// check names the function and returns the first thing that is wrong with its options, if any.
func (c *options) check(kind string, fn any, in, out reflect.Type) (identity, error) {
	id, problem := identify(fn, c.name, c.place)
	if problem != nil {
		c.problems = append(c.problems, problem)
	}
	if kind == "data" {
		c.checkType("CacheIf", c.cacheIf, in, out)
		c.checkPersist()
	} else {
		c.checkType("Validate", c.validate, in, out)
		c.checkType("ValidateWith", c.validateWith, in, out)
		c.checkType("OnRelease", c.onRelease, in, out)
		if c.validate.fn != nil && c.validateWith.fn != nil {
			c.problem("ValidateWith", "", "Validate is given as well; keep one of them")
		}
	}
	if len(c.problems) == 0 {
		return id, nil
	}
	p := c.problems[0]
	p.Function, p.Place = id.name, c.place
	return id, p
}

// checkType compares the types that a generic option was instantiated for with the function's.
func (c *options) checkType(option string, f typedFunc, in, out reflect.Type) {
	if f.fn == nil {
		return
	}
	if f.out != out {
		c.problem(option, fmt.Sprintf("func of %v", f.out), fmt.Sprintf("the function's result is %v, so it must take that", out))
	}
	if f.in != nil && f.in != in {
		c.problem(option, fmt.Sprintf("func of %v", f.in), fmt.Sprintf("the function's argument is %v, so it must take that", in))
	}
}

// keyPlan compiles how the function's argument is hashed.
func (c *options) keyPlan(name string, in reflect.Type, addresses bool) (*key.Plan, error) {
	ko := key.Options{Function: shortName(name), Hashers: c.hashers, AllowAddresses: addresses}
	for _, h := range c.hashTypes {
		if err := key.CheckHashResult(h.result, ko); err != nil {
			return nil, &UserHashError{
				Function: name, Hasher: h.hasher, Type: h.arg, err: err,
				cause: fmt.Errorf("%w (the hash function is %s, for `%v`)", err, shortName(h.hasher), h.arg),
			}
		}
	}
	p, err := key.Compile(in, ko)
	if err != nil {
		return nil, hashError(err)
	}
	return p, nil
}

func (c *options) runtimeOrDefault() *Runtime {
	if c.runtime != nil {
		return c.runtime
	}
	return Default()
}

// summary writes down what the options amount to, so that two sets of them can be compared and shown.
func (c *options) summary() string {
	var parts []string
	add := func(name string, v any) {
		if !reflect.ValueOf(v).IsZero() {
			parts = append(parts, fmt.Sprintf("%s=%v", name, v))
		}
	}
	add("TTL", c.ttl)
	add("MaxEntries", c.maxEntries)
	if c.persist.set {
		parts = append(parts, "Persist="+strings.TrimSpace(fmt.Sprintf("%v %s", c.persist.on, c.persist.name)))
	}
	add("MaxSize", c.maxSize)
	add("StaleFor", c.staleFor)
	add("FailSafe", c.failSafe)
	add("Jitter", c.jitter)
	add("Version", c.version)
	add("NearTTL", c.nearTTL)
	add("ValidateEvery", c.validateEvery)
	add("Spinner", c.spinner.text)
	add("NoSpinner", c.spinner.off)
	for _, f := range []struct {
		name string
		code uintptr
	}{
		// Validate is not among them: changing it does not make another cache.
		{"CacheIf", c.cacheIf.code}, {"OnRelease", c.onRelease.code}, {"Scope", codeOf(c.scope)},
	} {
		if f.code != 0 {
			parts = append(parts, fmt.Sprintf("%s=func@%x", f.name, f.code))
		}
	}
	for _, h := range c.hashers {
		parts = append(parts, "HashFunc="+h.Name)
	}
	slices.Sort(parts)
	if len(parts) == 0 {
		return "no options"
	}
	return strings.Join(parts, ", ")
}

func codeOf(f func(context.Context) string) uintptr {
	if f == nil {
		return 0
	}
	return reflect.ValueOf(f).Pointer()
}
