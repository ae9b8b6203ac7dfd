package inspectcmd

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/stillwarm/stillwarm/inspect"
)

// Clear makes entries misses: of a function, of a key, of tags, or all.
type Clear struct {
	Target
	Key string   `help:"Only the entry of this key, or of the only one that begins so."`
	Tag []string `help:"Only entries with this tag, of all functions of the namespace. May be repeated."`
	All bool     `help:"Every entry of every function in every namespace."`
	Yes bool     `short:"y" help:"Do not ask."`
}

// Run clears.
func (c *Clear) Run(ctx context.Context, o IO) error {
	chosen := 0
	for _, set := range []bool{c.Function != "" && c.Key == "", c.Key != "", len(c.Tag) > 0, c.All} {
		if set {
			chosen++
		}
	}
	if chosen != 1 || c.All && c.Namespace != "" {
		return usage("clear what? One of --function NAME, --key KEY, --tag TAG or --all (all namespaces)")
	}
	return c.with(ctx, func(i *inspect.Inspector) error {
		switch {
		case c.All:
			return c.all(ctx, i, o)
		case len(c.Tag) > 0:
			return c.tags(ctx, i, o)
		case c.Key != "":
			return c.key(ctx, i, o)
		}
		return c.functionsNamed(ctx, i, o)
	})
}

func (c *Clear) all(ctx context.Context, i *inspect.Inspector, o IO) error {
	if err := c.ask(o, "Clear every function in every namespace of this backend?"); err != nil {
		return err
	}
	if err := i.ClearAll(ctx); err != nil {
		return err
	}
	o.say("Cleared. Running containers see it within their NearTTL, 5 s unless set otherwise.")
	return nil
}

func (c *Clear) tags(ctx context.Context, i *inspect.Inspector, o IO) error {
	if err := c.ask(o, fmt.Sprintf("Clear every entry of the namespace %q with the tags %s?", c.Namespace, strings.Join(c.Tag, ", "))); err != nil {
		return err
	}
	if err := i.InvalidateTags(ctx, c.Namespace, c.Tag...); err != nil {
		return err
	}
	o.say("Cleared. Running containers see it within their NearTTL, 5 s unless set otherwise.")
	return nil
}

func (c *Clear) key(ctx context.Context, i *inspect.Inspector, o IO) error {
	f, e, err := c.find(ctx, i, c.Key)
	if err != nil {
		return err
	}
	if err := c.ask(o, fmt.Sprintf("Clear the entry %s of %s?", shorten(e.Key, 16), f.Name)); err != nil {
		return err
	}
	all, err := i.ClearKey(ctx, f, e.Key)
	if err != nil {
		return err
	}
	if all {
		o.say("This backend has no conditional writes, so the whole function was cleared.")
		return nil
	}
	o.say("Cleared in the backend. Containers that have the entry in memory serve it until its ttl is over, unless the function is Coherent: " +
		"clear the function to reach those.")
	return nil
}

func (c *Clear) functionsNamed(ctx context.Context, i *inspect.Inspector, o IO) error {
	all, err := c.functions(ctx, i)
	if err != nil {
		return err
	}
	var names []string
	for _, f := range all {
		names = append(names, strings.TrimPrefix(f.Namespace+" ", " ")+f.Name)
	}
	if err := c.ask(o, "Clear "+strings.Join(names, ", ")+"?"); err != nil {
		return err
	}
	for _, f := range all {
		if err := i.Clear(ctx, f); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		o.say("Cleared %s. Running containers see it within its NearTTL, 5 s unless set otherwise.", f.Name)
	}
	return nil
}

// ask asks for a yes, unless --yes was given. Without somebody to ask, that is needed.
func (c *Clear) ask(o IO, question string) error {
	if c.Yes {
		return nil
	}
	if !o.Asks {
		return usage("%s Nobody is there to ask; say --yes", question)
	}
	_, _ = fmt.Fprint(o.Err, printable(question), " [y/N] ")
	answer, _ := bufio.NewReader(o.In).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return usage("nothing was cleared")
}

// Prune removes what has expired or was cleared.
type Prune struct {
	URL  string `arg:"" optional:"" env:"STILLWARM_BACKEND" help:"The backend, as the function's STILLWARM_BACKEND names it."`
	JSON bool   `name:"json" help:"One JSON object."`
}

// Run prunes.
func (c *Prune) Run(ctx context.Context, o IO) error {
	t := Target{URL: c.URL}
	return t.with(ctx, func(i *inspect.Inspector) error {
		n, err := i.Prune(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return encoder(o.Out).Encode(map[string]int{"removed": n})
		}
		_, err = fmt.Fprintf(o.Out, "removed %d entries that had expired or were cleared\n", n)
		return err
	})
}
