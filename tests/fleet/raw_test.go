package fleet_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	goredis "github.com/redis/go-redis/v9"

	"github.com/stillwarm/stillwarm/tests/servers"
)

// raw reaches entries behind the library's back, by their key in the backend.
type raw interface {
	// load reads all entries there are: what the library wrote, by the key it wrote it under.
	load(t *testing.T) map[string]item
	// put writes an entry in the place of another; what is around it stays, or is hostile too.
	put(ctx context.Context, at item, entry []byte, r *rand.Rand) error
}

// item is an entry and what the backend keeps with it.
type item struct {
	name  string // of the key or object
	entry []byte
	after []byte            // what follows it in Redis
	meta  map[string]string // what S3 keeps with it
}

// redisTrailer is how much the Redis backend adds to an entry: a version, the length of a key, a kind.
const redisTrailer = 29

type rawRedis struct{ client *goredis.Client }

func newRawRedis(t *testing.T, s *servers.RedisServer) rawRedis {
	c := goredis.NewClient(&goredis.Options{Addr: s.Addr, DisableIdentity: true})
	t.Cleanup(func() { _ = c.Close() })
	return rawRedis{c}
}

func (w rawRedis) load(t *testing.T) map[string]item {
	t.Helper()
	names, err := w.client.Keys(t.Context(), "*:e:*").Result()
	if err != nil {
		t.Fatal(err)
	}
	items := map[string]item{}
	for _, name := range names {
		b, err := w.client.Get(t.Context(), name).Bytes()
		if err != nil || len(b) < redisTrailer {
			t.Fatalf("%s: %d bytes, %v", name, len(b), err)
		}
		_, key, _ := strings.Cut(name, "{")
		cut := len(b) - redisTrailer
		items[strings.TrimSuffix(key, "}")] = item{name: name, entry: b[:cut:cut], after: b[cut:]}
	}
	return items
}

func (w rawRedis) put(ctx context.Context, at item, entry []byte, r *rand.Rand) error {
	b := append(bytes.Clone(entry), at.after...)
	switch r.IntN(20) {
	case 0: // no trailer
		b = b[:len(entry)]
	case 1: // a trailer that lies
		_ = flip(r, b[len(entry):], 3)
	case 2: // no string at all
		p := w.client.Pipeline()
		p.Del(ctx, at.name)
		p.LPush(ctx, at.name, b)
		_, err := p.Exec(ctx)
		return err
	}
	return w.client.Set(ctx, at.name, b, 0).Err()
}

type rawS3 struct {
	client *awss3.Client
	bucket string
}

func newRawS3(s *servers.S3, bucket string) rawS3 {
	return rawS3{bucket: bucket, client: awss3.New(awss3.Options{
		Region: s.Region, BaseEndpoint: &s.URL, UsePathStyle: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: s.AccessKey, SecretAccessKey: s.SecretKey}, nil
		}),
	})}
}

func (w rawS3) load(t *testing.T) map[string]item {
	t.Helper()
	items := map[string]item{}
	pages := awss3.NewListObjectsV2Paginator(w.client, &awss3.ListObjectsV2Input{Bucket: &w.bucket, Prefix: aws.String("fleet/e/")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			out, err := w.client.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: &w.bucket, Key: o.Key})
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(out.Body)
			_ = out.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			key, err := base64.RawURLEncoding.DecodeString(out.Metadata["sw-key"])
			if err != nil {
				t.Fatal(err)
			}
			items[string(key)] = item{name: *o.Key, entry: body, meta: out.Metadata}
		}
	}
	return items
}

func (w rawS3) put(ctx context.Context, at item, entry []byte, r *rand.Rand) error {
	meta := maps.Clone(at.meta)
	switch r.IntN(20) {
	case 0:
		meta["sw-expires"] = []string{"", "x", "-1", "99999999999999999999", "9223372036854775807", "1"}[r.IntN(6)]
	case 1:
		meta["sw-tail"] = []string{"-1", "0", "7", "9223372036854775807", "x"}[r.IntN(5)]
	case 2:
		meta = nil
	}
	_, err := w.client.PutObject(ctx, &awss3.PutObjectInput{
		Bucket: &w.bucket, Key: &at.name, Body: bytes.NewReader(entry), Metadata: meta,
	})
	return err
}
