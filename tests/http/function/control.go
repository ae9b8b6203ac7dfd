package main

import (
	"context"
	"encoding/json"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/backends"
)

// control answers a test beside the invocations, of which there is one at a time: what a cache counts.
func control(socket string, s *sites) {
	l, err := net.Listen("unix", socket)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var stats adapter.Stats
		if c := s.find(r.URL.Query().Get("site")); c != nil {
			stats = c.Stats()
		}
		_ = json.NewEncoder(w).Encode(stats)
	})))
}

// memoryMax bounds the memory of a cache with a Runtime of its own.
const memoryMax = 8 << 20

func ownRuntime(patience string, lose bool) *adapter.Runtime {
	limit, err := time.ParseDuration(patience)
	if err != nil {
		panic(err)
	}
	c := adapter.Config{Mode: adapter.Deployed, BackendTimeout: limit, MemoryMax: memoryMax}
	if lose {
		m, err := backends.Open(context.Background(), os.Getenv("STILLWARM_BACKEND"))
		if err != nil {
			panic(err)
		}
		c.Manager = forgetful{m}
	}
	rt, err := adapter.New(c)
	if err != nil {
		panic(err)
	}
	return rt
}

// forgetful is a backend that loses the records of invalidated URLs as soon as they are written, as an eviction does.
type forgetful struct{ backends.PersistenceManager }

func (f forgetful) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	s, err := f.PersistenceManager.Store(ctx, fn)
	if err != nil {
		return nil, err
	}
	return forgetfulStore{s, s.(backends.Records)}, nil
}

type forgetfulStore struct {
	backends.Store
	backends.Records
}

func (s forgetfulStore) WriteRecords(ctx context.Context, names []string, values [][]byte, expires time.Time) error {
	if len(names) > 0 && strings.HasPrefix(names[0], "url/") {
		return nil
	}
	return s.Records.WriteRecords(ctx, names, values, expires)
}
