package inspectcmd

import (
	"context"
	"fmt"
	"time"

	"github.com/stillwarm/stillwarm/inspect"
)

// Stats counts what functions have stored.
type Stats struct {
	Target
	Limit int  `default:"100000" help:"Entries of each function that are counted at most; 0 for all."`
	Deep  bool `help:"Read every entry, to tell the fresh from the stale and the cleared."`
}

// totals are the entries of one function.
type totals struct {
	Namespace string  `json:"namespace"`
	Function  string  `json:"function"`
	Entries   int     `json:"entries"`
	Bytes     int64   `json:"bytes"`
	RunTimeMs float64 `json:"runTimeMs"`
	// States are the entries by state, with --deep.
	States  map[string]int `json:"states,omitempty"`
	Partial bool           `json:"partial,omitempty"` // the limit ended the count
	runTime time.Duration
}

// Run counts.
func (c *Stats) Run(ctx context.Context, o IO) error {
	return c.with(ctx, func(i *inspect.Inspector) error {
		all, err := c.functions(ctx, i)
		if err != nil {
			return err
		}
		var counted []totals
		for _, f := range all {
			n, err := c.count(ctx, i, f)
			if err != nil {
				return fmt.Errorf("%s: %w", f.Name, err)
			}
			counted = append(counted, n)
		}
		if c.JSON {
			return eachJSON(o.Out, counted)
		}
		c.print(o, counted)
		return nil
	})
}

func (c *Stats) count(ctx context.Context, i *inspect.Inspector, f inspect.Function) (totals, error) {
	n := totals{Namespace: f.Namespace, Function: f.Name, RunTimeMs: f.RunTimeMs, runTime: f.RunTime}
	err := i.Entries(ctx, f, c.Deep, func(e inspect.Entry) bool {
		if c.Limit > 0 && n.Entries == c.Limit {
			n.Partial = true
			return false
		}
		n.Entries++
		n.Bytes += e.Size
		if c.Deep {
			if n.States == nil {
				n.States = map[string]int{}
			}
			n.States[e.State]++
		}
		return ctx.Err() == nil
	})
	return n, err
}

func (c *Stats) print(o IO, all []totals) {
	t := newTable(o.Out, "NAMESPACE", "FUNCTION", "ENTRIES", "SIZE", "RUN", "")
	for _, n := range all {
		count, note := fmt.Sprint(n.Entries), ""
		if n.Partial {
			count += "+"
		}
		for _, s := range []string{inspect.Fresh, inspect.Stale, inspect.Expired, inspect.Cleared, inspect.Sealed, inspect.Unknown} {
			if k := n.States[s]; k > 0 {
				note += fmt.Sprintf("%d %s ", k, s)
			}
		}
		t.row(orDash(n.Namespace), n.Function, count, size(n.Bytes), took(n.runTime), note)
	}
	_ = t.end("no function has a record here; a function writes its own after its first run")
}
