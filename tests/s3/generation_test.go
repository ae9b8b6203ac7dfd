package s3

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/stillwarm/stillwarm/backends/backendstest"
)

func TestGenerations(t *testing.T) {
	eachProduct(t, func(t *testing.T, p *place) {
		s := storeOf(t, p.open(t, nil), 0)
		seen := map[uint64]string{}
		fresh := func(after string) uint64 {
			t.Helper()
			gen, err := s.Generation(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if was, again := seen[gen]; again {
				t.Fatalf("after %s the generation is the one from %s: cleared entries come back", after, was)
			}
			seen[gen] = after
			return gen
		}
		fresh("the first use")
		for _, part := range []string{"/g/epoch", "/g/"} {
			for range 2 {
				p.removeMatching(t, part)
				fresh("deleting *" + part + "*")
			}
		}
		if err := backendstest.Clear(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		fresh("Clear")
		p.overwriteMatching(t, "/g/", "no generation at all")
		fresh("somebody wrote other bytes there")
		for _, key := range p.objects(t) {
			if strings.Contains(key, "quotes") || strings.Contains(key, "shop") {
				t.Errorf("object %s shows a function's name", key)
			}
		}
	})
}

func TestManyContainersAgreeOnTheFirstGeneration(t *testing.T) {
	eachProduct(t, func(t *testing.T, p *place) {
		gens := make([]uint64, 20)
		var wg sync.WaitGroup
		for i := range gens {
			s := storeOf(t, p.open(t, nil), time.Second)
			wg.Go(func() {
				_, gen, err := backendstest.Get(t.Context(), s, "k")
				if !errors.Is(err, backendstest.ErrNone) {
					t.Errorf("Get: %v, want ErrNotFound", err)
				}
				gens[i] = gen
			})
		}
		wg.Wait()
		for _, gen := range gens {
			if gen != gens[0] || gen == 0 {
				t.Fatalf("containers disagree: %x", gens)
			}
		}
	})
}

func (p *place) removeMatching(t *testing.T, part string) {
	t.Helper()
	n := 0
	for _, key := range p.objects(t) {
		if strings.Contains(key, part) {
			if _, err := p.raw().DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: &p.bucket, Key: &key}); err != nil {
				t.Fatal(err)
			}
			n++
		}
	}
	if n == 0 {
		t.Fatalf("no object matches %s", part)
	}
}

func (p *place) overwriteMatching(t *testing.T, part, body string) {
	t.Helper()
	for _, key := range p.objects(t) {
		if strings.Contains(key, part) {
			in := &awss3.PutObjectInput{Bucket: &p.bucket, Key: &key, Body: strings.NewReader(body)}
			if _, err := p.raw().PutObject(t.Context(), in); err != nil {
				t.Fatal(err)
			}
		}
	}
}
