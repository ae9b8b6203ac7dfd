package s3

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

func TestURL(t *testing.T) {
	u, err := url.Parse("s3://my-bucket/some/prefix/?region=eu-west-1&endpoint=https://minio.example.com:9000&path-style" +
		"&storage-class=standard_ia&sse=aws:kms&kms-key=alias/cache&bucket-key=false&express-session=false" +
		"&bucket-owner=123456789012&checksum=false&conditional-writes=false&max-entry=8MiB&attempt-timeout=500ms&concurrency=7")
	if err != nil {
		t.Fatal(err)
	}
	before := u.String()
	got, err := ParseURL(u)
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(got)
	if err != nil {
		t.Fatal(err)
	}
	want := Options{
		Bucket: "my-bucket", Prefix: "some/prefix", Region: "eu-west-1", Endpoint: "https://minio.example.com:9000", PathStyle: true,
		StorageClass: "STANDARD_IA", SSE: "aws:kms", KMSKey: "alias/cache", NoBucketKey: true, NoExpressSession: true,
		BucketOwner: "123456789012", NoChecksum: true, NoConditions: true, MaxEntry: 8 << 20, AttemptTimeout: 500 * time.Millisecond, Concurrency: 7,
	}
	m.o.Clock = nil // functions do not compare
	if a, b := printed(m.o), printed(want); a != b {
		t.Errorf("options\n%s, want\n%s", a, b)
	}
	if u.String() != before {
		t.Error("the URL was changed")
	}
	if m.String() != "s3://my-bucket/some/prefix" {
		t.Errorf("place %s", m)
	}
}

func TestURLDefaults(t *testing.T) {
	pm, err := backends.Open(t.Context(), "s3://bucket")
	if err != nil {
		t.Fatal(err)
	}
	o := pm.(*Manager).o
	if o.MaxEntry != 64<<20 || o.AttemptTimeout != 2*time.Second || o.NoBucketKey || o.NoExpressSession || o.PathStyle {
		t.Errorf("defaults %s", printed(o))
	}
	if got := pm.(*Manager).layout.entries(); got != "e/" {
		t.Errorf("without a prefix entries are below %q", got)
	}
}

func TestRefusedURLs(t *testing.T) {
	for _, c := range []struct{ name, url, want string }{
		{"an unknown parameter", "s3://b/p?regoin=x", `unknown parameter "regoin"`},
		{"no bucket", "s3:///p", "no bucket"},
		{"credentials", "s3://AKIA:hunter2@b/p", "do not belong into the URL"},
		{"a port", "s3://b:9000/p", "endpoint="},
		{"a bool that is none", "s3://b/p?path-style=perhaps", "path-style"},
		{"an endpoint without a scheme", "s3://b/p?endpoint=localhost:9000", "endpoint must be a URL"},
		{"an endpoint with credentials", "s3://b/p?endpoint=http://a:hunter2@h", "must not carry credentials"},
		{"an archive", "s3://b/p?storage-class=GLACIER", "storage class"},
		{"an unknown encryption", "s3://b/p?sse=rot13", "aws:kms"},
		{"a key without its encryption", "s3://b/p?kms-key=k", "needs sse"},
		{"an owner that is no account id", "s3://b/p?bucket-owner=me", "12 digits"},
		{"a size of 6 GiB", "s3://b/p?max-entry=6GiB", "5 GiB"},
		{"a negative concurrency", "s3://b/p?concurrency=-1", "negative"},
		{"a prefix that proxies rewrite", "s3://b/a/../c", "not accepted"},
		{"a prefix that leaves no room", "s3://b/" + strings.Repeat("x", 701), "701"},
	} {
		t.Run(c.name, func(t *testing.T) {
			pm, err := backends.Open(t.Context(), c.url)
			if err == nil || pm != nil {
				t.Fatalf("opened %v", pm)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want it to say %q", err, c.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the message holds the password: %v", err)
			}
		})
	}
}

func printed(o Options) string {
	return strings.Join([]string{
		o.Bucket, o.Prefix, o.Region, o.Endpoint, o.StorageClass, o.SSE, o.KMSKey, o.AttemptTimeout.String(),
		flags(o.PathStyle, o.NoBucketKey, o.NoExpressSession), time.Duration(o.MaxEntry).String(), time.Duration(o.Concurrency).String(),
	}, " ")
}

func flags(bs ...bool) string {
	var s strings.Builder
	for _, b := range bs {
		if b {
			s.WriteByte('1')
		} else {
			s.WriteByte('0')
		}
	}
	return s.String()
}
