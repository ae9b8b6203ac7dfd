package redis

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"os"
	"strings"
	"time"
)

// tokenLife is how long ElastiCache accepts a token for a new connection, in seconds: the longest that it allows.
const tokenLife = "900"

// emptyHash is the SHA-256 of nothing: the request that a token stands for has no body.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// IAM makes short-lived passwords for ElastiCache from the AWS credentials in the environment, which is where Lambda
// puts them. A token is a presigned request; making one sends no request and takes microseconds, so each connection
// gets its own. Its method Credentials is for [Options.Credentials]; it is safe for concurrent use as long as the
// fields do not change.
type IAM struct {
	// User is the id of the ElastiCache user, which must be its name too.
	User string
	// Cache is the name of the serverless cache or the id of the replication group, not its endpoint.
	Cache string
	// Serverless says that Cache is a serverless one.
	Serverless bool
	// Region is the cache's region; empty means AWS_REGION or AWS_DEFAULT_REGION.
	Region string
	// Clock is the clock; nil means time.Now.
	Clock func() time.Time
}

// Credentials returns the user and a token that a connection may be opened with during the next 15 minutes. It returns
// an error that names the variable where the environment lacks one.
func (i *IAM) Credentials(context.Context) (username, password string, err error) {
	region := i.Region
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if region == "" {
			region = os.Getenv(name)
		}
	}
	id, secret := os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY")
	switch {
	case i.User == "" || i.Cache == "":
		return "", "", errors.New("redis: IAM needs a user and the name of the cache")
	case region == "":
		return "", "", errors.New("redis: IAM needs a region: set the region parameter or AWS_REGION")
	case id == "" || secret == "":
		return "", "", errors.New("redis: IAM needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	now := time.Now
	if i.Clock != nil {
		now = i.Clock
	}
	return i.User, i.token(now().UTC(), region, id, secret, os.Getenv("AWS_SESSION_TOKEN")), nil
}

// token presigns GET http://<cache>/?Action=connect&User=<user> with Signature Version 4 and returns it without the
// scheme, which is what ElastiCache takes for a password.
func (i *IAM) token(now time.Time, region, id, secret, session string) string {
	day, instant := now.Format("20060102"), now.Format("20060102T150405Z")
	scope := strings.Join([]string{day, region, "elasticache", "aws4_request"}, "/")
	// ElastiCache knows its caches in lower case.
	host := strings.ToLower(i.Cache)
	q := url.Values{
		"Action":              {"connect"},
		"User":                {i.User},
		"X-Amz-Algorithm":     {"AWS4-HMAC-SHA256"},
		"X-Amz-Credential":    {id + "/" + scope},
		"X-Amz-Date":          {instant},
		"X-Amz-Expires":       {tokenLife},
		"X-Amz-SignedHeaders": {"host"},
	}
	if i.Serverless {
		q.Set("ResourceType", "ServerlessCache")
	}
	if session != "" {
		q.Set("X-Amz-Security-Token", session)
	}
	// The standard library sorts, as the canonical form wants, but writes a space as "+", which it does not.
	query := strings.ReplaceAll(q.Encode(), "+", "%20")
	request := strings.Join([]string{"GET", "/", query, "host:" + host, "", "host", emptyHash}, "\n")
	sum := sha256.Sum256([]byte(request))
	text := strings.Join([]string{"AWS4-HMAC-SHA256", instant, scope, hex.EncodeToString(sum[:])}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{day, region, "elasticache", "aws4_request"} {
		key = sign(key, part)
	}
	return host + "/?" + query + "&X-Amz-Signature=" + hex.EncodeToString(sign(key, text))
}

// sign returns the HMAC-SHA256 of text.
func sign(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
