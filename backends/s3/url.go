package s3

import (
	"context"
	"errors"
	"net/url"

	"github.com/stillwarm/stillwarm/backends"
)

func init() { backends.Register("s3", OpenURL) }

// OpenURL returns the manager that a URL describes, s3://bucket/prefix?parameters, without connecting. It does not change u.
func OpenURL(_ context.Context, u *url.URL) (backends.PersistenceManager, error) {
	o, err := ParseURL(u)
	if err != nil {
		return nil, err
	}
	m, err := New(o)
	if err != nil {
		return nil, err // not the *Manager: a nil one in an interface is not nil
	}
	return m, nil
}

// ParseURL returns the options that a URL describes; docs/s3.md lists the parameters.
func ParseURL(u *url.URL) (Options, error) {
	if u.User != nil {
		return Options{}, errors.New("s3: credentials do not belong into the URL; use AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	if u.Opaque != "" || u.Port() != "" || u.Fragment != "" {
		return Options{}, errors.New("s3: the URL must look like s3://bucket/prefix; another server is the parameter endpoint=https://host:port")
	}
	q := backends.NewQuery(u)
	o := Options{
		Bucket:           u.Host,
		Prefix:           u.Path,
		Region:           q.String("region", ""),
		Endpoint:         q.String("endpoint", ""),
		PathStyle:        q.Bool("path-style", false),
		BucketOwner:      q.String("bucket-owner", ""),
		NoChecksum:       !q.Bool("checksum", true),
		NoConditions:     !q.Bool("conditional-writes", true),
		StorageClass:     q.String("storage-class", ""),
		SSE:              q.String("sse", ""),
		KMSKey:           q.String("kms-key", ""),
		NoBucketKey:      !q.Bool("bucket-key", true),
		NoExpressSession: !q.Bool("express-session", true),
		MaxEntry:         q.Size("max-entry", 0),
		AttemptTimeout:   q.Duration("attempt-timeout", 0),
		Concurrency:      q.Int("concurrency", 0),
	}
	return o, q.Err()
}
