package s3

import (
	"testing"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
	s3backend "github.com/stillwarm/stillwarm/backends/s3"
	"github.com/stillwarm/stillwarm/tests/servers"
)

func TestConformance(t *testing.T) {
	for _, product := range products {
		t.Run(product.name, func(t *testing.T) {
			server := product.start(t)
			server.Setenv(t)
			bucket := server.Bucket(t)
			count := newCounter()
			backendstest.Run(t, harness(server, bucket, count))
		})
	}
}

// harness gives each subtest a prefix of its own in one bucket.
func harness(server *servers.S3, bucket string, count *counter) backendstest.Harness {
	return harnessWith(server, bucket, count, func(*s3backend.Options) {})
}

func harnessWith(server *servers.S3, bucket string, count *counter, change func(*s3backend.Options)) backendstest.Harness {
	var prefix string
	n := 0
	open := func(t *testing.T) backends.PersistenceManager {
		o := s3backend.Options{
			Bucket: bucket, Prefix: prefix, Endpoint: server.URL, PathStyle: true, Transport: count, MaxEntry: 8 << 20,
		}
		change(&o)
		m, err := s3backend.New(o)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	return backendstest.Harness{
		Name: server.Product + " (" + server.Version + ") at " + server.URL,
		Open: func(t *testing.T) backends.PersistenceManager {
			n++
			prefix = "place" + string(rune('a'+n/26)) + string(rune('a'+n%26))
			return open(t)
		},
		Reopen:     open,
		MaxEntry:   8 << 20,
		Slow:       true,
		Requests:   count.n.Load,
		LoseAnswer: func(*testing.T) { count.lose.Store(true) },
		HoldBack: func(t *testing.T) func() {
			count.hold.Store(true)
			return func() { count.deliver(t) }
		},
	}
}
