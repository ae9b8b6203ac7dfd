package httpcache

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/httpcache/internal/rule"
	"github.com/stillwarm/stillwarm/internal/duration"
)

// An Option configures a [Cache]. The most important ones, in the order in which most handlers need them: [DefaultTTL],
// [PerCaller], [IgnoreQuery].
type Option interface{ apply(*config) }

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

// config is what the options add up to.
type config struct {
	rules       rule.Options
	maxVariants int
	perCaller   func(context.Context, *http.Request) string
	runtime     *adapter.Runtime
	name        string
	version     string
	persistSet  bool
	persistOn   bool
	persistName string
	nearTTL     time.Duration
	place       string
	problems    []error
}

func (c *config) problem(option, value, reason string) {
	c.problems = append(c.problems, &adapter.OptionError{Option: option, Value: value, Reason: reason, Place: c.place})
}

func defaults() *config {
	return &config{
		maxVariants: 32,
		nearTTL:     5 * time.Second,
		rules: rule.Options{
			Heuristic: 0.1, HeuristicMax: 24 * time.Hour, MaxBody: 4 << 20, TagFields: []string{"Cache-Tag", "Surrogate-Key"},
			Targeted: []rule.Targeted{{Name: "Stillwarm-Cache-Control", Remove: true}, {Name: "Cdn-Cache-Control"}},
		},
	}
}

// configure applies options. The error names each option that cannot be used.
func configure(opts []Option) (*config, error) {
	c := defaults()
	c.place = callSite()
	for _, o := range opts {
		if o == nil {
			c.problem("nil", "nil", "an option is missing; leave it out")
			continue
		}
		o.apply(c)
	}
	return c, errors.Join(c.problems...)
}

// A Duration is a time.Duration or a text such as "90s", "1h30m", "2 days" or "PT1H".
type Duration interface{ time.Duration | ~string }

// parse returns an option's duration; zero, with a problem noted, where it is none.
func (c *config) parse(option string, v any) time.Duration {
	d, isDuration := v.(time.Duration)
	text := fmt.Sprintf("%q", fmt.Sprint(v))
	if !isDuration {
		var err error
		if d, err = duration.Parse(fmt.Sprint(v)); err != nil {
			c.problem(option, text, err.Error())
			return 0
		}
	}
	if d <= 0 {
		c.problem(option, text, "must be longer than zero; leave the option out for none")
		return 0
	}
	return d
}

// DefaultTTL sets how long a 200 to a GET stays fresh if it states no freshness of its own. It never applies to
// requests with a Cookie, an Authorization or a principal. Off by default: without Cache-Control nothing is reused.
func DefaultTTL[T Duration](ttl T) Option {
	return optionFunc(func(c *config) { c.rules.DefaultTTL = c.parse("DefaultTTL", any(ttl)) })
}

// PerCaller names the principal of a request: a user, an account. Answers that are private, or that must not be shared
// because of Authorization or a Cookie, may then be stored for that principal alone; public ones are shared by
// everybody. An empty principal stands for nobody. The function is called once per request and must be safe for
// concurrent use. Take the principal from verified data, not from what the client claims.
func PerCaller(principal func(context.Context, *http.Request) string) Option {
	return optionFunc(func(c *config) {
		if principal == nil {
			c.problem("PerCaller", "nil", "needs a function")
		}
		c.perCaller = principal
	})
}

// IgnoreQuery leaves query parameters out of the key, such as "utm_*" or "fbclid": a final "*" stands for anything. The
// handler still sees them, so it must not answer by them.
func IgnoreQuery(names ...string) Option {
	return optionFunc(func(c *config) { c.rules.IgnoreQuery = append(c.rules.IgnoreQuery, names...) })
}

// SortQuery ignores the order of query parameters of different names. Values of one name keep their order.
func SortQuery() Option { return optionFunc(func(c *config) { c.rules.SortQuery = true }) }

// KeyFields names request fields that are part of every key, whatever Vary says, such as a country that a CDN adds.
func KeyFields(names ...string) Option {
	return optionFunc(func(c *config) {
		for _, n := range c.fieldNames("KeyFields", names) {
			c.rules.KeyFields = append(c.rules.KeyFields, strings.ToLower(n))
		}
		slices.Sort(c.rules.KeyFields)
		c.rules.KeyFields = slices.Compact(c.rules.KeyFields)
	})
}

// StaleFor is the stale-while-revalidate window of answers that name none and do not forbid it: in it the old answer is
// served at once, and one refresh runs after the response.
func StaleFor[T Duration](window T) Option {
	return optionFunc(func(c *config) { c.rules.StaleFor = c.parse("StaleFor", any(window)) })
}

// StaleIfError is the stale-if-error window of answers that name none and do not forbid it: in it the old answer is served
// where the handler fails or answers 500, 502, 503 or 504.
func StaleIfError[T Duration](window T) Option {
	return optionFunc(func(c *config) { c.rules.StaleIfError = c.parse("StaleIfError", any(window)) })
}

// TagFields names the response fields that [Cache.InvalidateTags] knows answers by, in place of Cache-Tag (separated by
// commas) and Surrogate-Key (by spaces); others are separated by commas. Cache-Groups is always read.
func TagFields(names ...string) Option {
	return optionFunc(func(c *config) { c.rules.TagFields = c.fieldNames("TagFields", names) })
}

// Targeted names the targeted cache control fields (RFC 9213) that this cache obeys, the most important first, in place of
// Stillwarm-Cache-Control, which is not sent on, and CDN-Cache-Control. The first valid one of an answer replaces its
// Cache-Control and Expires here.
func Targeted(names ...string) Option {
	return optionFunc(func(c *config) {
		c.rules.Targeted = nil
		for _, n := range c.fieldNames("Targeted", names) {
			c.rules.Targeted = append(c.rules.Targeted, rule.Targeted{Name: n, Remove: n == "Stillwarm-Cache-Control"})
		}
	})
}

func (c *config) fieldNames(option string, names []string) []string {
	var all []string
	for _, n := range names {
		if n == "" || strings.ContainsAny(n, " \t\r\n:,;\"") {
			c.problem(option, fmt.Sprintf("%q", n), "must be the name of a field")
			continue
		}
		all = append(all, textproto.CanonicalMIMEHeaderKey(n))
	}
	return all
}

// MaxBody bounds the bodies that are stored, in bytes or as a text such as "4MiB", the default. A longer body streams to
// its own caller only.
func MaxBody[T int | int64 | ~string](size T) Option {
	return optionFunc(func(c *config) {
		n, err := duration.ParseSize(fmt.Sprint(size))
		switch {
		case err != nil:
			c.problem("MaxBody", fmt.Sprintf("%q", fmt.Sprint(size)), err.Error())
		case n <= 0 || n > math.MaxInt32:
			c.problem("MaxBody", fmt.Sprint(size), "must be at least 1 byte and at most 2 GiB")
		default:
			c.rules.MaxBody = n
		}
	})
}

// MaxVariants bounds how many variants are stored for one URL: answers for different values of the fields in Vary. The
// default is 32. Beyond it answers are served and not stored.
func MaxVariants(n int) Option {
	return optionFunc(func(c *config) {
		if n <= 0 {
			c.problem("MaxVariants", fmt.Sprint(n), "must be at least 1")
			return
		}
		c.maxVariants = n
	})
}

// Heuristic sets the lifetime of answers that have a Last-Modified and no freshness of their own: a share of the time since
// then, and at most the given time. The default is 0.1 and 24 hours.
func Heuristic(share float64, most time.Duration) Option {
	return optionFunc(func(c *config) {
		if math.IsNaN(share) || share <= 0 || share > 1 || most <= 0 {
			c.problem("Heuristic", fmt.Sprintf("%v, %v", share, most), "needs a share above 0 and at most 1, and a time above 0")
			return
		}
		c.rules.Heuristic, c.rules.HeuristicMax = share, most
	})
}

// NoHeuristic reuses no answer without explicit freshness.
func NoHeuristic() Option { return optionFunc(func(c *config) { c.rules.Heuristic = 0 }) }

// ShareCookies stores Set-Cookie with an answer that is storable otherwise, so that everybody who is served it gets the
// cookie. Without it an answer with Set-Cookie is not stored.
func ShareCookies() Option { return optionFunc(func(c *config) { c.rules.ShareCookies = true }) }

// Obedience says what the cache does with a client's own wishes.
type Obedience bool

// What [ClientDirectives] takes.
const (
	// Ignore serves a fresh answer whatever no-cache, max-age, min-fresh and Pragma of the request say: the reload key must
	// not be a way to make each request cost a run.
	Ignore Obedience = false
	// Honour obeys them.
	Honour Obedience = true
)

// ClientDirectives sets whether no-cache, max-age, min-fresh and Pragma of a request are obeyed; the default is
// [Ignore]. The directives only-if-cached, max-stale and no-store always are.
func ClientDirectives(o Obedience) Option {
	return optionFunc(func(c *config) { c.rules.HonourClient = bool(o) })
}

// WithRuntime uses a Runtime other than the default one. Tests give it the Runtime of an adaptertest context: a request's context
// does not choose one, as it does for cached functions.
func WithRuntime(rt *adapter.Runtime) Option {
	return optionFunc(func(c *config) {
		if rt == nil {
			c.problem("WithRuntime", "nil", "needs a Runtime")
		}
		c.runtime = rt
	})
}

// Persist says whether answers outlive the container: true in the configured backend, which is the default where one is
// configured, false in memory only, or a backend's name where several are configured.
func Persist[T ~bool | ~string](p T) Option {
	return optionFunc(func(c *config) {
		c.persistSet = true
		switch text := fmt.Sprint(p); text {
		case "true", "false":
			c.persistOn = text == "true"
		case "":
			c.problem("Persist", `""`, `must be true, false or the name of a backend, such as "redis" or "s3"`)
		default:
			c.persistOn, c.persistName = true, text
		}
	})
}

// Version is your promise that all code with this version gives the same answers, which then survive deploys. Without
// it answers belong to one build.
func Version(v string) Option {
	return optionFunc(func(c *config) {
		if v == "" {
			c.problem("Version", `""`, "must not be empty; leave the option out to let each build start cold")
		}
		c.version = v
	})
}

// NearTTL is how long this container trusts its memory before it asks the backend what was invalidated elsewhere; 5 s
// without it. Every container sees an invalidation within it.
func NearTTL[T Duration](d T) Option {
	return optionFunc(func(c *config) {
		if d := c.parse("NearTTL", any(d)); d > 0 {
			c.nearTTL = d
		}
	})
}

// Name names the cache, in the backend and in Cache-Status. Two caches of one program need different names. The default
// is the place in the code where the cache is made.
func Name(name string) Option {
	return optionFunc(func(c *config) {
		if name == "" {
			c.problem("Name", `""`, "must not be empty")
		}
		c.name = name
	})
}
