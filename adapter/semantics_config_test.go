package adapter_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/backends"
)

// Sections K2, N and W of the semantics: what a configuration says, shows and refuses.

// sealKey is a sealing key as people make them.
var sealKey = "k1:" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdefghijklmnopqrstuv"))

func TestSecretsInConfigurations(t *testing.T) {
	secrets := []string{"hunter2", "MDEyMzQ1", sealKey}
	check := func(t *testing.T, text string) {
		t.Helper()
		for _, s := range secrets {
			if strings.Contains(text, s) {
				t.Errorf("shows %s: %s", s, text)
			}
		}
	}
	for _, backend := range []string{"redis://user:hunter2@host:6379", "redis:user:hunter2@host", "redis://user:hunter2", "hunter2", "hunter2:x", "s3://a hunter2"} {
		t.Run("N8 no verb shows a key or a password of "+strings.ReplaceAll(backend, "hunter2", "PASSWORD"), func(t *testing.T) {
			c := adapter.Config{Backend: backend, SealKeys: sealKey, Namespace: "shop"}
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
				check(t, fmt.Sprintf(verb, c))
				check(t, fmt.Sprintf(verb, &c))
				check(t, fmt.Sprintf(verb, struct{ Config adapter.Config }{c}))
				check(t, fmt.Sprintf(verb, []adapter.Config{c}))
			}
			check(t, c.String())
			var b bytes.Buffer
			slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "config", c, "pointer", &c, "group", slog.GroupValue(slog.Any("c", c)))
			slog.New(slog.NewTextHandler(&b, nil)).Info("x", "config", c, "pointer", &c)
			j, _ := json.Marshal(c)
			check(t, b.String()+string(j))
			if !strings.Contains(fmt.Sprintf("%+v", c), "shop") {
				t.Error("shows nothing at all")
			}
		})
	}
	t.Run("N8 a Runtime and what is cached with it show none", func(t *testing.T) {
		c := newWorld(t).container(func(c *adapter.Config) { c.SealKeys = sealKey })
		d := adapter.CacheData(squared, adapter.WithRuntime(c.Runtime))
		r := adapter.CacheResource(openNothing, adapter.WithRuntime(c.Runtime))
		// Nothing goes on after an invocation: fmt reads what an unexported field points to, without a lock.
		c.invoke(func(ctx context.Context) { get(t, ctx, d, 1) })
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			check(t, fmt.Sprintf(verb, c.Runtime)+fmt.Sprintf(verb, d)+fmt.Sprintf(verb, r)+fmt.Sprintf(verb, struct{ rt *adapter.Runtime }{c.Runtime}))
		}
	})
	t.Run("N8 an error of New and the log of the default runtime show none", func(t *testing.T) {
		for _, backend := range []string{"memory:user:hunter2@host:6379", "memory://user:hunter2", "redis:user:hunter2@host:6379", "redis://user:hunter2"} {
			_, err := adapter.New(adapter.Config{Backend: backend})
			if err == nil {
				continue
			}
			check(t, err.Error()+fmt.Sprintf("%+v %#v", err, err))
			adapter.ForgetDefault(t.Cleanup)
			t.Setenv("STILLWARM_BACKEND", backend)
			var b bytes.Buffer
			old := slog.Default()
			slog.SetDefault(slog.New(slog.NewTextHandler(&b, nil)))
			adapter.Default()
			slog.SetDefault(old)
			check(t, b.String())
			if !strings.Contains(b.String(), "ignoring invalid configuration") {
				t.Errorf("says nothing: %s", b.String())
			}
		}
	})
}

func TestSealingMistakes(t *testing.T) {
	encode := func(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
	mistakes := map[string]string{
		"blank": " ", "a line break": "\n", "all zero": "k1:" + encode(make([]byte, 32)),
		"one byte": "k1:" + encode(bytes.Repeat([]byte{7}, 32)), "malformed": "k1", "too short": "k1:c2hvcnQ=",
		"a good one and a weak one": sealKey + ",k2:" + encode(make([]byte, 32)),
	}
	for name, keys := range mistakes {
		t.Run("W9 keys that are "+name+" are an error of New", func(t *testing.T) {
			_, err := adapter.New(adapter.Config{SealKeys: keys, Backend: "memory:"})
			var oe *adapter.OptionError
			if !errors.As(err, &oe) || oe.Option != "STILLWARM_SEAL_KEYS" {
				t.Fatal(err)
			}
		})
	}
	mistakes["empty"] = ""
	for name, keys := range mistakes {
		t.Run("W9 keys in the environment that are "+name+": no backend is used, said clearly, and calls succeed", func(t *testing.T) {
			adapter.ForgetDefault(t.Cleanup)
			w := newWorld(t)
			t.Setenv("STILLWARM_SEAL_KEYS", keys)
			t.Setenv("STILLWARM_BACKEND", w.backend)
			var b bytes.Buffer
			old := slog.Default()
			slog.SetDefault(slog.New(slog.NewTextHandler(&b, nil)))
			defer slog.SetDefault(old)
			f := &counter{}
			d := adapter.CacheData(f.compute, adapter.Name("W9 "+name))
			get(t, t.Context(), d, 1)
			get(t, t.Context(), d, 1)
			wantRuns(t, f, 1)
			if s := d.Stats(); s.Stores != 0 || s.StoreErrors != 0 {
				t.Fatalf("something was stored: %+v", s)
			}
			if !strings.Contains(b.String(), "STILLWARM_SEAL_KEYS") || !strings.Contains(b.String(), "no backend is used") {
				t.Fatal(b.String())
			}
		})
	}
}

func TestNamespace(t *testing.T) {
	function := func(t *testing.T, name, region, namespace string, f *counter, w *world) *adapter.Data[int, result] {
		t.Setenv("AWS_LAMBDA_FUNCTION_NAME", name)
		t.Setenv("AWS_REGION", region)
		t.Setenv("STILLWARM_NAMESPACE", namespace)
		c := w.container()
		d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime))
		c.invoke(func(ctx context.Context) { get(t, ctx, d, 1) })
		return d
	}
	t.Run("K2 by default functions and regions that share a backend do not meet", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		for i, of := range [][2]string{{"shop-prod", "eu-central-1"}, {"shop-test", "eu-central-1"}, {"shop-prod", "us-east-1"}} {
			function(t, of[0], of[1], "", f, w)
			wantRuns(t, f, int64(i+1))
		}
		function(t, "shop-prod", "eu-central-1", "", f, w)
		wantRuns(t, f, 3)
	})
	t.Run("K2 a namespace of one's own is shared on purpose", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		function(t, "a", "eu-central-1", "shared", f, w)
		function(t, "b", "us-east-1", "shared", f, w)
		wantRuns(t, f, 1)
	})
	t.Run("K2 in Lambda another database is another cache, unless Version promises", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		call := func(database string, opts ...adapter.DataOption) {
			t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "shop")
			t.Setenv("DATABASE", database)
			c := w.container()
			d := adapter.CacheData(f.compute, append(opts, adapter.Name("f"), adapter.WithRuntime(c.Runtime))...)
			c.invoke(func(ctx context.Context) { get(t, ctx, d, 1) })
		}
		call("a")
		call("b")
		wantRuns(t, f, 2)
		call("a")
		wantRuns(t, f, 2)
		call("a", adapter.Version("1"))
		call("b", adapter.Version("1"))
		wantRuns(t, f, 3)
	})
}

func TestOutageMessages(t *testing.T) {
	t.Run("N7 one WARN for an outage of reads and writes, one record when it is over", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w, f := newWorld(t), &counter{}
			c, m := broken(w)
			var kinds []error
			d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime))
			e := adapter.CacheData(squared, adapter.WithRuntime(c.Runtime))
			ctx := adapter.Observe(t.Context(), func(e adapter.Event) {
				if e.Kind == adapter.EventOutage {
					kinds = append(kinds, e.Err)
				}
			})
			m.fail.Store(true)
			for i := range 20 {
				get(t, ctx, d, i)
				get(t, ctx, e, i)
				c.settle()
			}
			if n := len(c.logs.with("WARN", "backend unavailable; bypassing it until it recovers")); n != 1 {
				t.Fatalf("%d warnings: %s", n, c.logs.text())
			}
			m.fail.Store(false)
			for i := range 10 {
				time.Sleep(5 * time.Second)
				get(t, ctx, d, 100+i)
				c.settle()
			}
			if n := len(c.logs.with("INFO", "backend recovered")); n != 1 {
				t.Fatalf("%d records: %s", n, c.logs.text())
			}
			if len(kinds) != 2 || kinds[0] == nil || kinds[1] != nil {
				t.Fatalf("events: %v", kinds)
			}
		})
	})
	t.Run("N7 shutting down is no outage", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			m := &counting{PersistenceManager: inMemory(t)}
			c := w.container(func(c *adapter.Config) { c.Manager = closing{m} })
			block := make(chan struct{})
			d := adapter.CacheData(func(context.Context, int) (int, error) { <-block; return 1, nil },
				adapter.Name("f"), adapter.WithRuntime(c.Runtime))
			go func() { _, _ = d.Get(t.Context(), 1) }()
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := c.Close(ctx); err == nil {
				t.Error("Close did not say that work was left")
			}
			close(block)
			synctest.Wait()
			c.settle()
			if n := len(c.logs.with("WARN", "")) + len(c.logs.with("ERROR", "")); n != 0 {
				t.Fatal(c.logs.text())
			}
		})
	})
}

// closing is a manager whose stores fail as a closed client's do.
type closing struct{ *counting }

func (m closing) Close() error {
	m.fail.Store(true)
	return nil
}

var _ backends.PersistenceManager = closing{}

func TestObserver(t *testing.T) {
	t.Run("the observer gets the call's context", func(t *testing.T) {
		type key struct{}
		var seen []any
		c := newWorld(t).container(func(c *adapter.Config) {
			c.Observer = func(ctx context.Context, e adapter.Event) { seen = append(seen, ctx.Value(key{})) }
		})
		d := adapter.CacheData(squared, adapter.WithRuntime(c.Runtime))
		get(t, context.WithValue(t.Context(), key{}, "mine"), d, 1)
		c.settle()
		if len(seen) < 2 || seen[0] != "mine" {
			t.Fatal(seen)
		}
	})
	t.Run("N6 durations in records are milliseconds with the unit in the name", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newWorld(t).alone()
			d := adapter.CacheData(func(context.Context, int) (int, error) { time.Sleep(150 * time.Millisecond); return 1, nil },
				adapter.Name("f"), adapter.WithRuntime(c.Runtime))
			get(t, t.Context(), d, 1)
			r := c.logs.with("DEBUG", "running")
			if len(r) != 1 || r[0]["elapsedMs"] != 100.0 {
				t.Fatal(c.logs.text())
			}
		})
	})
}
