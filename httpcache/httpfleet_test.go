package httpcache_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/httpcache"
	"github.com/stillwarm/stillwarm/internal/httpfleet"
	"github.com/stillwarm/stillwarm/internal/httpreq"
)

// What holds beyond the standard, through the middleware: two containers, and two clients of one.
func TestPromises(t *testing.T) {
	for name, containers := range map[string]int{"one container": 1, "two containers": 2} {
		t.Run(name, func(t *testing.T) {
			for _, p := range httpfleet.All() {
				t.Run(p.Name, func(t *testing.T) { p.Check(t, newBlock(t, p.Config, containers)) })
			}
		})
	}
}

// fleetMemory bounds what the caches of a container keep in memory.
const fleetMemory = 8 << 20

// block is containers of one fleet, one for both numbers where there is only one.
type block struct {
	t     *testing.T
	clock *clock
	sites []*site
}

func newBlock(t *testing.T, c httpfleet.Config, containers int) *block {
	t.Helper()
	f := newFleet(t)
	lossy := &broken{PersistenceManager: f.manager}
	if c.LoseRecords {
		lossy.lose("url/")
	}
	b := &block{t: t, clock: f.clock}
	for range containers {
		b.sites = append(b.sites, newBlockSite(t, f.clock, lossy, f.manager, c))
	}
	return b
}

func newBlockSite(t *testing.T, c *clock, lossy *broken, m backends.PersistenceManager, conf httpfleet.Config) *site {
	t.Helper()
	if conf.LoseRecords {
		m = lossy
	}
	rt, err := adapter.New(adapter.Config{
		Clock: c.Now, Manager: m, Mode: adapter.Deployed, MemoryMax: fleetMemory, Logger: slog.New(slog.DiscardHandler),
		BackendTimeout: conf.Patience, LeaseTTL: conf.Patience,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rt.Close(context.Background()) })
	s := &site{t: t, clock: c, rt: rt}
	s.cache, err = httpcache.New(httpcache.WithRuntime(rt), httpcache.Name("site"), httpcache.NearTTL(time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	s.front = s.cache.Handler(s.counted())
	return s
}

func (b *block) at(container int) *site { return b.sites[container%len(b.sites)] }

func (b *block) Serve(h http.HandlerFunc) {
	for _, s := range b.sites {
		s.serve(h)
	}
}

func (b *block) Start(r httpfleet.Request) <-chan httpfleet.Result {
	ctx, leave := context.WithCancel(b.t.Context())
	if r.Stage != "" {
		ctx = httpreq.With(ctx, &httpreq.Caller{Stage: r.Stage})
	}
	method, path, _ := strings.Cut(r.Line, " ")
	req := httptest.NewRequestWithContext(ctx, method, path, nil)
	addFields(req.Header, r.Fields)
	done := make(chan httpfleet.Result, 1)
	go func() {
		defer leave()
		w := httptest.NewRecorder()
		b.at(r.Container).front.ServeHTTP(w, req)
		res := w.Result()
		body, _ := io.ReadAll(res.Body)
		done <- httpfleet.Result{Status: res.StatusCode, Header: res.Header, Body: string(body)}
	}()
	if r.Leave != nil {
		go func() {
			<-r.Leave
			leave()
		}()
	}
	return done
}

func (b *block) Waiting(container int) {
	s := b.at(container)
	s.waitFor(func() bool { return s.cache.Stats().Waits+s.cache.Stats().FleetWaits > 0 })
}

func (b *block) Purge(container int, path string) {
	if err := b.at(container).cache.Purge(b.t.Context(), path); err != nil {
		b.t.Fatal(err)
	}
}

func (b *block) Pass(d time.Duration) { b.clock.advance(d) }

func (b *block) Memory(container int) (used, bound int64) {
	return b.at(container).cache.Stats().Bytes, fleetMemory
}
