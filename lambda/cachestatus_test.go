package lambda

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

// The grammar of RFC 8941 for what RFC 9211 allows here: a list of one token with parameters whose values are left out
// (true), integers or tokens.
const (
	tokenPattern   = `[A-Za-z*][A-Za-z0-9!#$%&'*+.^_|~:/` + "`" + `-]*`
	keyPattern     = `[a-z*][a-z0-9_.*-]*`
	integerPattern = `-?[0-9]{1,15}`
)

var itemPattern = regexp.MustCompile(`^` + tokenPattern + `(; *` + keyPattern + `(=(` + integerPattern + `|` + tokenPattern + `))?)*$`)

// parseStatus checks a field's value against the grammar and the rules of RFC 9211, and returns its parameters.
func parseStatus(t *testing.T, value string) map[string]string {
	t.Helper()
	if !itemPattern.MatchString(value) {
		t.Fatalf("%q is no item of a structured field", value)
	}
	parts := strings.Split(value, ";")
	if parts[0] != dataCache {
		t.Errorf("%q does not name the cache", value)
	}
	got := map[string]string{}
	for _, part := range parts[1:] {
		key, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		got[key] = v
	}
	_, hit := got["hit"]
	fwd, forwarded := got["fwd"]
	if hit == forwarded {
		t.Errorf("%q must have either hit or fwd", value)
	}
	if forwarded && fwd != "miss" && fwd != "bypass" {
		t.Errorf("%q forwards for a reason that is not registered", value)
	}
	return got
}

func TestCacheStatusTellsWhereAnAnswerCameFrom(t *testing.T) {
	hit := func(tier string, ttl time.Duration) adapter.Event {
		return adapter.Event{Kind: adapter.EventHit, Tier: tier, TTL: ttl, Expires: true}
	}
	miss := adapter.Event{Kind: adapter.EventMiss}
	for name, tt := range map[string]struct {
		events []adapter.Event
		want   string
	}{
		"no cache was asked":                   {nil, "stillwarm-data; fwd=bypass"},
		"a hit in memory":                      {[]adapter.Event{hit(adapter.TierMemory, 599*time.Second)}, "stillwarm-data; hit; ttl=599; detail=memory"},
		"a hit in the backend":                 {[]adapter.Event{hit(adapter.TierBackend, 1900*time.Millisecond)}, "stillwarm-data; hit; ttl=1; detail=backend"},
		"an entry without end":                 {[]adapter.Event{{Kind: adapter.EventHit, Tier: "memory"}}, "stillwarm-data; hit; detail=memory"},
		"a stale entry has a negative ttl":     {[]adapter.Event{{Kind: adapter.EventStale, TTL: -1500 * time.Millisecond, Expires: true, Tier: "memory"}}, "stillwarm-data; hit; ttl=-2; detail=stale"},
		"a miss":                               {[]adapter.Event{miss, {Kind: adapter.EventRun}}, "stillwarm-data; fwd=miss"},
		"a miss whose run hits another cache":  {[]adapter.Event{miss, hit("memory", 0), {Kind: adapter.EventRun}}, "stillwarm-data; fwd=miss"},
		"a miss that waited for another run":   {[]adapter.Event{miss, {Kind: adapter.EventWait}}, "stillwarm-data; fwd=miss; collapsed"},
		"a hit is not changed by what follows": {[]adapter.Event{hit("memory", time.Minute), {Kind: adapter.EventWait}, miss}, "stillwarm-data; hit; ttl=60; detail=memory"},
	} {
		t.Run(name, func(t *testing.T) {
			w := &statusWatch{}
			for _, e := range tt.events {
				w.see(e)
			}
			got := w.String()
			parseStatus(t, got)
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
