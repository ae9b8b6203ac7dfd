package backends

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/internal/duration"
)

// Query reads the parameters of a backend URL with their types. It remembers what it was asked for, so that Err can
// name parameters that nobody knows: a typing mistake must not silently leave a default in place. It never changes the
// URL. It is for one goroutine, in one opener.
//
//	q := backends.NewQuery(u)
//	opts := Options{Max: q.Size("max", 512<<20), Sync: q.Bool("fsync", true)}
//	if err := q.Err(); err != nil {
//		return nil, err
//	}
type Query struct {
	values url.Values
	asked  []string
	errs   []error
}

// NewQuery returns the parameters of u. A query that cannot be decoded is reported by Err.
func NewQuery(u *url.URL) *Query {
	q := &Query{}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		// The decoder's message quotes its input, which may be a secret.
		q.errs = append(q.errs, errors.New("the parameters cannot be decoded; "+
			"percent-encode special characters and separate parameters with &"))
	}
	q.values = values
	return q
}

// Has reports whether the parameter is given, be it empty, and makes it a known one.
func (q *Query) Has(name string) bool {
	if !slices.Contains(q.asked, name) {
		q.asked = append(q.asked, name)
	}
	_, ok := q.values[name]
	return ok
}

// String returns the parameter, or fallback where it is not given.
func (q *Query) String(name, fallback string) string {
	v, ok := q.one(name)
	if !ok {
		return fallback
	}
	return v
}

// Bool returns the parameter; "true", "false", "1", "0" and a bare name (true) are accepted.
func (q *Query) Bool(name string, fallback bool) bool {
	v, ok := q.one(name)
	if !ok {
		return fallback
	}
	switch strings.ToLower(v) {
	case "", "1", "true":
		return true
	case "0", "false":
		return false
	}
	q.bad(name, v, "true or false")
	return fallback
}

// Int returns the parameter, which must be a whole number in decimal.
func (q *Query) Int(name string, fallback int) int {
	v, ok := q.one(name)
	if !ok {
		return fallback
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		q.bad(name, v, "a whole number, for example 10")
		return fallback
	}
	return n
}

// Duration returns the parameter, which must not be negative.
func (q *Query) Duration(name string, fallback time.Duration) time.Duration {
	v, ok := q.one(name)
	if !ok {
		return fallback
	}
	d, err := duration.Parse(v)
	if err != nil || d < 0 {
		q.bad(name, v, `a duration, for example "250ms", "5s", "2h" or "1 day"`)
		return fallback
	}
	return d
}

// Size returns the parameter in bytes; KB, MB, GB count in thousands, KiB, MiB, GiB in 1024, a bare number is bytes.
func (q *Query) Size(name string, fallback int64) int64 {
	v, ok := q.one(name)
	if !ok {
		return fallback
	}
	n, err := duration.ParseSize(v)
	if err != nil {
		q.bad(name, v, `a size, for example "64KiB", "256MiB", "1.5GB" or a number of bytes`)
		return fallback
	}
	return n
}

// Reject reports a value that has the right type but that the backend cannot use; accepted says what it could.
func (q *Query) Reject(name, accepted string) {
	v, _ := q.one(name)
	q.bad(name, v, accepted)
}

// Err returns what was wrong, all of it: values that do not parse, parameters given twice, and parameters that were not
// asked for, with the list of those that were. Call it after the last getter. It shows no value of an unknown parameter.
func (q *Query) Err() error {
	errs := slices.Clone(q.errs)
	known := slices.Sorted(slices.Values(q.asked))
	var unknown []string
	for name := range q.values {
		if !slices.Contains(known, name) {
			meant := nearest(name, known)
			if meant != "" {
				meant = " (did you mean " + meant + "?)"
			}
			unknown = append(unknown, strconv.Quote(name)+meant)
		}
	}
	slices.Sort(unknown)
	if len(unknown) > 0 {
		list := strings.Join(known, ", ")
		if list == "" {
			list = "none"
		}
		errs = append(errs, fmt.Errorf("unknown parameter %s; known: %s", strings.Join(unknown, ", "), list))
	}
	return errors.Join(errs...)
}

func (q *Query) one(name string) (string, bool) {
	if !q.Has(name) {
		return "", false
	}
	vs := q.values[name]
	if len(vs) > 1 {
		q.fail(fmt.Errorf("parameter %q is given %d times; give it once", name, len(vs)))
	}
	return vs[0], true
}

func (q *Query) bad(name, value, accepted string) {
	q.fail(fmt.Errorf("parameter %q: %q is not accepted; it must be %s", name, value, accepted))
}

// fail records an error once: a getter may be called twice for one parameter.
func (q *Query) fail(err error) {
	for _, e := range q.errs {
		if e.Error() == err.Error() {
			return
		}
	}
	q.errs = append(q.errs, err)
}
