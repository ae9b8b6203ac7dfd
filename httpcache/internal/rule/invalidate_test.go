package rule_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stillwarm/stillwarm/httpcache/internal/rule"
)

func purgeSeeds(f *testing.F) {
	f.Helper()
	for _, s := range []string{
		"/", "/a?b=c", "/a?", "/a%2Fb", "/%zz", "//host/a", "https://host/a", "/a b", "/a#b", "/a\x00", "", "?", "../a", "/a/../b", "/%3F?x",
	} {
		f.Add(s)
	}
}

// What a purge names must be what a request for the same target carries: else it forgets nothing.
func FuzzPurgeResource(f *testing.F) {
	purgeSeeds(f)
	o := &rule.Options{}
	f.Fuzz(func(t *testing.T, target string) {
		resource, ok := o.PurgeResource(target)
		if !ok {
			return
		}
		u, err := url.Parse(target)
		if err != nil || u.Host != "" {
			t.Fatalf("%q is no path", target)
		}
		r := &rule.Request{Method: http.MethodGet, Scheme: "https", Host: "host", Path: u.EscapedPath(), Query: u.RawQuery}
		if !slices.Contains(o.Resources(r), resource) {
			t.Fatalf("a purge of %q forgets %q, and the answer is known as %q", target, resource, o.Resources(r))
		}
		if again, ok := o.PurgeResource(target); !ok || again != resource {
			t.Fatal(again)
		}
	})
}

// An unsafe request invalidates its own target, and of Location only what is of its origin.
func FuzzLocation(f *testing.F) {
	purgeSeeds(f)
	for _, s := range []string{"HTTPS://HOST:443/a", "http://host/a", "//host:443/b", "https://host.evil/a", "https://user@host/a", "/stage/a", "mailto:a", "https:a", "/base/stage/a"} {
		f.Add(s)
	}
	o := &rule.Options{}
	f.Fuzz(func(t *testing.T, reference string) {
		r := &rule.Request{Method: http.MethodPost, Scheme: "https", Host: "host", Path: "/stage/x", Query: "q", Stage: "stage", BasePath: "/base"}
		own := o.Resources(&rule.Request{Path: r.Path, Query: r.Query})[0]
		for _, name := range []string{"Location", "Content-Location"} {
			got, groups := o.Invalidated(r, http.StatusCreated, http.Header{name: {reference}})
			if len(groups) > 0 || len(got) == 0 || got[0] != own || len(got) > 4 {
				t.Fatalf("%q: %q %q", reference, got, groups)
			}
			for _, resource := range got {
				if !strings.HasPrefix(resource, "url /") {
					t.Fatalf("%q names %q", reference, resource)
				}
			}
			u, err := url.Parse(reference)
			elsewhere := err == nil && u.Host != "" && !strings.EqualFold(strings.TrimSuffix(u.Host, ":443"), "host")
			if (err != nil || elsewhere || u.Scheme != "" && !strings.EqualFold(u.Scheme, "https")) && len(got) != 1 {
				t.Fatalf("%q is of another origin: %q", reference, got)
			}
		}
		if got, _ := o.Invalidated(r, http.StatusNotFound, http.Header{"Location": {reference}}); got != nil {
			t.Fatal("an error invalidates", got)
		}
	})
}
