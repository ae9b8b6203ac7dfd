package backendstest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

var concurrencyTests = []subtest{
	{"readers see one of the values written, whole, and never a mix", func(e *env) {
		stores := []backends.Store{e.store()}
		if e.h.Reopen != nil {
			stores = append(stores, e.storeOf(e.reopen(), fn()))
		}
		e.put(stores[0], "k", string(pattern(0)))
		var writers, readers sync.WaitGroup
		stop := make(chan struct{})
		for r := range 4 {
			readers.Go(func() {
				for s := stores[r%len(stores)]; ; {
					select {
					case <-stop:
						return
					default:
					}
					got, _, err := e.get(s, "k")
					if err != nil || len(got) == 0 || !bytes.Equal(got, pattern(got[0])) {
						e.Errorf("Get during overwrites: %d bytes, %v; want one whole value", len(got), err)
						return
					}
				}
			})
		}
		for w := range 4 {
			writers.Go(func() {
				for i := range e.rounds(25) {
					if err := e.write(stores[w%len(stores)], "k", pattern(byte(w*50+i)), time.Time{}); err != nil {
						e.Errorf("Put: %v", err)
					}
				}
			})
		}
		writers.Wait()
		close(stop)
		readers.Wait()
	}},
	{"any mix of calls at once keeps keys apart", func(e *env) {
		s := e.store()
		var wg sync.WaitGroup
		for w := range 8 {
			rnd := rand.New(rand.NewPCG(uint64(w), 7))
			wg.Go(func() {
				for range e.rounds(100) {
					e.anyCall(s, rnd)
				}
			})
		}
		wg.Wait()
	}},
	{"stores can be opened while others are used", func(e *env) {
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				s, err := e.pm.Store(e.ctx, named("shop", fmt.Sprintf("f%d", w%3)))
				if err != nil {
					e.Errorf("Store: %v", err)
					return
				}
				if err := e.write(s, "k", []byte("v"), time.Time{}); err != nil {
					e.Errorf("Put: %v", err)
				}
				if v, _, err := e.get(s, "k"); err != nil || string(v) != "v" {
					e.Errorf("Get = %q, %v", v, err)
				}
			})
		}
		wg.Wait()
	}},
}

// pattern returns a value whose length and every byte follow from id: a mix of two cannot pass for one.
func pattern(id byte) []byte {
	return bytes.Repeat([]byte{id}, 20_000+int(id)*97)
}

func (e *env) anyCall(s backends.Store, rnd *rand.Rand) {
	key := fmt.Sprintf("key %d", rnd.IntN(5))
	var err error
	switch rnd.IntN(8) {
	case 0, 1:
		err = e.write(s, key, []byte(key+strings.Repeat(".", rnd.IntN(2000))), e.h.Now().Add(time.Hour))
	case 2:
		err = e.tryDelete(s, key)
	case 3:
		_, err = s.Generation(e.ctx)
	case 4:
		err = e.tryClear(s)
	case 5:
		err = e.anyCapability(s, key)
	default:
		var got []byte
		got, _, err = e.get(s, key)
		if err == nil && strings.TrimRight(string(got), ".") != key {
			e.Errorf("Get(%q) = %s", key, show(string(got)))
		}
		if errors.Is(err, ErrNone) {
			err = nil
		}
	}
	if err != nil {
		e.Errorf("concurrent call: %v", err)
	}
}

func (e *env) anyCapability(s backends.Store, key string) error {
	if l, ok := s.(backends.Lister); ok {
		if err := l.List(e.ctx, func(backends.Info) bool { return true }); err != nil {
			return fmt.Errorf("List: %w", err)
		}
	}
	if l, ok := s.(backends.Leaser); ok {
		held, err := e.tryLease(l, key, time.Minute)
		if errors.Is(err, backends.ErrLeased) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("Lease: %w", err)
		}
		return held.Release(e.ctx, backends.Mark{})
	}
	return nil
}
