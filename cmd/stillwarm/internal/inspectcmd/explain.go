package inspectcmd

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/stillwarm/stillwarm/inspect"
)

// Explain shows one entry in full.
type Explain struct {
	Key string `arg:"" help:"The key's digest, as Explain, events and logs show it, or the beginning of it."`
	Target
}

// fullKey is how many digits a digest has.
const fullKey = 64

// Run shows the entry.
func (c *Explain) Run(ctx context.Context, o IO) error {
	return c.with(ctx, func(i *inspect.Inspector) error {
		f, e, err := c.find(ctx, i, c.Key)
		if err != nil {
			return err
		}
		if c.JSON {
			return encoder(o.Out).Encode(e)
		}
		w := tabwriter.NewWriter(o.Out, 0, 0, 2, ' ', 0)
		line := func(name, value string) {
			if value != "" && value != "-" {
				_, _ = fmt.Fprintf(w, "%s\t%s\n", name, printable(value))
			}
		}
		line("function", f.Name)
		line("namespace", f.Namespace)
		line("key", e.Key)
		line("state", cmp.Or(meaning[e.State], e.State))
		line("problem", e.Problem)
		line("created", stamp(e.Created))
		line("fresh until", cmp.Or(stamp(e.Fresh), "no end"))
		line("expires", cmp.Or(stamp(e.Expires), "never"))
		line("run took", took(e.RunTime))
		line("size", size(e.Size))
		line("sealed with", e.Sealed)
		line("address", e.URL)
		line("variant", e.Variant)
		line("tags", strings.Join(e.Tags, " "))
		line("type", f.Out)
		if err := w.Flush(); err != nil || e.Value == nil {
			return err
		}
		text, err := json.MarshalIndent(e.Value, "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(o.Out, "\n%s\n", text)
		return err
	})
}

// meaning says what a state means for the next call.
var meaning = map[string]string{
	inspect.Fresh:   "fresh: a call with this key returns it",
	inspect.Stale:   "stale: within a stale window a call returns it and refreshes it; otherwise it runs the function",
	inspect.Expired: "expired: a call runs the function",
	inspect.Cleared: "cleared: of before the function's last clear; a call runs the function",
	inspect.Sealed:  "sealed: cannot be opened with these keys",
	inspect.Unknown: "unknown: a call runs the function and replaces it",
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05 MST")
}

// find returns the entry of a key, or of the only key that begins so.
func (t *Target) find(ctx context.Context, i *inspect.Inspector, key string) (inspect.Function, inspect.Entry, error) {
	all, err := t.functions(ctx, i)
	if err != nil {
		return inspect.Function{}, inspect.Entry{}, err
	}
	if len(key) < 4 {
		return inspect.Function{}, inspect.Entry{}, usage("a key of at least 4 digits, please")
	}
	type hit struct {
		f   inspect.Function
		key string
	}
	var hits []hit
	for _, f := range all {
		if len(key) >= fullKey {
			e, found, err := i.Entry(ctx, f, key)
			if err != nil || found {
				return f, e, err
			}
			continue
		}
		err := i.Entries(ctx, f, false, func(e inspect.Entry) bool {
			if strings.HasPrefix(e.Key, key) {
				hits = append(hits, hit{f, e.Key})
			}
			return len(hits) < 2 && ctx.Err() == nil
		})
		if err != nil {
			return f, inspect.Entry{}, err
		}
	}
	switch len(hits) {
	case 0:
		return inspect.Function{}, inspect.Entry{}, fmt.Errorf("no entry with the key %s: it expired, was cleared, or is of a function that has no record (name it with --function and --namespace)", key)
	case 1:
		e, found, err := i.Entry(ctx, hits[0].f, hits[0].key)
		if err == nil && !found {
			err = errors.New("the entry has gone meanwhile")
		}
		return hits[0].f, e, err
	}
	return inspect.Function{}, inspect.Entry{}, usage("several keys begin with %s, such as %s and %s", key, hits[0].key, hits[1].key)
}
