package key

import (
	"crypto/sha256"
	"encoding/json"
	"sync"
	"testing"
	"time"
)

// query is a flat argument of about 200 bytes.
type query struct {
	User, Region, Symbol, Currency, Venue string
	From, To, Limit, Offset               int64
	Price                                 float64
	Flags                                 uint32
	Live                                  bool
	Page, Size                            int64
}

type report struct {
	Query   query
	At      time.Time
	Columns []string
	Weights []float64
	Parent  *query
	ID      [16]byte
}

var (
	aQuery  = query{User: "user-1234567", Region: "eu-central-1", Symbol: "ACME", Currency: "EUR", Venue: "XETRA", From: 1, To: 2, Limit: 100, Price: 9.99, Live: true}
	aReport = report{Query: aQuery, At: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Columns: []string{"a", "b"}, Weights: make([]float64, 100), Parent: &aQuery}
)

func TestAppendAllocatesNothing(t *testing.T) {
	t.Run("flat struct", func(t *testing.T) { noAllocations(t, aQuery) })
	t.Run("string", func(t *testing.T) { noAllocations(t, "text") })
	t.Run("nested struct with slices, pointers and a time", func(t *testing.T) { noAllocations(t, aReport) })
	t.Run("time in a zone", func(t *testing.T) { noAllocations(t, time.Now()) })
}

func noAllocations[T any](t *testing.T, v T) {
	p, dst := compile[T](t), make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() {
		in := v
		if _, err := Append(p, dst[:0], &in); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestPlansAreConcurrent(t *testing.T) {
	type in struct {
		R   report
		Any map[string]any
		S   session
	}
	p := compile[in](t, bySession())
	v := in{R: aReport, Any: map[string]any{"a": aQuery, "b": []any{1, "x"}, "c": session{ID: "s"}}, S: session{ID: "t"}}
	want := encode(t, p, v)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if b, err := Append(p, nil, &v); err != nil || string(b) != want {
					t.Errorf("%v, or another key", err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func benchmark[T any](b *testing.B, v T) {
	p, prefix, dst := compile[T](b), NewPrefix("function", "build"), make([]byte, 0, 8192)
	b.Run("local", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Append(p, dst[:0], &v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("persistent", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			args, err := Append(p, dst[:0], &v)
			if err != nil {
				b.Fatal(err)
			}
			prefix.Sum("", args)
		}
	})
	b.Run("JSON and SHA-256", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			text, err := json.Marshal(&v)
			if err != nil {
				b.Fatal(err)
			}
			sha256.Sum256(text)
		}
	})
}

func BenchmarkFlatStruct(b *testing.B) { benchmark(b, aQuery) }
func BenchmarkReport(b *testing.B)     { benchmark(b, aReport) }
func BenchmarkString(b *testing.B)     { benchmark(b, "user-1234567") }
func BenchmarkMap(b *testing.B)        { benchmark(b, map[string]int{"a": 1, "b": 2, "c": 3}) }
func BenchmarkAny(b *testing.B) {
	benchmark(b, map[string]any{"a": 1.0, "b": "x", "c": []any{1.5, nil, true}})
}
