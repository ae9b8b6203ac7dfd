package s3

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
)

// free and held answer a GET with a tombstone and with a lease that began just now.
func free(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("ETag", `"tombstone"`)
	w.Header().Set("x-amz-meta-sw-state", stateFree)
	w.Header().Set("x-amz-meta-sw-ttl", "0")
	fmt.Fprint(w, "another 1")
}

func held(age time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"held"`)
		w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
		w.Header().Set("x-amz-meta-sw-state", stateHeld)
		w.Header().Set("x-amz-meta-sw-ttl", "60000")
		w.Header().Set("Last-Modified", time.Now().Add(-age).UTC().Format(http.TimeFormat))
		fmt.Fprint(w, "another 0")
	}
}

func fine(w http.ResponseWriter, _ *http.Request) { w.Header().Set("ETag", `"mine"`) }

func TestLeaseProtocol(t *testing.T) {
	none := refuse(404, "NoSuchKey")
	conflict, precondition := refuse(409, "ConditionalRequestConflict"), refuse(412, "PreconditionFailed")
	for _, c := range []struct {
		name    string
		answers []http.HandlerFunc
		want    []string // the requests, with their conditions
		err     error
	}{
		{"a free key is taken where there is none", []http.HandlerFunc{none, fine}, []string{"GET", "PUT none *"}, nil},
		{"a tombstone is taken over", []http.HandlerFunc{free, fine}, []string{"GET", `PUT match "tombstone"`}, nil},
		{"a lease that is over by the server's clock is taken over", []http.HandlerFunc{held(62 * time.Second), fine}, []string{"GET", `PUT match "held"`}, nil},
		{"one that may not be over is left: the server counts seconds", []http.HandlerFunc{held(59 * time.Second)}, []string{"GET"}, backends.ErrLeased},
		{"a conflict is looked at again: nobody won", []http.HandlerFunc{none, conflict, none, fine}, []string{"GET", "PUT none *", "GET", "PUT none *"}, nil},
		{"a conflict is looked at again: another won", []http.HandlerFunc{none, conflict, held(0)}, []string{"GET", "PUT none *", "GET"}, backends.ErrLeased},
		{"a lost race", []http.HandlerFunc{free, precondition, held(0)}, []string{"GET", `PUT match "tombstone"`, "GET"}, backends.ErrLeased},
		{"a tombstone that a rule removed meanwhile", []http.HandlerFunc{free, none, none, fine}, []string{"GET", `PUT match "tombstone"`, "GET", "PUT none *"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			s := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case strings.Contains(r.URL.Path, "/"+entryFolder): // beside the write of the lease
					none(w, r)
					return
				case r.Header.Get("If-None-Match") != "":
					got = append(got, r.Method+" none "+r.Header.Get("If-None-Match"))
				case r.Header.Get("If-Match") != "":
					got = append(got, r.Method+" match "+r.Header.Get("If-Match"))
				default:
					got = append(got, r.Method)
				}
				c.answers[min(len(got), len(c.answers))-1](w, r)
			}).store(t, nil)
			_, err := backendstest.Lease(t.Context(), s, "k", time.Minute)
			if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
				t.Errorf("%v, want %v", err, c.err)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("asked %q, want %q", got, c.want)
			}
		})
	}
}

func TestLeaseThatIsOverIsLostWithoutAsking(t *testing.T) {
	now := time.Now()
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			refuse(404, "NoSuchKey")(w, r)
			return
		}
		fine(w, r)
	})
	s := f.store(t, func(o *Options) { o.Clock = func() time.Time { return now } })
	l, err := backendstest.Lease(t.Context(), s, "k", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(59 * time.Second)
	if err := l.Renew(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	before := len(f.asked())
	now = now.Add(time.Minute)
	if err := l.Renew(t.Context(), time.Minute); !errors.Is(err, backends.ErrLeaseLost) {
		t.Errorf("%v, want ErrLeaseLost", err)
	}
	if n := len(f.asked()) - before; n != 0 {
		t.Errorf("%d requests", n)
	}
	if _, err := backendstest.Lease(t.Context(), s, "k", 0); err == nil {
		t.Error("a lease without a ttl was taken")
	}
}

// What Lease asks after a Read that found nothing at all, or an expired entry.
func TestLeaseBehindAReadProtocol(t *testing.T) {
	none, precondition := refuse(404, "NoSuchKey"), refuse(412, "PreconditionFailed")
	expired := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("x-amz-meta-sw-expires", "1")
		fmt.Fprint(w, "old")
	}
	for _, c := range []struct {
		name  string
		entry http.HandlerFunc
		lease []http.HandlerFunc
		want  []string // the requests of Lease, and which of them are of the entry
		err   error
	}{
		{"no object: the lease is all", none, []http.HandlerFunc{fine}, []string{"PUT none * lease"}, nil},
		{"no object, but another has the lease: the usual way", none, []http.HandlerFunc{precondition, held(0)},
			[]string{"PUT none * lease", "GET lease"}, backends.ErrLeased},
		{"no object, but a tombstone: the entry is looked at again", none, []http.HandlerFunc{precondition, free, fine},
			[]string{"PUT none * lease", "GET lease", "GET entry", `PUT match "tombstone" lease`}, nil},
		{"an expired entry: the lease is looked at first", expired, []http.HandlerFunc{free, fine},
			[]string{"GET lease", "GET entry", `PUT match "tombstone" lease`}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var mu sync.Mutex
			var got []string
			lease := c.lease
			s := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				what := r.Method
				if v := r.Header.Get("If-None-Match"); v != "" {
					what += " none " + v
				}
				if v := r.Header.Get("If-Match"); v != "" {
					what += " match " + v
				}
				switch {
				case strings.Contains(r.URL.Path, "/"+entryFolder):
					got = append(got, what+" entry")
					c.entry(w, r)
				case strings.Contains(r.URL.Path, "/"+leaseFolder):
					got = append(got, what+" lease")
					lease[0](w, r)
					lease = lease[1:]
				default: // a generation
					fmt.Fprint(w, "0123456789abcdef0123456789abcdef")
				}
			}).store(t, nil)
			if _, _, err := backendstest.Get(t.Context(), s, "k"); !errors.Is(err, backendstest.ErrNone) {
				t.Fatal(err)
			}
			got = nil
			_, err := backendstest.Lease(t.Context(), s, "k", time.Minute)
			slices.Sort(got) // two of them go side by side
			slices.Sort(c.want)
			if !errors.Is(err, c.err) || !slices.Equal(got, c.want) {
				t.Errorf("%v after %q; want %v after %q", err, got, c.err, c.want)
			}
			if len(lease) != 0 {
				t.Errorf("%d answers were not asked for", len(lease))
			}
		})
	}
}

func TestAbsences(t *testing.T) {
	var a absences
	now := time.Now()
	a.note("k", now)
	if a.take("other", now) || !a.take("k", now.Add(time.Second)) || a.take("k", now.Add(time.Second)) {
		t.Error("an absence is taken once, by its key")
	}
	a.note("k", now)
	if a.take("k", now.Add(absenceLife)) {
		t.Error("an absence lives too long")
	}
	a.note("k", now)
	if a.take("k", now.Add(-time.Second)) {
		t.Error("an absence from the future")
	}
	for i := range 3 * maxAbsences {
		a.note(fmt.Sprint(i), now)
	}
	if n := len(a.asked); n > maxAbsences {
		t.Errorf("%d are kept", n)
	}
}
