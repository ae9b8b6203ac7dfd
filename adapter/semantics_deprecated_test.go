package adapter_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"image"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/internal/invocation"
)

// Section 8 of the semantics: deprecated names.

func deprecations(c *container) []map[string]any {
	var found []map[string]any
	for _, r := range c.logs.records() {
		if r["deprecated"] == true {
			found = append(found, r)
		}
	}
	return found
}

func wantDeprecation(t *testing.T, c *container, n int, parts ...string) {
	t.Helper()
	all := deprecations(c)
	if len(all) != n {
		t.Fatalf("%d deprecation records, want %d: %s", len(all), n, c.logs.text())
	}
	if all[n-1]["level"] != "WARN" {
		t.Errorf("level %v", all[n-1]["level"])
	}
	for _, part := range parts {
		if !strings.Contains(all[n-1]["msg"].(string), part) {
			t.Errorf("%q does not say %q", all[n-1]["msg"], part)
		}
	}
}

func TestDeprecatedNames(t *testing.T) {
	bg := context.Background()
	t.Run("N1 Cache works as CacheData, warns and recommends", func(t *testing.T) {
		c, f := newWorld(t).container(), &counter{}
		d := adapter.Cache(f.compute, adapter.TTL("1h"), adapter.Name("f"), adapter.WithRuntime(c.Runtime))
		for range 3 {
			c.invoke(func(ctx context.Context) { get(t, ctx, d, 1) })
		}
		wantRuns(t, f, 1)
		wantDeprecation(t, c, 1, "adapter.Cache is deprecated; use adapter.CacheData or adapter.CacheResource.",
			"Based on this function's return value of type `adapter_test.result`, we recommend using `adapter.CacheData`.", "docs/deprecated.md")
		if err := d.Clear(bg); err != nil {
			t.Fatal(err)
		}
		if err := d.ClearFor(bg, 1); err != nil {
			t.Fatal(err)
		}
		get(t, bg, d, 1)
		wantRuns(t, f, 2)
	})
	t.Run("N1 Cache with allow-output-mutation works as CacheResource", func(t *testing.T) {
		c, o := newWorld(t).alone(), &opener{}
		r := adapter.Cache(o.open, adapter.AllowOutputMutation(true), adapter.SuppressWarning(true),
			adapter.Validate(valid), adapter.Name("conn"), adapter.WithRuntime(c.Runtime))
		if first := get(t, bg, r, "a"); first != get(t, bg, r, "a") {
			t.Fatal("not shared")
		}
		if len(deprecations(c)) != 3 {
			t.Fatal(c.logs.text())
		}
		for _, option := range []string{"AllowOutputMutation", "SuppressWarning"} {
			if len(c.logs.with("WARN", option+" is deprecated; use no option in its place: it can be removed")) != 1 {
				t.Errorf("%s: %s", option, c.logs.text())
			}
		}
		if err := r.ClearFor(bg, "a"); err != nil || o.conn(0).closed.Load() != 1 {
			t.Fatal(err)
		}
		if err := r.Clear(bg); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("N1 ExperimentalMemo works as CacheData, warns, also at Clear", func(t *testing.T) {
		c, f := newWorld(t).container(), &counter{}
		d := adapter.ExperimentalMemo(f.compute, adapter.Name("f"), adapter.Persist(true), adapter.WithRuntime(c.Runtime))
		get(t, bg, d, 1)
		get(t, bg, d, 1)
		wantRuns(t, f, 1)
		wantDeprecation(t, c, 1, "adapter.ExperimentalMemo is deprecated; use adapter.CacheData, which has the same behaviour.", "docs/deprecated.md")
		for range 2 {
			if err := d.Clear(bg); err != nil {
				t.Fatal(err)
			}
		}
		wantDeprecation(t, c, 2, "Clear is deprecated")
	})
	t.Run("N1 ExperimentalSingleton works as CacheResource, warns, also at Clear", func(t *testing.T) {
		c, o := newWorld(t).alone(), &opener{}
		r := adapter.ExperimentalSingleton(o.open, adapter.Name("conn"), adapter.Validate(valid), adapter.WithRuntime(c.Runtime))
		get(t, bg, r, "a")
		wantDeprecation(t, c, 1, "adapter.ExperimentalSingleton is deprecated; use adapter.CacheResource, which has the same behaviour.")
		if err := r.Clear(bg); err != nil {
			t.Fatal(err)
		}
		wantDeprecation(t, c, 2, "Clear is deprecated")
	})
	t.Run("F6 an option of the other kind is an error that says why", func(t *testing.T) {
		c, o := newWorld(t).alone(), &opener{}
		defer func() {
			err, _ := recover().(error)
			if err == nil || !strings.Contains(err.Error(), "a resource is not serializable, only data can be persisted") {
				t.Fatal(err)
			}
		}()
		adapter.ExperimentalSingleton(o.open, adapter.Name("conn"), adapter.Persist(true), adapter.WithRuntime(c.Runtime))
	})
	t.Run("N3 a project can deprecate its own functions", func(t *testing.T) {
		c := newWorld(t).alone()
		old := adapter.Deprecate(double, adapter.Deprecation{Name: "shop.Double", Use: "shop.Twice", Note: "It goes in v2."}, c.Runtime)
		for range 3 {
			if n, err := old(bg, 2); n != 4 || err != nil {
				t.Fatal(n, err)
			}
		}
		wantDeprecation(t, c, 1, "shop.Double is deprecated; use shop.Twice. It goes in v2.")
	})
}

func TestWarnings(t *testing.T) {
	t.Run("N2 deployed a warning is one WARN per function and container, and nothing silences it", func(t *testing.T) {
		w := newWorld(t)
		for range 2 { // containers
			c := w.alone()
			d := adapter.Cache(func(_ context.Context, n int) (int, error) { return n, nil }, adapter.Name("f"),
				adapter.SuppressWarning(true), adapter.WithRuntime(c.Runtime))
			for n := range 5 {
				get(t, t.Context(), d, n)
			}
			if n := len(c.logs.with("WARN", "adapter.Cache is deprecated")); n != 1 {
				t.Fatal(n, c.logs.text())
			}
		}
	})
}

type withClose struct{}

func (withClose) Close() error { return nil }

func TestRecommendation(t *testing.T) {
	c := newWorld(t).alone()
	n := 0
	recommended := func(cache func(name string)) string {
		n++
		before := len(c.logs.records())
		cache(strings.Repeat("n", n))
		msg := c.logs.records()[before]["msg"].(string)
		_, rest, ok := strings.Cut(msg, "we recommend using `")
		if !ok {
			return ""
		}
		return rest[:strings.Index(rest, "`")]
	}
	const data, resource = "adapter.CacheData", "adapter.CacheResource"
	for _, tt := range []struct {
		name, want string
		cache      func(string)
	}{
		{"string", data, cacheOf[string](c)},
		{"number", data, cacheOf[float64](c)},
		{"bool", data, cacheOf[bool](c)},
		{"bytes", data, cacheOf[[]byte](c)},
		{"time", data, cacheOf[time.Time](c)},
		{"plain struct", data, cacheOf[result](c)},
		{"slice of structs", data, cacheOf[[]result](c)},
		{"map", data, cacheOf[map[string][]int](c)},
		{"json.RawMessage", data, cacheOf[json.RawMessage](c)},
		{"image", data, cacheOf[*image.RGBA](c)},
		{"*sql.DB", resource, cacheOf[*sql.DB](c)},
		{"*sql.Conn", resource, cacheOf[*sql.Conn](c)},
		{"*http.Client", resource, cacheOf[*http.Client](c)},
		{"anything with Close", resource, cacheOf[withClose](c)},
		{"what cannot be stored", resource, cacheOf[func()](c)},
		{"an interface tells nothing", "", cacheOf[any](c)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := recommended(tt.cache); got != tt.want {
				t.Fatalf("recommended %q, want %q", got, tt.want)
			}
		})
	}
}

// cacheOf returns what wraps a function with results of type T by the deprecated name, shared, so that every type will do.
func cacheOf[T any](c *container) func(name string) {
	return func(name string) {
		f := func(context.Context, adapter.None) (T, error) { var zero T; return zero, nil }
		adapter.Cache(f, adapter.Name(name), adapter.AllowOutputMutation(true), adapter.WithRuntime(c.Runtime))
	}
}

// Section 9 of the semantics: spinner, mode and logs.

func TestSpinner(t *testing.T) {
	type shown struct {
		level, text string
		done        bool
	}
	run := func(t *testing.T, mode adapter.Mode, takes time.Duration, opts ...adapter.DataOption) (all []shown) {
		synctest.Test(t, func(t *testing.T) {
			c := newWorld(t).alone(func(c *adapter.Config) { c.Mode = mode })
			d := adapter.CacheData(func(context.Context, int) (int, error) { time.Sleep(takes); return 1, nil },
				append(opts, adapter.Name("shop.fetchQuotes"), adapter.WithRuntime(c.Runtime))...)
			get(t, t.Context(), d, 1)
			get(t, t.Context(), d, 1)
			for _, r := range c.logs.records() {
				if r["msg"] == "stillwarm: running" {
					all = append(all, shown{r["level"].(string), r["text"].(string), r["done"] == true})
				}
			}
		})
		return all
	}
	t.Run("N4 a miss of less than 100 ms shows nothing", func(t *testing.T) {
		if got := run(t, adapter.Development, 99*time.Millisecond); len(got) != 0 {
			t.Fatal(got)
		}
	})
	t.Run("N4 in development a longer one shows progress, and its end", func(t *testing.T) {
		got := run(t, adapter.Development, 2500*time.Millisecond)
		if len(got) != 4 || got[0] != (shown{"INFO", "Running fetchQuotes(...)", false}) || !got[3].done {
			t.Fatal(got)
		}
	})
	t.Run("N4 deployed it is one debug record", func(t *testing.T) {
		got := run(t, adapter.Deployed, 2500*time.Millisecond)
		if len(got) != 1 || got[0].level != "DEBUG" {
			t.Fatal(got)
		}
	})
	t.Run("N4 the text can be set", func(t *testing.T) {
		got := run(t, adapter.Deployed, time.Second, adapter.Spinner("Asking the exchange"))
		if len(got) != 1 || got[0].text != "Asking the exchange" {
			t.Fatal(got)
		}
	})
	t.Run("N4 false turns it off, true is the default", func(t *testing.T) {
		if got := run(t, adapter.Development, time.Second, adapter.Spinner(false)); len(got) != 0 {
			t.Fatal(got)
		}
		if got := run(t, adapter.Deployed, time.Second, adapter.Spinner(true)); len(got) != 1 || got[0].text != "Running fetchQuotes(...)" {
			t.Fatal(got)
		}
	})
}

func TestMode(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  map[string]string
		want bool
	}{
		{"N5 outside Lambda it is development", nil, true},
		{"N5 in Lambda it is deployed", map[string]string{"AWS_LAMBDA_FUNCTION_NAME": "f"}, false},
		{"N5 the local runner says that it is development", map[string]string{"AWS_LAMBDA_FUNCTION_NAME": "f", "STILLWARM_MODE": "development"}, true},
		{"N5 it can be set", map[string]string{"STILLWARM_MODE": "deployed"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "")
			t.Setenv("STILLWARM_MODE", "")
			for k, v := range tt.env {
				t.Setenv(k, v)
			}
			rt, err := adapter.New(adapter.Config{Logger: slog.New(slog.NewTextHandler(&bytes.Buffer{}, nil))})
			if err != nil || rt.Development() != tt.want {
				t.Fatal(rt.Development(), err)
			}
		})
	}
}

func TestLogs(t *testing.T) {
	t.Run("N6 a record carries the invocation's request id", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		c, m := broken(w)
		m.fail.Store(true)
		d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime))
		ctx, inv := invocation.Begin(t.Context(), invocation.Options{RequestID: "the-request", AfterResponse: true})
		get(t, ctx, d, 1)
		inv.Finish(t.Context())
		for _, r := range c.logs.with("WARN", "backend unavailable") {
			if r["requestId"] != "the-request" {
				t.Fatal(r)
			}
		}
	})
}

func TestEvents(t *testing.T) {
	var kinds []string
	observe := func(e adapter.Event) { kinds = append(kinds, strings.TrimSpace(string(e.Kind)+" "+e.Tier)) }
	w, f := newWorld(t), &counter{}
	c := w.container()
	d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL("10m"), adapter.StaleFor("5m"))
	expect := func(name string, want ...string) {
		t.Helper()
		if got := strings.Join(kinds, ", "); got != strings.Join(want, ", ") {
			t.Errorf("%s: %s, want %s", name, got, strings.Join(want, ", "))
		}
		kinds = nil
	}
	call := func(c *container, d *adapter.Data[int, result]) {
		c.invoke(func(ctx context.Context) { get(t, adapter.Observe(ctx, observe), d, 1) })
	}
	call(c, d)
	expect("a miss", "miss", "run")
	call(c, d)
	expect("a hit in memory", "hit memory")
	b := w.container()
	db := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(b.Runtime), adapter.TTL("10m"), adapter.StaleFor("5m"))
	call(b, db)
	expect("a hit in the backend", "hit backend")
	w.clock.Advance(11 * time.Minute)
	call(c, d)
	expect("a stale hit", "stale memory")
}
