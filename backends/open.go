package backends

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/stillwarm/stillwarm/backends/"

// homes says which import brings a scheme, so that the error for a scheme that is not linked can give the line to add.
var homes = map[string]string{
	"memory": module + "memory",
	"disk":   module + "disk",
	"redis":  module + "redis",
	"rediss": module + "redis",
	"s3":     module + "s3",
}

// Open returns the backend that rawURL describes, for example "redis://localhost:6379" or "disk:///tmp/stillwarm".
// Several URLs separated by spaces become tiers, fastest first; that needs the package backends/tiered to be linked.
//
// Open does not connect. Its errors name the scheme, the parameter and what is accepted, and never show a password.
// The caller owns the manager and closes it.
func Open(ctx context.Context, rawURL string) (PersistenceManager, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	fields := strings.Fields(rawURL)
	if len(fields) == 0 {
		return nil, fmt.Errorf("backends: the backend URL is empty; linked schemes: %s", linked())
	}
	urls := make([]*url.URL, len(fields))
	for i, raw := range fields {
		u, err := parse(raw, strings.Contains(rawURL, "@"))
		if err != nil {
			return nil, err
		}
		urls[i] = u
	}
	if len(urls) == 1 {
		return OpenURL(ctx, urls[0])
	}
	tiers := tiersOpener()
	if tiers == nil {
		return nil, fmt.Errorf("backends: %d URLs ask for tiers, which are not linked; add: import _ %q",
			len(urls), module+"tiered")
	}
	return tiers(ctx, urls)
}

// OpenURL is Open for one parsed URL. It does not change u.
func OpenURL(ctx context.Context, u *url.URL) (PersistenceManager, error) {
	open := opener(u.Scheme)
	if open == nil {
		return nil, unknownScheme(u.Scheme)
	}
	own := *u // a copy: an opener that breaks its promise must not change the caller's URL
	pm, err := open(ctx, &own)
	if err != nil {
		return nil, fmt.Errorf("backends: open %s: %w", Place(u), err)
	}
	return pm, nil
}

func unknownScheme(scheme string) error {
	if scheme == "" {
		return fmt.Errorf("backends: the backend URL has no scheme; linked schemes: %s", linked())
	}
	home, known := homes[strings.ToLower(scheme)]
	if meant := nearest(scheme, slices.Sorted(maps.Keys(homes))); !known && meant != "" {
		return fmt.Errorf("backends: unknown scheme %q; did you mean %s? (linked schemes: %s)", scheme, meant, linked())
	}
	if !known {
		return fmt.Errorf("backends: unknown scheme %q; linked schemes: %s", scheme, linked())
	}
	return fmt.Errorf("backends: scheme %q is not linked; add: import _ %q (linked schemes: %s)", scheme, home, linked())
}

func linked() string {
	names := Schemes()
	if len(names) == 0 {
		return "none; import " + module + "all or one backend's package"
	}
	return strings.Join(names, ", ")
}

// parse hides what net/url says about a URL that may hold a password: its messages quote pieces of the input, and where a
// password holds an unescaped "/", "%" or space, or the host was forgotten, such a piece is part of the password.
func parse(raw string, secret bool) (*url.URL, error) {
	_, rest, _ := strings.Cut(raw, "://")
	secret = secret || rest == "" || strings.ContainsAny(rest, "@:")
	u, err := url.Parse(raw)
	if err == nil && badPort(u.Port()) {
		err, secret = errors.New("invalid port"), true
	}
	if err == nil {
		return u, nil
	}
	if secret {
		return nil, errors.New("backends: cannot parse the backend URL (it is not shown because it may hold a password); " +
			"write scheme://user:password@host:port, and percent-encode special characters in user and password")
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	return nil, fmt.Errorf("backends: cannot parse the backend URL %q: %w", raw, err)
}

// badPort reports whether a port is none: a password of digits, where the host was forgotten, may look like one.
func badPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port != "" && (err != nil || n == 0)
}

// Place returns the URL without user, password, parameters and fragment: what error messages and [Error.Backend] say
// about where a backend is. Of a URL whose slashes were forgotten or misplaced it returns the scheme alone: what follows
// may be a password.
func Place(u *url.URL) string {
	switch {
	case u.Opaque != "" && plainName(u.Opaque):
		return u.Scheme + ":" + u.Opaque
	case u.Opaque != "", strings.ContainsRune(u.Host+u.Path, '@'), u.Host == "" && u.Path == "":
		return u.Scheme + ":"
	case u.Host == "":
		return u.Scheme + "://" + u.Path
	}
	bare := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return bare.String()
}

// plainName reports whether the text is a name, such as that of a memory backend: with neither user nor host in it.
func plainName(s string) bool { return !strings.ContainsAny(s, ":@/") }
