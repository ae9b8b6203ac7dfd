package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/stillwarm/stillwarm/backends"
)

func TestListingGoesThroughAllPages(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("prefix") != "p/e/" {
			t.Errorf("prefix %q", q.Get("prefix"))
		}
		page := map[string]int{"": 1, "to 2": 2, "to 3": 3}[q.Get("continuation-token")]
		fmt.Fprint(w, "<ListBucketResult>")
		for i := range 2 {
			fmt.Fprintf(w, "<Contents><Key>object %d.%d</Key></Contents>", page, i)
		}
		if page < 3 {
			fmt.Fprintf(w, "<IsTruncated>true</IsTruncated><NextContinuationToken>to %d</NextContinuationToken>", page+1)
		}
		fmt.Fprint(w, "</ListBucketResult>")
	})
	m := f.manager(t, nil)
	collect := func(stopAfter int) string {
		var got []string
		err := m.pages(t.Context(), "p/e/", func(page []types.Object) (bool, error) {
			for _, o := range page {
				got = append(got, strings.TrimPrefix(*o.Key, "object "))
			}
			return len(got) < stopAfter, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(got, " ")
	}
	if got := collect(100); got != "1.0 1.1 2.0 2.1 3.0 3.1" {
		t.Errorf("listed %s", got)
	}
	if got := collect(3); got != "1.0 1.1 2.0 2.1" || len(f.asked()) != 5 {
		t.Errorf("listed %s with %d requests, want to stop after the second page", got, len(f.asked()))
	}
}

func TestParallel(t *testing.T) {
	t.Run("every index is called once", func(t *testing.T) {
		var calls [1000]atomic.Int32
		if err := parallel(t.Context(), len(calls), sideBySide, func(_ context.Context, i int) error { calls[i].Add(1); return nil }); err != nil {
			t.Fatal(err)
		}
		for i := range calls {
			if n := calls[i].Load(); n != 1 {
				t.Fatalf("%d was called %d times", i, n)
			}
		}
	})
	t.Run("the first error ends it and comes back", func(t *testing.T) {
		boom := errors.New("boom")
		var n atomic.Int32
		err := parallel(t.Context(), 1_000_000, sideBySide, func(context.Context, int) error { n.Add(1); return boom })
		if !errors.Is(err, boom) || n.Load() > 10*sideBySide {
			t.Errorf("%v after %d calls", err, n.Load())
		}
	})
	t.Run("an ended context ends it", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := parallel(ctx, 10, sideBySide, func(context.Context, int) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}

// TestPruneErrors: an object that could not be removed for a reason is an error with a hint.
func TestPruneErrors(t *testing.T) {
	name := "p/e/" + entryID(functionID("", "f"), "k")
	m := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			fmt.Fprintf(w, "<DeleteResult><Error><Key>%s</Key><Code>AccessDenied</Code></Error></DeleteResult>", name)
		case r.URL.Query().Get("list-type") == "2":
			fmt.Fprintf(w, "<ListBucketResult><Contents><Key>%s</Key></Contents></ListBucketResult>", name)
		default:
			w.Header().Set("x-amz-meta-sw-expires", "1")
		}
	}).manager(t, nil)
	removed, err := m.Prune(t.Context(), func([]byte) (uint64, bool) { return 0, false })
	e, ok := errors.AsType[*backends.Error](err)
	if removed != 0 || !ok || !e.Permanent || e.Op != "prune" || !strings.Contains(e.Hint, "s3:DeleteObject") {
		t.Errorf("%d, %v; want a permanent error that names s3:DeleteObject", removed, err)
	}
}
