package backends_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/stillwarm/stillwarm/backends"
)

// plain is a manager that does nothing; the tests look at how it is opened.
type plain struct {
	backends.PersistenceManager
	opened string
}

// The schemes of this file's tests: no real backend is linked, and the first test that runs must already find them.
func init() {
	backends.Register("plain", func(_ context.Context, u *url.URL) (backends.PersistenceManager, error) {
		q := backends.NewQuery(u)
		q.Size("max", 1)
		if err := q.Err(); err != nil {
			return nil, err
		}
		return &plain{opened: u.String()}, nil
	})
	backends.Register("mutating", func(_ context.Context, u *url.URL) (backends.PersistenceManager, error) {
		u.Host, u.RawQuery = "changed", ""
		return &plain{}, nil
	})
}

func TestOpen(t *testing.T) {
	t.Run("a registered scheme is opened with the URL, in any case of letters", func(t *testing.T) {
		for _, raw := range []string{"plain://place?max=1MiB", "PLAIN://place?max=1MiB", "  plain://place?max=1MiB\n"} {
			pm, err := backends.Open(t.Context(), raw)
			if err != nil {
				t.Fatal(err)
			}
			if got := pm.(*plain).opened; got != "plain://place?max=1MiB" {
				t.Fatalf("opened %q", got)
			}
		}
	})
	t.Run("an opener that changes its URL does not change the caller's", func(t *testing.T) {
		u, _ := url.Parse("mutating://host?a=b")
		if _, err := backends.OpenURL(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		if u.String() != "mutating://host?a=b" {
			t.Fatalf("the caller's URL became %s", u)
		}
	})
	t.Run("a context that has ended opens nothing", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := backends.Open(ctx, "plain://x"); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	})
}

func TestOpenErrors(t *testing.T) {
	for name, c := range map[string]struct {
		url  string
		want []string
	}{
		"an empty URL lists the schemes":                      {" ", []string{"empty", "mutating, plain"}},
		"no scheme lists the schemes":                         {"/tmp/x", []string{"no scheme", "mutating, plain"}},
		"an unknown scheme lists the schemes":                 {"mongo://h", []string{`"mongo"`, "mutating, plain"}},
		"a mistyped scheme comes with the one that was meant": {"reids://h", []string{`"reids"`, "did you mean redis?", "mutating, plain"}},
		"a scheme that is not linked comes with its import":   {"redis://h", []string{`"redis"`, `import _ "github.com/stillwarm/stillwarm/backends/redis"`}},
		"rediss comes with redis":                             {"rediss://h", []string{`"rediss"`, `backends/redis"`}},
		"several URLs need the import of tiers":               {"plain://a plain://b", []string{`backends/tiered"`}},
		"an unknown parameter is named with the known ones":   {"plain://a?mux=1", []string{"plain://a", `"mux"`, "known: max"}},
		"a bad value is named with what is accepted":          {"plain://a?max=big", []string{`"max"`, `"big"`, "64KiB"}},
		"a URL that does not parse is shown without secrets":  {"plain://a\x7f", []string{"plain", "control character"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := backends.Open(t.Context(), c.url)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestNoPasswordInErrors(t *testing.T) {
	for _, raw := range []string{
		"mongo://user:hunter2@host", "redis://user:hunter2@host/0", "plain://user:hunter2@host?mux=hunter2",
		"plain://user:hunter2%zz@host", "plain://user:hun/hunter2@host", "plain://:hunter2@host:port", "//user:hunter2@host",
		"plain://user:hunter2@host?max=1&max=2", "plain://user:hunter2@host?a=%zzhunter2", "user:hunter2@host",
		"plain://user:hunter2@a plain://user:hunter2@b", "://hunter2@host", "plain://user:hunter2 x@host", "plain://u:hunter2@[::1",
	} {
		t.Run(raw, func(t *testing.T) {
			_, err := backends.Open(t.Context(), raw)
			if err == nil {
				t.Fatal("no error")
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Fatalf("the error shows the password: %v", err)
			}
		})
	}
}

func TestRegisterPanicsOnMistakesOfTheProgram(t *testing.T) {
	open := func(context.Context, *url.URL) (backends.PersistenceManager, error) { return nil, nil }
	for name, register := range map[string]func(){
		"an empty scheme":                     func() { backends.Register("", open) },
		"a scheme that is taken":              func() { backends.Register("Plain", open) },
		"no opener":                           func() { backends.Register("none", nil) },
		"tiers without an opener":             func() { backends.RegisterTiers(nil) },
		"a scheme that is taken a third time": func() { backends.Register("mutating", open) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Fatal("no panic")
				}
			}()
			register()
		})
	}
}

func TestPlace(t *testing.T) {
	for raw, want := range map[string]string{
		"s3://bucket/prefix?region=x": "s3://bucket/prefix",
		"redis://u:p@host:6379/0#f":   "redis://host:6379/0",
		"disk:///tmp/x?max=1":         "disk:///tmp/x",
		"memory:?max=1":               "memory:",
		"memory:name":                 "memory:name",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := backends.Place(u); got != want {
			t.Errorf("Place(%s) = %s, want %s", raw, got, want)
		}
	}
}
