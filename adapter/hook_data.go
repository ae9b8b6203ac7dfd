package adapter

import (
	"errors"
	"reflect"

	"github.com/stillwarm/stillwarm/internal/hooks"
)

func init() {
	hooks.At = func(place string) any { return Option{func(c *options) { c.place = place }} }
	hooks.ReadDataOptions = readDataOptions
}

// readDataOptions says what options are, for package lambda: a cached handler of HTTP events takes those that HTTP caching
// has too.
func readDataOptions(opts []any) hooks.DataOptions {
	c := &options{}
	for _, opt := range opts {
		if o, ok := opt.(DataOption); ok && o != nil {
			o.applyData(c)
		}
	}
	d := hooks.DataOptions{
		Name: c.name, Version: c.version, TTL: c.ttl, StaleFor: c.staleFor, FailSafe: c.failSafe, NearTTL: c.nearTTL,
		PersistSet: c.persist.set, PersistOn: c.persist.on, PersistName: c.persist.name,
	}
	if c.runtime != nil {
		d.Runtime = c.runtime
	}
	var errs []error
	for _, p := range c.problems {
		errs = append(errs, p)
	}
	d.Err = errors.Join(errs...)
	for _, h := range c.hashers {
		d.HashTypes = append(d.HashTypes, h.arg)
	}
	d.Others = otherOptions(c)
	return d
}

// otherOptions names the options that are given and that readDataOptions does not return.
func otherOptions(c *options) (names []string) {
	known := map[string]bool{
		"Name": true, "Version": true, "TTL": true, "StaleFor": true, "FailSafe": true, "NearTTL": true, "Persist": true,
		"Spinner": true, // says nothing about what is cached
	}
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		if name := v.Type().Field(i).Tag.Get("option"); name != "" && !known[name] && !v.Field(i).IsZero() {
			names = append(names, name)
		}
	}
	return names
}
