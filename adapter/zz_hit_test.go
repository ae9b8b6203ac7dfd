package adapter

import (
	"context"
	"testing"
	"time"
)

type zzIn struct {
	User, Region, Symbol, Currency, Venue string
	From, To, Limit, Offset               int64
}
type zzOut struct {
	ID, Name, Country string
	Age, Score        int64
	Ratio             float64
	Grid              [12]int64
	Active            bool
}
type zzItem struct {
	SKU, Title string
	Price      float64
	Count      int64
	Tags       [2]string
}
type zzHundred struct {
	Name  string
	Items []zzItem
}

func BenchmarkZZ(b *testing.B) {
	rt, err := New(Config{Backend: "none"})
	if err != nil {
		b.Fatal(err)
	}
	flat, err := NewData(func(context.Context, zzIn) (zzOut, error) { return zzOut{Name: "x"}, nil }, Name("flat"), TTL(time.Hour), WithRuntime(rt))
	if err != nil {
		b.Fatal(err)
	}
	hundred, err := NewData(func(context.Context, zzIn) (zzHundred, error) { return zzHundred{Items: make([]zzItem, 100)}, nil }, Name("hundred"), TTL(time.Hour), WithRuntime(rt))
	if err != nil {
		b.Fatal(err)
	}
	in := zzIn{User: "user-1234567", Region: "eu-central-1", Symbol: "ACME", Currency: "EUR", Venue: "XETRA", From: 1, To: 2}
	ctx := context.Background()
	flat.Get(ctx, in)
	hundred.Get(ctx, in)
	b.Run("flat", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			flat.Get(ctx, in)
		}
	})
	b.Run("flatpar", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				flat.Get(ctx, in)
			}
		})
	})
	b.Run("hundred", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			hundred.Get(ctx, in)
		}
	})
	b.Run("hundredpar", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				hundred.Get(ctx, in)
			}
		})
	})
	b.Run("now", func(b *testing.B) {
		for b.Loop() {
			rt.now()
		}
	})
	src := zzHundred{Items: make([]zzItem, 100)}
	b.Run("handhundred", func(b *testing.B) {
		for b.Loop() {
			out := src
			out.Items = make([]zzItem, len(src.Items))
			copy(out.Items, src.Items)
			_ = out
		}
	})
}
