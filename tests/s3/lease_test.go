package s3

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
	s3backend "github.com/stillwarm/stillwarm/backends/s3"
)

func TestFiftyRacersHaveOneWinner(t *testing.T) {
	eachProduct(t, func(t *testing.T, p *place) {
		fleet := make([]backends.Leaser, 50)
		for i := range fleet {
			fleet[i] = storeOf(t, p.open(t, nil), 0).(backends.Leaser)
		}
		for round := range 3 {
			key := fmt.Sprint("key ", round)
			t.Run("a key nobody had", func(t *testing.T) { race(t, fleet, key) })
			t.Run("a key that was released", func(t *testing.T) { race(t, fleet, key) })
		}
	})
}

// race lets all ask at once, wants one winner, and releases.
func race(t *testing.T, fleet []backends.Leaser, key string) {
	var won atomic.Pointer[backends.Lease]
	var wins atomic.Int32
	start := make(chan struct{})
	var wg sync.WaitGroup
	for _, l := range fleet {
		wg.Go(func() {
			<-start
			held, err := backendstest.Lease(t.Context(), l, key, time.Minute)
			switch {
			case err == nil:
				wins.Add(1)
				won.Store(&held)
			case !errors.Is(err, backends.ErrLeased):
				t.Errorf("Lease: %v, want ErrLeased", err)
			}
		})
	}
	close(start)
	wg.Wait()
	if wins.Load() != 1 {
		t.Fatalf("%d of %d racers won", wins.Load(), len(fleet))
	}
	if err := (*won.Load()).Release(t.Context(), backends.Mark{}); err != nil {
		t.Fatal(err)
	}
}

func TestTakeover(t *testing.T) {
	eachProduct(t, func(t *testing.T, p *place) {
		dead := storeOf(t, p.open(t, nil), 0).(backends.Leaser)
		lost, err := backendstest.Lease(t.Context(), dead, "k", 100*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		t.Run("a container whose clock is a day ahead does not take a live lease", func(t *testing.T) {
			ahead := newClock()
			ahead.advance(24 * time.Hour)
			s := storeOf(t, p.open(t, func(o *s3backend.Options) { o.Clock = ahead.now }), 0).(backends.Leaser)
			held, err := backendstest.Lease(t.Context(), s, "live", time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			other := newClock()
			other.advance(48 * time.Hour)
			s2 := storeOf(t, p.open(t, func(o *s3backend.Options) { o.Clock = other.now }), 0).(backends.Leaser)
			for range 2 {
				if _, err := backendstest.Lease(t.Context(), s2, "live", time.Minute); !errors.Is(err, backends.ErrLeased) {
					t.Fatalf("Lease: %v, want ErrLeased", err)
				}
			}
			if err := held.Release(t.Context(), backends.Mark{}); err != nil {
				t.Fatal(err)
			}
		})
		t.Run("a container that watched an unchanged lease for its ttl takes it", func(t *testing.T) {
			clock := newClock()
			s := storeOf(t, p.open(t, func(o *s3backend.Options) { o.Clock = clock.now }), 0).(backends.Leaser)
			if _, err := backendstest.Lease(t.Context(), dead, "watched", time.Hour); err != nil {
				t.Fatal(err)
			}
			for _, step := range []time.Duration{0, time.Minute, 58 * time.Minute} {
				clock.advance(step)
				if _, err := backendstest.Lease(t.Context(), s, "watched", time.Hour); !errors.Is(err, backends.ErrLeased) {
					t.Fatalf("Lease: %v, want ErrLeased", err)
				}
			}
			clock.advance(time.Minute)
			if _, err := backendstest.Lease(t.Context(), s, "watched", time.Hour); err != nil {
				t.Fatalf("Lease after an hour of watching: %v", err)
			}
		})
		t.Run("a container that never saw the lease takes it by the server's clock", func(t *testing.T) {
			deadline := time.Now().Add(30 * time.Second)
			for {
				m := p.open(t, nil) // each time another container: none has watched
				_, err := backendstest.Lease(t.Context(), storeOf(t, m, 0).(backends.Leaser), "k", time.Minute)
				_ = m.Close()
				if err == nil {
					break
				}
				if !errors.Is(err, backends.ErrLeased) || time.Now().After(deadline) {
					t.Fatalf("Lease: %v", err)
				}
				time.Sleep(20 * time.Millisecond) // a poll's pace; the server's clock counts seconds
			}
			if err := lost.Renew(t.Context(), time.Minute); !errors.Is(err, backends.ErrLeaseLost) {
				t.Fatalf("Renew by the dead holder: %v, want ErrLeaseLost", err)
			}
			if err := lost.Release(t.Context(), backends.Mark{}); err != nil {
				t.Fatalf("Release by the dead holder: %v", err)
			}
			if _, err := backendstest.Lease(t.Context(), dead, "k", time.Minute); !errors.Is(err, backends.ErrLeased) {
				t.Fatalf("the dead holder's Release gave the new holder's lease away: %v", err)
			}
		})
	})
}

// loser hands a write to the server and loses the first answer, as a dying connection does.
type loser struct {
	base http.RoundTripper
	lose atomic.Bool
}

func (l *loser) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := l.base.RoundTrip(req)
	if err == nil && req.Method == http.MethodPut && strings.Contains(req.URL.Path, "/l/") && l.lose.CompareAndSwap(true, false) {
		_ = res.Body.Close()
		return nil, errors.New("read: connection reset by peer")
	}
	return res, err
}

func TestLeaseSurvivesALostAnswer(t *testing.T) {
	eachProduct(t, func(t *testing.T, p *place) {
		l := &loser{base: http.DefaultTransport}
		s := storeOf(t, p.open(t, func(o *s3backend.Options) { o.Transport = l }), 0).(backends.Leaser)
		other := storeOf(t, p.open(t, nil), 0).(backends.Leaser)

		l.lose.Store(true)
		held, err := backendstest.Lease(t.Context(), s, "k", time.Minute)
		if err != nil {
			t.Fatalf("Lease: the retry met our own first try: %v", err)
		}
		l.lose.Store(true)
		if err := held.Renew(t.Context(), time.Minute); err != nil {
			t.Fatalf("Renew: the retry met our own first try: %v", err)
		}
		if err := held.Renew(t.Context(), time.Minute); err != nil {
			t.Fatalf("Renew after that: %v", err)
		}
		l.lose.Store(true)
		if err := held.Release(t.Context(), backends.Mark{}); err != nil {
			t.Fatalf("Release: %v", err)
		}
		if _, err := backendstest.Lease(t.Context(), other, "k", time.Minute); err != nil {
			t.Fatalf("the lease was not given back: %v", err)
		}
		if l.lose.Load() {
			t.Fatal("no answer was lost: the test tested nothing")
		}
	})
}
