package s3

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestSameService(t *testing.T) {
	for _, c := range []struct {
		from, to string
		same     bool
	}{
		{"https://b.s3.amazonaws.com/k", "https://b.s3.eu-central-1.amazonaws.com/k", true},
		{"https://b.s3.amazonaws.com/k", "https://b.s3-us-west-2.amazonaws.com/k", true},
		{"https://b.s3.amazonaws.com/k", "http://b.s3.eu-central-1.amazonaws.com/k", false},
		{"https://b.s3.amazonaws.com/k", "https://amazonaws.com.evil.example/k", false},
		{"https://b.s3.amazonaws.com/k", "https://evilamazonaws.com/k", false},
		{"https://b.s3.amazonaws.com/k", "https://169.254.169.254/k", false},
		{"https://b.s3.amazonaws.com/k", "https://b.s3.amazonaws.com:8443/k", false},
		{"https://minio.example.com/b", "https://minio.example.com/other", true},
		{"https://minio.example.com/b", "https://node2.minio.example.com/b", true},
		{"https://minio.example.com/b", "https://example.com/b", false},
		{"https://minio.example.com/b", "https://evilminio.example.com/b", false},
		{"http://127.0.0.1:9000/b", "http://127.0.0.1:9001/b", false},
	} {
		from, err := url.Parse(c.from)
		if err != nil {
			t.Fatal(err)
		}
		to, err := url.Parse(c.to)
		if err != nil {
			t.Fatal(err)
		}
		if got := sameService(from, to); got != c.same {
			t.Errorf("from %s to %s: %v, want %v", c.from, c.to, got, c.same)
		}
	}
}

func TestARedirectionToElsewhereIsNotFollowed(t *testing.T) {
	reached := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer elsewhere.Close()
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		refuse(http.StatusTemporaryRedirect, "TemporaryRedirect", "Location", elsewhere.URL+r.URL.Path)(w, r)
	})
	_, err := f.store(t, nil).Put(t.Context(), "k", []byte("v"), time.Time{}, "")
	if err == nil || reached || !strings.Contains(err.Error(), "TemporaryRedirect") {
		t.Fatalf("reached %v, error %v", reached, err)
	}
}

func TestRequestsNameTheBucketsOwner(t *testing.T) {
	f := newFake(t, refuse(http.StatusForbidden, "AccessDenied"))
	s := f.store(t, func(o *Options) { o.BucketOwner = "123456789012" })
	_, err := s.Put(t.Context(), "k", []byte("v"), time.Time{}, "")
	if err == nil || !strings.Contains(err.Error(), "another account than bucket-owner says") {
		t.Fatal(err)
	}
	_ = s.Invalidate(t.Context(), "k")
	_, _ = s.m.head(t.Context(), "k")
	_ = s.List(t.Context(), nil)
	_, _ = s.m.Prune(t.Context(), nil)
	_, _, _ = s.ReadRecords(t.Context(), []string{"r"})
	_, _ = s.Clear(t.Context())
	for _, r := range f.asked() {
		if r.Header.Get("X-Amz-Expected-Bucket-Owner") != "123456789012" {
			t.Errorf("%s %s does not name the owner", r.Method, r.URL)
		}
	}
	if len(f.asked()) < 6 {
		t.Errorf("%d requests", len(f.asked()))
	}
}
