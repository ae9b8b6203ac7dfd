package tiered

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/stillwarm/stillwarm/backends"
)

// Parameters with this prefix are ours; the backend gets the URL without them.
const prefix = "tier-"

func init() { backends.RegisterTiers(OpenURLs) }

// OpenURLs opens the backends of the URLs, fastest first, as tiers. It is what [backends.Open] does with several URLs.
// Each URL may say how its tier is used: tier-max-entry (a size), tier-hold and tier-timeout (durations) and tier-lease
// (true). It does not change the URLs.
func OpenURLs(ctx context.Context, urls []*url.URL) (backends.PersistenceManager, error) {
	var o Options
	for _, u := range urls {
		t, err := openTier(ctx, u)
		if err != nil {
			return nil, errors.Join(err, closeAll(o.Tiers))
		}
		o.Tiers = append(o.Tiers, t)
	}
	pm, err := NewTiers(o)
	if err != nil {
		return nil, errors.Join(err, closeAll(o.Tiers))
	}
	return pm, nil
}

func openTier(ctx context.Context, u *url.URL) (Tier, error) {
	ours, theirs := split(u)
	q := backends.NewQuery(ours)
	t := Tier{
		Name:     backends.Place(u),
		MaxEntry: q.Size(prefix+"max-entry", 0),
		Hold:     q.Duration(prefix+"hold", 0),
		Timeout:  q.Duration(prefix+"timeout", 0),
		Lease:    q.Bool(prefix+"lease", false),
	}
	if err := q.Err(); err != nil {
		return Tier{}, fmt.Errorf("tiered: %s: %w", t.Name, err)
	}
	var err error
	t.Manager, err = backends.OpenURL(ctx, theirs)
	return t, err
}

// split returns copies of u with our parameters and with the backend's.
func split(u *url.URL) (ours, theirs *url.URL) {
	var a, b []string
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		name, _, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); err == nil && strings.HasPrefix(plain, prefix) {
			a = append(a, part)
		} else {
			b = append(b, part)
		}
	}
	o, t := *u, *u
	o.RawQuery, t.RawQuery = strings.Join(a, "&"), strings.Join(b, "&")
	return &o, &t
}

func closeAll(tiers []Tier) error {
	var errs []error
	for _, t := range tiers {
		if err := t.Manager.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", t.Name, err))
		}
	}
	return errors.Join(errs...)
}
