package httpcache_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/httpcache"
)

func TestStale(t *testing.T) {
	t.Run("RFC 5861 3: within the window the old answer is served at once and one refresh runs", func(t *testing.T) {
		s := newSite(t)
		s.answer(200, "old", "Cache-Control: max-age=10, stale-while-revalidate=10")
		s.do("GET /a")
		s.clock.advance(15 * time.Second)
		g := newGate()
		s.serve(func(w http.ResponseWriter, _ *http.Request) {
			g.pass("")
			addFields(w.Header(), []string{fresh})
			_, _ = w.Write([]byte("new"))
		})
		for range 3 {
			r := s.do("GET /a")
			if r.body != "old" || !strings.Contains(r.cacheStatus(), "ttl=-5") || !strings.Contains(r.cacheStatus(), "detail=stale-while-revalidate") {
				t.Fatal(r)
			}
		}
		close(g.open)
		s.waitFor(func() bool { return s.do("GET /a").body == "new" })
		s.wantRuns(2)
	})
	t.Run("RFC 5861 3: after the window the handler runs", func(t *testing.T) {
		s := newSite(t)
		s.answer(200, "old", "Cache-Control: max-age=10, stale-while-revalidate=10")
		s.do("GET /a")
		s.clock.advance(21 * time.Second)
		s.answer(200, "new", fresh)
		if r := s.do("GET /a"); r.body != "new" {
			t.Fatal(r)
		}
	})
	t.Run("a refresh that fails keeps the old answer, and is not tried at each request", func(t *testing.T) {
		s := newSite(t)
		s.answer(200, "old", "Cache-Control: max-age=10, stale-while-revalidate=600")
		s.do("GET /a")
		s.clock.advance(15 * time.Second)
		s.answer(500, "down")
		s.do("GET /a")
		s.waitFor(func() bool { return s.runs.Load() == 2 && s.cache.Stats().Runs == 2 })
		for range 5 {
			if r := s.do("GET /a"); r.body != "old" {
				t.Fatal(r)
			}
		}
		s.wantRuns(2)
	})
	t.Run("StaleFor is for answers that name no window", func(t *testing.T) {
		s := newSite(t, httpcache.StaleFor("1m"))
		for d, want := range map[string]bool{"max-age=10": true, "max-age=10, stale-while-revalidate=0": false, "max-age=10, must-revalidate": false, "s-maxage=10": false} {
			s.answer(200, "old", "Cache-Control: "+d, `ETag: "1"`)
			s.do("GET /" + strings.ReplaceAll(d, " ", ""))
			s.clock.advance(15 * time.Second)
			if r := s.do("GET /" + strings.ReplaceAll(d, " ", "")); r.hit() != want {
				t.Fatal(d, r.cacheStatus())
			}
		}
	})
	for _, c := range []struct {
		name, control string
		opts          []httpcache.Option
		status        int
		want          bool
	}{
		{"stale-if-error", "max-age=1, stale-if-error=60", nil, 500, true},
		{"502", "max-age=1, stale-if-error=60", nil, 502, true},
		{"503", "max-age=1, stale-if-error=60", nil, 503, true},
		{"504", "max-age=1, stale-if-error=60", nil, 504, true},
		{"501 is no such failure", "max-age=1, stale-if-error=60", nil, 501, false},
		{"404 is an answer", "max-age=1, stale-if-error=60", nil, 404, false},
		{"the window is over", "max-age=1, stale-if-error=10", nil, 500, false},
		{"by option", "max-age=1", []httpcache.Option{httpcache.StaleIfError("1h")}, 500, true},
		{"not by option where the answer says otherwise", "max-age=1, stale-if-error=0", []httpcache.Option{httpcache.StaleIfError("1h")}, 500, false},
		{"never with must-revalidate", "max-age=1, stale-if-error=60, must-revalidate", []httpcache.Option{httpcache.StaleIfError("1h")}, 500, false},
		{"never with s-maxage", "s-maxage=1, stale-if-error=60", []httpcache.Option{httpcache.StaleIfError("1h")}, 500, false},
		{"never with no-cache", "max-age=1, no-cache, stale-if-error=60", []httpcache.Option{httpcache.StaleIfError("1h")}, 500, false},
	} {
		t.Run("RFC 5861 4: "+c.name, func(t *testing.T) {
			s := newSite(t, c.opts...)
			s.answer(200, "old", "Cache-Control: "+c.control, `ETag: "1"`)
			s.do("GET /a")
			s.clock.advance(20 * time.Second)
			s.answer(c.status, "failed")
			r := s.do("GET /a")
			if got := r.body == "old"; got != c.want {
				t.Fatal(r)
			}
			if c.want && (!strings.Contains(r.cacheStatus(), "detail=stale-if-error") || s.cache.Stats().Errors != 1) {
				t.Fatal(r.cacheStatus(), s.cache.Stats())
			}
		})
	}
	t.Run("a panic counts as an error", func(t *testing.T) {
		s := newSite(t)
		s.answer(200, "old", "Cache-Control: max-age=1, stale-if-error=60")
		s.do("GET /a")
		s.clock.advance(20 * time.Second)
		s.serve(func(http.ResponseWriter, *http.Request) { panic("bug") })
		if r := s.do("GET /a"); r.body != "old" {
			t.Fatal(r)
		}
	})
}

func TestTargeted(t *testing.T) {
	for _, c := range []struct {
		name   string
		want   bool
		fields []string
	}{
		{"it replaces Cache-Control", true, []string{"Cache-Control: no-store", "CDN-Cache-Control: max-age=60"}},
		{"it replaces a longer one", false, []string{fresh, "CDN-Cache-Control: max-age=0"}},
		{"it replaces Expires", false, []string{"Expires: Thu, 26 Nov 2099 12:00:00 GMT", "CDN-Cache-Control: public"}},
		{"private", false, []string{fresh, "CDN-Cache-Control: private"}},
		{"no-cache", false, []string{fresh, "CDN-Cache-Control: no-cache"}},
		{"no-store", false, []string{fresh, "CDN-Cache-Control: no-store"}},
		{"false is absent", true, []string{"CDN-Cache-Control: max-age=60, no-store=?0"}},
		{"an unknown member is ignored", true, []string{"CDN-Cache-Control: foo, bar=(1 2), max-age=60"}},
		{"a dictionary over two lines", true, []string{"CDN-Cache-Control: foo", "CDN-Cache-Control: max-age=60"}},
		{"the last of two members counts", true, []string{"CDN-Cache-Control: max-age=0, max-age=60"}},
		{"an empty field is ignored", true, []string{fresh, "CDN-Cache-Control:"}},
		{"one that does not parse is ignored", false, []string{"Cache-Control: no-store", "CDN-Cache-Control: max-age=60, &&&"}},
		{"one that does not parse leaves Cache-Control", true, []string{fresh, "CDN-Cache-Control: no-store, &&&"}},
		{"a wrong type is ignored", false, []string{"Cache-Control: no-store", `CDN-Cache-Control: max-age="60"`}},
		{"a float is a wrong type", false, []string{"Cache-Control: no-store", "CDN-Cache-Control: max-age=60.0"}},
		{"a negative number is a wrong type", false, []string{"Cache-Control: no-store", "CDN-Cache-Control: max-age=-60"}},
		{"another case does not parse", false, []string{"Cache-Control: no-store", "CDN-Cache-Control: Max-Age=60"}},
		{"the first valid one counts", true, []string{"Cache-Control: no-store", "CDN-Cache-Control: no-store", "Stillwarm-Cache-Control: max-age=60"}},
		{"the next one where the first is invalid", true, []string{"Cache-Control: no-store", "Stillwarm-Cache-Control: max-age=a b", "CDN-Cache-Control: max-age=60"}},
		{"Age counts", false, []string{"Age: 60", "CDN-Cache-Control: max-age=60"}},
		{"a large number is clamped", true, []string{"CDN-Cache-Control: max-age=99999999999"}},
	} {
		t.Run("RFC 9213: "+c.name, func(t *testing.T) { reused(c.want, 200, c.fields...)(t, newSite(t)) })
	}
	t.Run("ours is removed, the others are sent on", func(t *testing.T) {
		s := newSite(t)
		s.answer(200, "", "Stillwarm-Cache-Control: max-age=60", "CDN-Cache-Control: max-age=5")
		for range 2 {
			if r := s.do("GET /a"); r.header.Get("Stillwarm-Cache-Control") != "" || r.header.Get("CDN-Cache-Control") != "max-age=5" {
				t.Fatal(r.header)
			}
		}
		s.answer(200, "", "Stillwarm-Cache-Control: no-store")
		if r := s.do("POST /b"); r.header.Get("Stillwarm-Cache-Control") != "" {
			t.Fatal(r.header)
		}
		if r := s.do("GET /b"); r.header.Get("Stillwarm-Cache-Control") != "" {
			t.Fatal(r.header)
		}
	})
	t.Run("another list", func(t *testing.T) {
		s := newSite(t, httpcache.Targeted("My-Cache-Control"))
		if stored(s, 200, "CDN-Cache-Control: max-age=60") || !stored(s, 200, "My-Cache-Control: max-age=60") {
			t.Fatal("not that one")
		}
	})
}

func TestCacheStatus(t *testing.T) {
	s := newSite(t)
	check := func(name string, r result, want string) {
		t.Helper()
		if r.cacheStatus() != want {
			t.Errorf("%s: %s, not %s", name, r.cacheStatus(), want)
		}
	}
	s.answer(200, "body", fresh, "Cache-Status: origin; hit", "Cache-Status: site; fwd=stale")
	check("a miss is appended, in place of an earlier member of ours", s.do("GET /a"), "origin; hit, site; fwd=uri-miss; fwd-status=200; ttl=60; stored")
	s.clock.advance(1500 * time.Millisecond)
	check("a hit", s.do("GET /a"), "origin; hit, site; hit; ttl=58")
	s.answer(200, "body")
	check("why it is not stored", s.do("GET /b"), "site; fwd=uri-miss; fwd-status=200; detail=no-freshness")
	check("an unsafe method", s.do("POST /b"), "site; fwd=method; fwd-status=200")
	check("a bypass", s.do("GET /b", `If-Match: "1"`), "site; fwd=bypass; fwd-status=200")
	s.answer(200, "body", fresh, "Vary: X-A")
	s.do("GET /v", "X-A: 1")
	check("a vary miss", s.do("GET /v", "X-A: 2"), "site; fwd=vary-miss; fwd-status=200; ttl=60; stored")
	check("only-if-cached", s.do("GET /none", "Cache-Control: only-if-cached"), "site; detail=only-if-cached")
}

func TestPrincipals(t *testing.T) {
	user := httpcache.PerCaller(func(_ context.Context, r *http.Request) string { return r.Header.Get("X-User") })
	s := newSite(t, user)
	s.serve(func(w http.ResponseWriter, r *http.Request) {
		addFields(w.Header(), []string{"Cache-Control: " + r.Header.Get("X-CC")})
		_, _ = w.Write([]byte("for " + r.Header.Get("X-User")))
	})
	get := func(path, who, cc string, more ...string) result {
		return s.do("GET "+path, append([]string{"X-User: " + who, "X-CC: " + cc}, more...)...)
	}
	get("/private", "", "private, max-age=60") // marks the URL for those who are nobody
	get("/private", "a", "private, max-age=60")
	if r := get("/private", "a", "private, max-age=60"); r.body != "for a" || !r.hit() {
		t.Error("a private answer is stored for its principal:", r)
	}
	if r := get("/private", "b", "private, max-age=60"); r.body != "for b" {
		t.Error("another principal got it:", r)
	}
	if r := get("/private", "", "private, max-age=60"); r.body != "for " {
		t.Error("nobody got it:", r)
	}
	get("/public", "a", "public, max-age=60")
	if r := get("/public", "b", "public, max-age=60"); r.body != "for a" || !r.hit() {
		t.Error("a public answer is found by everybody:", r)
	}
	get("/auth", "a", "max-age=60", "Authorization: x")
	if r := get("/auth", "a", "max-age=60", "Authorization: x"); !r.hit() {
		t.Error("an answer to Authorization is stored for the principal:", r)
	}
	if r := get("/auth", "b", "max-age=60"); r.hit() {
		t.Error(r)
	}
}

func TestAssumedFreshness(t *testing.T) {
	t.Run("DefaultTTL is for 200 without freshness of its own", func(t *testing.T) {
		s := newSite(t, httpcache.DefaultTTL("10s"))
		freshFor(9*time.Second, 11*time.Second)(t, s)
		for _, fields := range [][]string{{"Cache-Control: max-age=0"}, {"Expires: 0"}, {"Cache-Control: no-store"}, {"Cache-Control: private"}} {
			if stored(s, 200, fields...) {
				t.Fatal(fields)
			}
			s.clock.advance(3 * time.Minute)
		}
		if stored(s, 404) {
			t.Fatal("404")
		}
	})
	t.Run("never with Cookie, Authorization or a principal", func(t *testing.T) {
		for _, f := range []string{"Cookie: a", "Authorization: a", "X-User: a"} {
			s := newSite(t, httpcache.DefaultTTL("10s"), httpcache.PerCaller(func(_ context.Context, r *http.Request) string { return r.Header.Get("X-User") }))
			s.answer(200, "body", "Cache-Control: public", "Last-Modified: "+s.clock.date(-time.Hour))
			s.do("GET /a", f)
			if r := s.do("GET /a", f); r.hit() {
				t.Fatal(f, r)
			}
		}
	})
	t.Run("NoHeuristic and Heuristic", func(t *testing.T) {
		s := newSite(t, httpcache.NoHeuristic())
		if stored(s, 200, "Last-Modified: "+s.clock.date(-time.Hour)) {
			t.Fatal("reused")
		}
		s = newSite(t, httpcache.Heuristic(0.5, 10*time.Second))
		freshFor(9*time.Second, 11*time.Second, "Last-Modified: "+s.clock.date(-time.Hour))(t, s)
	})
}

func TestCookies(t *testing.T) {
	t.Run("an answer with Set-Cookie is not stored", func(t *testing.T) {
		reused(false, 200, fresh, "Set-Cookie: a=b")(t, newSite(t))
		reused(false, 200, "Cache-Control: public, max-age=60", "Set-Cookie2: a=b")(t, newSite(t))
	})
	t.Run("ShareCookies stores it", func(t *testing.T) {
		reused(true, 200, fresh, "Set-Cookie: a=b")(t, newSite(t, httpcache.ShareCookies()))
	})
	t.Run("no-cache strips it", func(t *testing.T) {
		s := newSite(t)
		if !stored(s, 200, `Cache-Control: max-age=60, no-cache="Set-Cookie"`, "Set-Cookie: a=b") {
			t.Fatal("not stored")
		}
		if r := s.do("GET /a"); r.header.Get("Set-Cookie") != "" {
			t.Fatal(r.header)
		}
	})
	t.Run("a 304 that sets one is not shared", func(t *testing.T) {
		s := newSite(t)
		s.validates("Cache-Control: max-age=60", "Set-Cookie: session=1")
		s.do("GET /a")
		s.answer(200, "new", fresh)
		if r := s.do("GET /a"); r.hit() || r.header.Get("Set-Cookie") != "" {
			t.Fatal(r)
		}
	})
	t.Run("Cookie on a request never bypasses a hit", func(t *testing.T) {
		s := newSite(t)
		s.keep()
		if r := s.do("GET /a", "Cookie: a=b"); !r.hit() {
			t.Fatal(r)
		}
	})
	t.Run("an answer to Cookie is stored only with public, s-maxage or a targeted field", func(t *testing.T) {
		for f, want := range map[string]bool{fresh: false, "Cache-Control: public, max-age=60": true, "Cache-Control: s-maxage=60": true, "CDN-Cache-Control: max-age=60": true, "Cache-Control: must-revalidate, max-age=60": false} {
			reusedFor(want, []string{"Cookie: a=b"}, f)(t, newSite(t))
		}
	})
}

func TestKeys(t *testing.T) {
	same := func(want bool, opts []httpcache.Option, a, b string, fieldsB ...string) {
		t.Helper()
		s := newSite(t, opts...)
		s.answer(200, "body", fresh)
		s.do("GET " + a)
		if r := s.do("GET "+b, fieldsB...); r.hit() != want {
			t.Errorf("%s and %s %v: %v", a, b, fieldsB, r.cacheStatus())
		}
	}
	ignore := []httpcache.Option{httpcache.IgnoreQuery("utm_*", "fbclid")}
	same(true, ignore, "/a?x=1", "/a?utm_source=z&x=1&fbclid=9&utm%5Fcampaign=q")
	same(false, ignore, "/a?x=1", "/a?x=1&fbclid2=9")
	same(true, ignore, "/a", "/a?utm_a")
	same(false, nil, "/a?x=1&y=2", "/a?y=2&x=1")
	same(true, []httpcache.Option{httpcache.SortQuery()}, "/a?x=1&y=2&x=3", "/a?y=2&x=1&x=3")
	same(false, []httpcache.Option{httpcache.SortQuery()}, "/a?x=1&x=3", "/a?x=3&x=1")
	same(false, nil, "/a", "/A")
	same(false, nil, "/a%2Fb", "/a/b")
	same(true, nil, "http://HOST.example/a", "http://host.example/a")
	country := []httpcache.Option{httpcache.KeyFields("X-Country")}
	same(false, country, "/a", "/a", "X-Country: de")
	same(true, nil, "/a", "/a", "X-Country: de")
	for _, f := range []string{"X-Forwarded-Host: evil", "X-Forwarded-Proto: http", "X-Forwarded-Prefix: /p", "X-Original-URL: /admin", "X-Rewrite-URL: /admin", "X-HTTP-Method-Override: POST", "Forwarded: for=1.2.3.4;host=evil", `Forwarded: proto="http"`} {
		same(false, nil, "/a", "/a", f)
	}
	same(true, nil, "/a", "/a", "X-Forwarded-For: 1.2.3.4")
	big := "X-Big: " + strings.Repeat("x", 20_000)
	same(false, nil, "/a", "/a", big)
}

func TestVariantsAreBounded(t *testing.T) {
	s := newSite(t, httpcache.MaxVariants(3))
	s.serve(func(w http.ResponseWriter, r *http.Request) {
		addFields(w.Header(), []string{fresh, "Vary: X-A"})
		_, _ = w.Write([]byte(r.Header.Get("X-A")))
	})
	for _, v := range []string{"1", "2", "3", "4", "5"} {
		s.do("GET /a", "X-A: "+v)
	}
	for v, want := range map[string]bool{"1": true, "2": true, "3": true, "4": false} {
		if r := s.do("GET /a", "X-A: "+v); r.hit() != want || r.body != v {
			t.Error(v, r)
		}
	}
}

func TestNoGoodRoutes(t *testing.T) {
	t.Run("a route whose answers were never storable is passed through, until one is", func(t *testing.T) {
		s := newSite(t)
		s.answer(200, "body", "Cache-Control: no-store")
		for i := range 20 {
			s.do("GET /api/"+string(rune('0'+i%10))+string(rune('0'+i/10)), `If-None-Match: "x"`)
		}
		if s.last().Header.Get("If-None-Match") != `"x"` {
			t.Fatal("a marked request does not go through unchanged")
		}
		s.answer(200, "body", fresh)
		s.do("GET /api/77")
		s.do("GET /api/77")
		if r := s.do("GET /api/77"); !r.hit() {
			t.Fatal(r)
		}
	})
}
