package serialize

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
)

type benchSmall struct {
	ID     int64
	Symbol string
	Price  float64
	Open   bool
	At     time.Time
	Venue  string
	Tags   []string
}

type benchLine struct {
	ID          int64
	SKU         string
	Description string
	Quantity    int
	Price       float64
	Tax         float64
	Attributes  []string
	Available   bool
}

type benchOrder struct {
	ID       string
	Customer string
	Created  time.Time
	Lines    []benchLine
	Totals   map[string]float64
	Notes    *string
}

func smallValue() benchSmall {
	return benchSmall{ID: 123456789, Symbol: "ACME", Price: 12.5, Open: true,
		At: time.Date(2025, 1, 2, 3, 4, 5, 6, time.UTC), Venue: "the exchange of somewhere", Tags: []string{"a", "bb", "ccc"}}
}

// orderValue encodes to about 130 bytes for each line.
func orderValue(lines int) benchOrder {
	note := "leave at the door"
	order := benchOrder{ID: "order-1", Customer: "somebody", Created: time.Date(2025, 1, 2, 3, 4, 5, 6, time.UTC),
		Totals: map[string]float64{"net": 1, "tax": 2, "gross": 3}, Notes: &note}
	for i := range lines {
		order.Lines = append(order.Lines, benchLine{ID: int64(i) << 20, SKU: fmt.Sprintf("SKU-%06d", i),
			Description: fmt.Sprintf("thing number %d, with a description of some words", i), Quantity: i % 7,
			Price: float64(i) * 1.25, Tax: 0.19, Attributes: []string{"colour=blue", "size=large"}, Available: i%2 == 0})
	}
	return order
}

func benchmarkCodec[T any](b *testing.B, v T) {
	codec, err := CodecFor(reflect.TypeFor[T]())
	if err != nil {
		b.Fatal(err)
	}
	data, err := codec.Append(nil, &v)
	if err != nil {
		b.Fatal(err)
	}
	other, err := cbor.Marshal(v)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(data)))
		buf := make([]byte, 0, len(data))
		for b.Loop() {
			if _, err := codec.Append(buf, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			var out T
			if err := codec.Decode(data, &out); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode-fxamacker", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(other)))
		for b.Loop() {
			var out T
			if err := cbor.Unmarshal(other, &out); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encode-fxamacker", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(other)))
		for b.Loop() {
			if _, err := cbor.Marshal(v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkCodec(b *testing.B) {
	b.Run("small", func(b *testing.B) { benchmarkCodec(b, smallValue()) })
	b.Run("13KB", func(b *testing.B) { benchmarkCodec(b, orderValue(100)) })
	b.Run("120KB", func(b *testing.B) { benchmarkCodec(b, orderValue(900)) })
	b.Run("floats", func(b *testing.B) { benchmarkCodec(b, struct{ V []float64 }{make([]float64, 10_000)}) })
}

func BenchmarkEnvelope(b *testing.B) {
	for name, s := range sealers(b) {
		for size, payload := range map[string][]byte{
			"200B": bytes.Repeat([]byte("stillwarm;"), 20), "100KB": payloadOf(b, orderValue(800)),
		} {
			entry := mustSeal(b, s, testHeader(), payload)
			b.Run("seal/"+name+"/"+size, func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(payload)))
				buf := make([]byte, 0, len(payload)+1024)
				for b.Loop() {
					if _, err := s.Seal(buf, testAddress, testHeader(), payload); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("open/"+name+"/"+size, func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(payload)))
				for b.Loop() {
					if _, _, err := s.Open(testAddress, entry); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func payloadOf(b *testing.B, v benchOrder) []byte {
	codec, err := CodecFor(reflect.TypeFor[benchOrder]())
	if err != nil {
		b.Fatal(err)
	}
	data, err := codec.Append(nil, &v)
	if err != nil {
		b.Fatal(err)
	}
	return data
}
