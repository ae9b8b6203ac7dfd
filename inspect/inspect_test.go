package inspect_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/memory"
	"github.com/stillwarm/stillwarm/httpcache"
	"github.com/stillwarm/stillwarm/inspect"
	"github.com/stillwarm/stillwarm/internal/hooks"
)

const keys = "k1:MTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3BxcnN0dXY="

type line struct {
	Item  string
	Cents int64
	Next  *line
}

type order struct {
	At      time.Time
	Lines   []line
	Notes   map[string]float64
	Blob    []byte
	Any     any
	Weights []float64
	Later   time.Time
	Berlin  time.Time
}

var fixed = time.FixedZone("", 3600)

func berlin() time.Time {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		return time.Date(2026, 7, 1, 2, 0, 0, 0, time.FixedZone("", 7200))
	}
	return time.Date(2026, 7, 1, 2, 0, 0, 0, zone)
}

var sample = order{
	At:    time.Date(2026, 11, 26, 12, 0, 0, 5, fixed),
	Later: time.Date(2026, 11, 26, 13, 0, 0, 0, fixed), Berlin: berlin(),
	Lines: []line{{Item: "tea", Cents: 250, Next: &line{Item: "milk"}}, {Item: "<b>"}},
	Notes: map[string]float64{"b": 2, "a": 1.5}, Blob: []byte("bytes"), Any: "any", Weights: []float64{1, 2.5},
}

// world is a program with cached functions, and an inspector of its backend.
type world struct {
	store   *memory.Manager
	runtime *adapter.Runtime
	i       *inspect.Inspector
	now     time.Time
}

func newWorld(t *testing.T, sealKeys, inspectKeys string) *world {
	t.Helper()
	w := &world{now: time.Now()}
	clock := func() time.Time { return w.now }
	var err error
	if w.store, err = memory.New(memory.Options{Clock: clock}); err != nil {
		t.Fatal(err)
	}
	w.runtime, err = adapter.New(adapter.Config{Manager: w.store, Namespace: "shop", SealKeys: sealKeys, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	if w.i, err = inspect.New(w.store, inspect.Options{SealKeys: inspectKeys, Clock: clock}); err != nil {
		t.Fatal(err)
	}
	return w
}

// settle waits for what calls have left for later.
func (w *world) settle(t *testing.T) {
	t.Helper()
	hooks.Of(w.runtime).WaitIdle(t.Context())
}

func (w *world) function(t *testing.T, name string) inspect.Function {
	t.Helper()
	f, found, err := w.i.Function(t.Context(), "shop", name)
	if err != nil || !found {
		t.Fatalf("%s: found %v, %v", name, found, err)
	}
	return f
}

func (w *world) entries(t *testing.T, f inspect.Function) []inspect.Entry {
	t.Helper()
	var all []inspect.Entry
	if err := w.i.Entries(t.Context(), f, true, func(e inspect.Entry) bool { all = append(all, e); return true }); err != nil {
		t.Fatal(err)
	}
	return all
}

func get[In, Out any](t *testing.T, d *adapter.Data[In, Out], in In) Out {
	t.Helper()
	out, err := d.Get(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFunctionsAndValues(t *testing.T) {
	w := newWorld(t, "", "")
	orders := adapter.CacheData(func(_ context.Context, n int) (order, error) { return sample, nil }, adapter.Name("shop.orders"),
		adapter.TTL("1m"), adapter.StaleFor("1m"), adapter.WithRuntime(w.runtime))
	texts := adapter.CacheData(func(_ context.Context, n int) (string, error) { return fmt.Sprint("text ", n), nil }, adapter.Name("shop.texts"),
		adapter.WithRuntime(w.runtime))
	get(t, orders, 1)
	get(t, texts, 7)
	w.settle(t)
	t.Run("functions have what their records say", func(t *testing.T) {
		var names []string
		err := w.i.Functions(t.Context(), func(f inspect.Function) bool {
			names = append(names, f.Name)
			if f.Namespace != "shop" || f.Kind != "data" || len(f.Code) != 1 || f.In != "int" {
				t.Errorf("%+v", f)
			}
			return true
		})
		slices.Sort(names)
		if err != nil || !slices.Equal(names, []string{"shop.orders", "shop.texts"}) {
			t.Errorf("functions %v, %v", names, err)
		}
	})
	t.Run("values have their fields' names", func(t *testing.T) {
		entries := w.entries(t, w.function(t, "shop.orders"))
		if len(entries) != 1 {
			t.Fatalf("%d entries", len(entries))
		}
		e := entries[0]
		got, err := json.Marshal(e.Value)
		const want = `{"At":"2026-11-26T12:00:00.000000005+01:00","Lines":[{"Item":"tea","Cents":250,"Next":{"Item":"milk","Cents":0,"Next":null}}`
		if err != nil || !strings.HasPrefix(string(got), want) || !strings.Contains(string(got), `"Notes":{"a":1.5,"b":2}`) ||
			!strings.Contains(string(got), `"Blob":"bytes"`) || !strings.Contains(string(got), `"Weights":[1,2.5],"Later":"2026-11-26T13:00:00+01:00","Berlin":"2026-07-01T02:00:00+02:00"`) {
			t.Errorf("value %s, %v", got, err)
		}
		if e.State != inspect.Fresh || e.Sealed != "" || e.Size == 0 || e.Fresh.Sub(e.Created) != time.Minute {
			t.Errorf("%+v", e)
		}
	})
	t.Run("texts are texts", func(t *testing.T) {
		if e := w.entries(t, w.function(t, "shop.texts")); len(e) != 1 || e[0].Value != "text 7" {
			t.Errorf("%+v", e)
		}
	})
	t.Run("an entry is found by its key, and goes stale", func(t *testing.T) {
		x, err := orders.Explain(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(90 * time.Second)
		e, found, err := w.i.Entry(t.Context(), w.function(t, "shop.orders"), x.Key)
		if err != nil || !found || e.State != inspect.Stale {
			t.Errorf("%+v, %v", e, err)
		}
		if _, found, err = w.i.Entry(t.Context(), w.function(t, "shop.orders"), "0000"); found || err != nil {
			t.Errorf("found %v, %v", found, err)
		}
	})
}

func TestClearing(t *testing.T) {
	w := newWorld(t, "", "")
	runs := 0
	counted := adapter.CacheData(func(_ context.Context, n int) (int, error) { runs++; return n, nil }, adapter.Name("f"),
		adapter.WithRuntime(w.runtime), adapter.Tags(func(n int) []string { return []string{fmt.Sprint("tag", n%2)} }))
	for n := range 4 {
		get(t, counted, n)
	}
	w.settle(t)
	f := w.function(t, "f")
	t.Run("entries are found by their tags", func(t *testing.T) {
		found := map[string]int{}
		for _, e := range w.entries(t, f) {
			for _, tag := range []string{"tag0", "tag1", "tag"} {
				if e.HasTag(tag) {
					found[fmt.Sprint(e.Value, " ", tag)]++
				}
			}
		}
		want := map[string]int{"0 tag0": 1, "1 tag1": 1, "2 tag0": 1, "3 tag1": 1}
		if !maps.Equal(found, want) {
			t.Errorf("found %v, want %v", found, want)
		}
	})
	t.Run("a cleared function misses within NearTTL", func(t *testing.T) {
		if err := w.i.Clear(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		for _, e := range w.entries(t, f) {
			if e.State != inspect.Cleared {
				t.Errorf("%+v", e)
			}
		}
		w.now = w.now.Add(6 * time.Second)
		before := runs
		get(t, counted, 1)
		if runs != before+1 {
			t.Error("a hit")
		}
		w.settle(t)
	})
	t.Run("a tag's entries miss within NearTTL", func(t *testing.T) {
		get(t, counted, 2)
		w.settle(t)
		if err := w.i.InvalidateTags(t.Context(), "shop", "tag1"); err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(6 * time.Second)
		before := runs
		get(t, counted, 2)
		if runs != before {
			t.Error("another tag's entry misses")
		}
		get(t, counted, 1)
		if runs != before+1 {
			t.Error("the tag's entry is a hit")
		}
		w.settle(t)
	})
	t.Run("a cleared key is gone from the backend", func(t *testing.T) {
		x, err := counted.Explain(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		if all, err := w.i.ClearKey(t.Context(), f, x.Key); err != nil || all {
			t.Errorf("all %v, %v", all, err)
		}
		if _, found, err := w.i.Entry(t.Context(), f, x.Key); err != nil || found {
			t.Errorf("found %v, %v", found, err)
		}
	})
	t.Run("a cleared backend holds nothing of use", func(t *testing.T) {
		if err := w.i.ClearAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, e := range w.entries(t, f) {
			if e.State != inspect.Cleared {
				t.Errorf("%+v", e)
			}
		}
	})
}

func TestSealedEntries(t *testing.T) {
	for name, c := range map[string]struct{ sealed, with, state, problem string }{
		"with the keys":          {keys, keys, inspect.Fresh, ""},
		"without keys":           {keys, "", inspect.Sealed, "set STILLWARM_SEAL_KEYS"},
		"with another key":       {keys, "k2:YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY=", inspect.Sealed, "set STILLWARM_SEAL_KEYS"},
		"with a key of its name": {keys, "k1:YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY=", inspect.Sealed, "k1"},
		"in clear, with keys":    {"", keys, inspect.Fresh, "not sealed"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.sealed, c.with)
			d := adapter.CacheData(func(_ context.Context, n int) (string, error) { return "secret", nil }, adapter.Name("f"), adapter.WithRuntime(w.runtime))
			get(t, d, 1)
			w.settle(t)
			e := w.entries(t, w.function(t, "f"))
			if len(e) != 1 || e[0].State != c.state || !strings.Contains(e[0].Problem, c.problem) {
				t.Fatalf("%+v", e)
			}
			if shown := e[0].Value == "secret"; shown != (c.state == inspect.Fresh) {
				t.Errorf("value %v", e[0].Value)
			}
			if strings.Contains(e[0].Problem, "MTIz") || strings.Contains(e[0].Problem, "YWJj") {
				t.Errorf("a key is shown: %s", e[0].Problem)
			}
		})
	}
	if _, err := inspect.New(nil, inspect.Options{SealKeys: "nonsense"}); err == nil {
		t.Error("keys that are none were accepted")
	}
}

// What others have put there is shown as unknown, and disturbs nothing.
func TestForeignBytes(t *testing.T) {
	w := newWorld(t, "", "")
	s, err := w.store.Store(t.Context(), backends.Function{Namespace: "shop", Name: "f"})
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range []string{"", "hello", "\xf7SWE", "\xf7SWE\x09" + strings.Repeat("x", 200), "{}"} {
		if _, err := s.Put(t.Context(), fmt.Sprint("key", i), []byte(b), time.Time{}, backends.Absent); err != nil {
			t.Fatal(err)
		}
	}
	f, found, err := w.i.Function(t.Context(), "shop", "f")
	if err != nil || found {
		t.Fatalf("found %v, %v", found, err)
	}
	entries := w.entries(t, f)
	if len(entries) != 5 {
		t.Errorf("%d entries", len(entries))
	}
	for _, e := range entries {
		if e.State != inspect.Unknown || e.Problem == "" {
			t.Errorf("%+v", e)
		}
	}
}

func TestHTTPEntriesShowTheirAddress(t *testing.T) {
	for _, sealKeys := range []string{"", keys} {
		w := newWorld(t, sealKeys, sealKeys)
		c, err := httpcache.New(httpcache.Name("site"), httpcache.WithRuntime(w.runtime))
		if err != nil {
			t.Fatal(err)
		}
		server := c.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "public, max-age=60")
			_, _ = w.Write([]byte("page"))
		}))
		r := httptest.NewRecorder()
		server.ServeHTTP(r, httptest.NewRequest(http.MethodGet, "http://example.com/a/page?x=1", nil))
		w.settle(t)
		f, _, err := w.i.Function(t.Context(), "shop", "http site")
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, e := range w.entries(t, f) {
			found = append(found, e.URL)
		}
		if !slices.Contains(found, "/a/page?x=1") {
			t.Errorf("addresses %v of %+v", found, w.entries(t, f))
		}
	}
}
