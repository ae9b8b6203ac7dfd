package httpcache_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/disk"
	"github.com/stillwarm/stillwarm/backends/memory"
	"github.com/stillwarm/stillwarm/httpcache"
	"github.com/stillwarm/stillwarm/internal/rfc9111"
)

// The requirements of RFC 9111, through the middleware: in one container without a backend, and in two that take turns.
func TestStoring(t *testing.T)      { runRequirements(t, rfc9111.Storing()) }
func TestReusing(t *testing.T)      { runRequirements(t, rfc9111.Reusing()) }
func TestValidating(t *testing.T)   { runRequirements(t, rfc9111.Validating()) }
func TestInvalidating(t *testing.T) { runRequirements(t, rfc9111.Invalidating()) }
func TestFields(t *testing.T)       { runRequirements(t, rfc9111.Fields()) }

func TestCountOfRequirements(t *testing.T) {
	all := rfc9111.All()
	t.Logf("%d requirements of RFC 9111, sections 3 to 5, have a test", len(all))
	seen := map[string]bool{}
	for _, r := range all {
		if seen[r.Name()] || r.Check == nil {
			t.Fatal(r.Name())
		}
		seen[r.Name()] = true
	}
}

func runRequirements(t *testing.T, all []rfc9111.Requirement) {
	t.Helper()
	for _, r := range all {
		t.Run(r.Name(), func(t *testing.T) { r.Check(t, asSite{newSite(t, optionsOf(r)...)}) })
	}
	for name, open := range stores {
		t.Run("two containers that take turns, "+name, func(t *testing.T) {
			for _, r := range all {
				if r.Text == rfc9111.MostRecent {
					continue // a container's memory serves what it has as long as that is fresh
				}
				t.Run(r.Name(), func(t *testing.T) {
					c := newClock()
					f := &fleet{clock: c, manager: open(t, c)}
					r.Check(t, asSite{f.turns(t, 2, optionsOf(r)...)})
				})
			}
		})
	}
}

func optionsOf(r rfc9111.Requirement) []httpcache.Option {
	if r.Honour {
		return []httpcache.Option{httpcache.ClientDirectives(httpcache.Honour)}
	}
	return nil
}

// stores are backends that every requirement is held over.
var stores = map[string]func(*testing.T, *clock) backends.PersistenceManager{
	"memory": func(t *testing.T, c *clock) backends.PersistenceManager {
		m, err := memory.New(memory.Options{Clock: c.Now})
		if err != nil {
			t.Fatal(err)
		}
		return unclosed{m}
	},
	"disk": func(t *testing.T, c *clock) backends.PersistenceManager {
		m, err := disk.New(disk.Options{Dir: t.TempDir(), NoSync: true, Clock: c.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = m.Close() })
		return unclosed{m}
	},
}

// asSite is a site as the requirements see it.
type asSite struct{ *site }

func (a asSite) T() *testing.T { return a.t }

func (a asSite) Do(line string, fields ...string) rfc9111.Result {
	r := a.do(line, fields...)
	return rfc9111.Result{Status: r.status, Header: r.header, Body: r.body, Infos: r.infos}
}
func (a asSite) Answer(status int, body string, fields ...string) { a.answer(status, body, fields...) }
func (a asSite) Serve(h http.HandlerFunc)                         { a.serve(h) }
func (a asSite) Last() *http.Request                              { return a.last() }
func (a asSite) WantRuns(n int64)                                 { a.wantRuns(n) }
func (a asSite) Advance(d time.Duration)                          { a.clock.advance(d) }
func (a asSite) Date(d time.Duration) string                      { return a.clock.date(d) }

var fresh = "Cache-Control: max-age=60"

func stored(s *site, status int, fields ...string) bool {
	return rfc9111.Stored(asSite{s}, status, fields...)
}

func reused(want bool, status int, fields ...string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) { rfc9111.Reused(want, status, fields...)(t, asSite{s}) }
}

func reusedFor(want bool, request []string, fields ...string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) { rfc9111.ReusedFor(want, request, fields...)(t, asSite{s}) }
}

func freshFor(yes, no time.Duration, fields ...string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) { rfc9111.FreshFor(yes, no, fields...)(t, asSite{s}) }
}

func (s *site) validates(fields ...string) { rfc9111.Validates(asSite{s}, fields...) }

func (s *site) keep(fields ...string) { rfc9111.Keep(asSite{s}, fields...) }
