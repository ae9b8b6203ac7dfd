package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/stillwarm/stillwarm/backends"
)

func init() {
	backends.Register("redis", OpenURL)
	backends.Register("rediss", OpenURL)
}

// OpenURL returns the manager that a URL describes: redis:// in clear, rediss:// with TLS. It does not connect and does
// not change the URL. docs/redis.md lists the parameters.
func OpenURL(_ context.Context, u *url.URL) (backends.PersistenceManager, error) {
	o, err := ParseURL(u)
	if err != nil {
		return nil, err
	}
	return New(o)
}

// ParseURL returns the options that a URL describes. Its errors show no password.
func ParseURL(u *url.URL) (Options, error) {
	var o Options
	if u.Scheme != "redis" && u.Scheme != "rediss" {
		return o, fmt.Errorf("redis: scheme %q: redis and rediss are accepted", u.Scheme)
	}
	if u.Opaque != "" {
		return o, fmt.Errorf("redis: %s: two slashes must follow the scheme, for example redis://%s", backends.Place(u), DefaultAddr)
	}
	if u.Fragment != "" {
		return o, errors.New("redis: a URL has no fragment: percent-encode a \"#\" in the password as %23")
	}
	if u.Host != "" {
		o.Addrs = strings.Split(u.Host, ",")
	}
	o.Username = u.User.Username()
	o.Password, _ = u.User.Password()
	if path := strings.Trim(u.Path, "/"); path != "" {
		n, err := strconv.Atoi(path)
		if err != nil || n < 0 {
			// The path is not shown: with a slash too many it is the user, the password and the host.
			return o, errors.New("redis: the path of the URL must be the number of the database, for example /0; user and host stand behind two slashes")
		}
		o.DB = n
	}
	q := backends.NewQuery(u)
	o.Cluster = q.Bool("cluster", false)
	o.Sentinel = q.String("sentinel", "")
	o.SentinelUsername = q.String("sentinel-username", "")
	o.SentinelPassword = q.String("sentinel-password", "")
	o.Prefix = q.String("prefix", "")
	o.MaxEntry = q.Size("max-entry", 0)
	o.Pool = q.Int("pool", 0)
	o.DialTimeout = q.Duration("dial-timeout", 0)
	o.ReadTimeout = q.Duration("read-timeout", 0)
	o.WriteTimeout = q.Duration("write-timeout", 0)
	o.Idle = q.Duration("idle", 0)
	if err := errors.Join(tlsFrom(u, q, &o), iamFrom(q, &o)); err != nil {
		return o, err
	}
	return o, q.Err()
}

// tlsFrom reads what concerns TLS.
func tlsFrom(u *url.URL, q *backends.Query, o *Options) error {
	ca := q.String("tls-ca", "")
	insecure := q.Bool("tls-insecure", false)
	name := q.String("tls-server-name", "")
	if u.Scheme != "rediss" {
		if ca != "" || insecure || name != "" {
			return errors.New("redis: parameters tls-ca, tls-insecure and tls-server-name are for rediss://")
		}
		return nil
	}
	o.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: name, InsecureSkipVerify: insecure}
	if ca == "" {
		return nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return fmt.Errorf("redis: parameter tls-ca: %w", err)
	}
	o.TLS.RootCAs = x509.NewCertPool()
	if !o.TLS.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("redis: parameter tls-ca: %s holds no certificate in PEM form", ca)
	}
	return nil
}

// iamFrom reads what concerns tokens of AWS.
func iamFrom(q *backends.Query, o *Options) error {
	cache := q.String("iam", "")
	serverless := q.Bool("iam-serverless", false)
	region := q.String("region", "")
	if cache == "" {
		if serverless || region != "" {
			return errors.New("redis: parameters iam-serverless and region are for iam=<cache>")
		}
		return nil
	}
	switch {
	case o.TLS == nil:
		return errors.New("redis: parameter iam needs rediss://: ElastiCache accepts tokens over TLS only")
	case o.Username == "":
		return errors.New("redis: parameter iam needs a user: rediss://<user>@<host>?iam=<cache>")
	case o.Password != "":
		return errors.New("redis: parameter iam makes the password: take the one in the URL out")
	}
	iam := &IAM{User: o.Username, Cache: cache, Serverless: serverless, Region: region}
	o.Username, o.Credentials = "", iam.Credentials
	return nil
}
