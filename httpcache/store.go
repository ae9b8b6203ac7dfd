package httpcache

import (
	"strconv"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/httpcache/internal/port"
	"github.com/stillwarm/stillwarm/httpcache/internal/rule"
)

// entry is a response as the engine keeps it.
func (x *exchange) entry(p *rule.Response, began time.Time) *port.Entry {
	t := &p.Terms
	return &port.Entry{
		Value: p, Began: began, RunTime: t.Received.Sub(began), Fresh: t.Fresh(), Keep: t.Keep(), Tags: t.Tags, Resources: x.resources,
		URL: x.keys.URL, Variant: variantOf(p, x.req),
	}
}

// telling reports whether a field's values say nothing of a caller, so that lists may show them.
func telling(name string) bool {
	switch name {
	case "Accept", "Accept-Encoding", "Accept-Language", "Origin":
		return true
	}
	return false
}

// variantOf says for lists which of a URL's answers one is: the fields that it varies on, with values that may be shown.
func variantOf(p *rule.Response, r *rule.Request) string {
	var parts []string
	for _, name := range p.Terms.VaryOn {
		if lines := r.Header[name]; telling(name) && len(lines) > 0 {
			name += ": " + strings.Join(lines, ", ")
		}
		parts = append(parts, name)
	}
	if p.Terms.Private {
		parts = append(parts, "one caller's")
	}
	return strings.Join(parts, "; ")
}

// store keeps an answer: in the primary slot, or as one of the URL's variants.
func (fl *flight) store(p *rule.Response) {
	x := fl.x
	base := x.keys.Public
	if p.Terms.Private {
		base = x.keys.Principal
	}
	entry := x.entry(p, fl.run.Began)
	key := base
	if len(p.Terms.VaryOn) > 0 {
		stored := false
		fl.written = append(fl.written, x.engine.Edit(fl.ctx, fl.run, base, func(old *port.Entry) *port.Entry {
			list, at := x.variants(old, base, p.Terms.VaryOn, entry.Keep)
			if list == nil {
				return nil
			}
			if !stored {
				key, stored = at, true
			}
			return x.listEntry(list, entry)
		}))
		if !stored {
			return
		}
	}
	slot := fl.found.slot(key)
	if fl.found.slot(base).Version.Foreign {
		slot.Version.Foreign = true // whose list it is has that variant, too
	}
	_, written := x.engine.Put(fl.ctx, fl.run, slot, entry)
	fl.written = append(fl.written, written)
}

// variants returns the list of the URL's variants with one for the request added, and its key; nil where there are too many.
func (x *exchange) variants(old *port.Entry, base port.Key, names []string, keep time.Time) (*rule.Variants, port.Key) {
	var list *rule.Variants
	if old != nil {
		list, _ = old.Value.(*rule.Variants)
	}
	fields := names
	if list != nil {
		fields = union(list.Fields, names)
		if len(fields) > len(list.Fields) {
			list = &rule.Variants{Fields: list.Fields} // the others are found by fewer fields: not any more
		}
	}
	key := rule.Variant(base, fields, x.req)
	list, ok := list.With(key, keep, fields, x.engine.Now(), x.c.config.maxVariants)
	if !ok {
		return nil, key
	}
	return list, key
}

func (x *exchange) listEntry(list *rule.Variants, newest *port.Entry) *port.Entry {
	keep := newest.Keep
	for _, one := range list.List {
		if one.Keep.After(keep) {
			keep = one.Keep
		}
	}
	return &port.Entry{
		Value: list, Began: newest.Began, Fresh: keep, Keep: keep, Resources: newest.Resources,
		URL: newest.URL, Variant: "list of " + strconv.Itoa(len(list.List)) + " by " + strings.Join(list.Fields, ", "),
	}
}

// crowded reports whether the URL has as many variants as it may, and the request's is none of them.
func (x *exchange) crowded(terms *rule.Terms) bool {
	if len(terms.VaryOn) == 0 {
		return false
	}
	base := x.keys.Public
	if terms.Private {
		base = x.keys.Principal
	}
	list, _ := x.variants(x.engine.Hint(base), base, terms.VaryOn, terms.Keep())
	return list == nil
}
