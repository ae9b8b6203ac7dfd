package s3

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
	s3backend "github.com/stillwarm/stillwarm/backends/s3"
)

func TestPrune(t *testing.T) {
	eachProduct(t, func(t *testing.T, p *place) {
		clock := newClock()
		var progress []s3backend.PruneProgress
		m := p.open(t, func(o *s3backend.Options) {
			o.Clock = clock.now
			o.OnPrune = func(pp s3backend.PruneProgress) { progress = append(progress, pp) }
		})
		s := storeOf(t, m, 0)
		put := func(key string, expires time.Time) {
			t.Helper()
			gen, err := s.Generation(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			// Larger than what Prune reads first, with the generation at the end: it must look further.
			entry := append(make([]byte, 10_000), binary.BigEndian.AppendUint64(nil, gen)...)
			if err := backendstest.Put(t.Context(), s, key, entry, expires); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 5 {
			put(fmt.Sprint("cleared ", i), time.Time{})
		}
		if err := backendstest.Clear(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		put("current", time.Time{})
		put("expired", clock.now().Add(time.Second))
		if err := backendstest.Put(t.Context(), s, "junk", []byte("x"), time.Time{}); err != nil {
			t.Fatal(err)
		}
		if err := backendstest.Put(t.Context(), s, "empty", nil, time.Time{}); err != nil {
			t.Fatal(err)
		}
		held, err := backendstest.Lease(t.Context(), s.(backends.Leaser), "released", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if err := held.Release(t.Context(), backends.Mark{}); err != nil {
			t.Fatal(err)
		}
		if _, err := backendstest.Lease(t.Context(), s.(backends.Leaser), "live", time.Hour); err != nil {
			t.Fatal(err)
		}
		foreign := "cache/test/e/somebody-elses"
		in := &awss3.PutObjectInput{Bucket: &p.bucket, Key: &foreign, Body: strings.NewReader("x")}
		if _, err := p.raw().PutObject(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		clock.advance(2 * time.Second)

		removed, err := m.Prune(t.Context(), lastBytes)
		if err != nil {
			t.Fatal(err)
		}
		if removed != 9 { // five cleared, one expired, two that are no entries, one tombstone
			t.Errorf("removed %d, want 9", removed)
		}
		left := map[string]int{}
		for _, key := range p.objects(t) {
			folder, _, _ := strings.Cut(strings.TrimPrefix(key, "cache/test/"), "/")
			left[folder]++
		}
		if left["e"] != 2 || left["l"] != 1 || left["g"] != 2 {
			t.Errorf("left %v, want 2 in e (current, foreign), 1 in l (live), 2 in g", left)
		}
		if err := hit(s, t, "current"); err != nil {
			t.Errorf("the current entry: %v", err)
		}
		last := progress[len(progress)-1]
		if last.Removed != 9 || last.Listed != 12 || last.Read < 11 {
			t.Errorf("progress ends with %+v", last)
		}
	})
}

// lastBytes is a format that needs the whole entry.
func lastBytes(entry []byte) (uint64, bool) {
	if len(entry) < 10_008 {
		return 0, false
	}
	return binary.BigEndian.Uint64(entry[len(entry)-8:]), true
}
