package httpcache_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/httpcache"
)

// A HEAD that freshens a stored answer brings nothing back that was invalidated meanwhile: here or in another container, before it
// came or while it ran.
func TestHeadBringsNothingBack(t *testing.T) {
	const short, long, near = "Cache-Control: max-age=1", "Cache-Control: max-age=600", time.Minute
	for name, invalidate := range map[string]func(t *testing.T, s *site){
		"a purge": func(t *testing.T, s *site) {
			t.Helper()
			if err := s.cache.Purge(t.Context(), "/a"); err != nil {
				t.Fatal(err)
			}
		},
		"a clear": func(t *testing.T, s *site) {
			t.Helper()
			if err := s.cache.Clear(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
		"a tag": func(t *testing.T, s *site) {
			t.Helper()
			if err := s.cache.InvalidateTags(t.Context(), "tag"); err != nil {
				t.Fatal(err)
			}
		},
		"a POST": func(t *testing.T, s *site) {
			t.Helper()
			s.do("POST /a")
		},
	} {
		for _, here := range []bool{true, false} {
			for _, during := range []bool{true, false} {
				where, when := "in the other container", "before it comes"
				if here {
					where = "in its container"
				}
				if during {
					when = "while it runs"
				}
				t.Run(name+" "+where+" "+when, func(t *testing.T) {
					f := newFleet(t)
					a, b := f.site(t, httpcache.NearTTL(near)), f.site(t, httpcache.NearTTL(near))
					a.answer(200, "old", short, `ETag: "1"`, "Cache-Tag: tag")
					b.answer(200, "new", long, `ETag: "2"`)
					a.do("GET /a")
					a.stored(1)
					f.clock.advance(10 * time.Second) // it is stale, and far from what clocks may differ by
					by := b
					if here {
						by = a
					}
					before := func() {}
					if during {
						before = func() { invalidate(t, by) }
					} else {
						invalidate(t, by)
					}
					a.serve(func(w http.ResponseWriter, r *http.Request) {
						if r.Method == http.MethodHead {
							before()
						}
						addFields(w.Header(), []string{long, `ETag: "1"`, "Cache-Tag: tag"})
					})
					a.do("HEAD /a")
					if during && !here {
						f.clock.advance(near) // until then it need not be heard of
					}
					a.answer(200, "new", long, `ETag: "2"`)
					late := f.site(t)
					late.answer(200, "new", long)
					if r := a.do("GET /a"); r.body != "new" {
						t.Error("its container:", r)
					}
					if r := b.do("GET /a"); r.body != "new" {
						t.Error("the other container:", r)
					}
					if r := late.do("GET /a"); r.body == "old" {
						t.Error("one that comes later:", r)
					}
				})
			}
		}
	}
}
