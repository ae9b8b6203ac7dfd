package clone

import (
	"fmt"
	"reflect"
	"testing"
	"time"
)

// The shapes of the benchmarks, each with the copy that one would write by hand.

type flatShape struct {
	ID, Name, Country string
	Age, Score        int64
	Ratio             float64
	Grid              [12]int64
	Active            bool
}

type item struct {
	SKU, Title string
	Price      float64
	Count      int64
	Tags       [3]string
}

type hundred struct {
	Name  string
	Items []item
}

func handHundred(v *hundred) hundred {
	out := *v
	if v.Items != nil {
		out.Items = make([]item, len(v.Items))
		copy(out.Items, v.Items)
	}
	return out
}

type address struct {
	Street, City string
	Geo          *[2]float64
}

type person struct {
	Name    string
	Emails  []string
	Home    *address
	Visited []address
	Born    int64
	Scores  []float64
}

func handAddress(v *address) address {
	out := *v
	if v.Geo != nil {
		geo := *v.Geo
		out.Geo = &geo
	}
	return out
}

func handPerson(v *person) person {
	out := *v
	if v.Emails != nil {
		out.Emails = make([]string, len(v.Emails))
		copy(out.Emails, v.Emails)
	}
	if v.Scores != nil {
		out.Scores = make([]float64, len(v.Scores))
		copy(out.Scores, v.Scores)
	}
	if v.Home != nil {
		home := handAddress(v.Home)
		out.Home = &home
	}
	if v.Visited != nil {
		out.Visited = make([]address, len(v.Visited))
		for i := range v.Visited {
			out.Visited[i] = handAddress(&v.Visited[i])
		}
	}
	return out
}

func handPeople(v *[]person) []person {
	out := make([]person, len(*v))
	for i := range *v {
		out[i] = handPerson(&(*v)[i])
	}
	return out
}

func handMap[K comparable, V any](v *map[K]V) map[K]V {
	out := make(map[K]V, len(*v))
	for k, e := range *v {
		out[k] = e
	}
	return out
}

func handMapOf[K comparable, V any](each func(*V) V) func(v *map[K]V) map[K]V {
	return func(v *map[K]V) map[K]V {
		out := make(map[K]V, len(*v))
		for k, e := range *v {
			out[k] = each(&e)
		}
		return out
	}
}

func handBytes(v *[]byte) []byte {
	out := make([]byte, len(*v))
	copy(out, *v)
	return out
}

func handJSON(v *any) any {
	switch v := (*v).(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = handJSON(&e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = handJSON(&v[i])
		}
		return out
	default:
		return v
	}
}

func somePeople(n int) []person {
	people := make([]person, n)
	for i := range people {
		geo := [2]float64{1, 2}
		people[i] = person{
			Name: fmt.Sprint("p", i), Emails: []string{"a@example.org", "b@example.org"},
			Home:    &address{Street: "Main", City: "Ulm", Geo: &geo},
			Visited: []address{{City: "Bonn"}, {City: "Kiel", Geo: &geo}}, Scores: []float64{1, 2, 3},
		}
	}
	return people
}

func someMap[V any](n int, v V) map[string]V {
	m := make(map[string]V, n)
	for i := range n {
		m[fmt.Sprint("key-", i)] = v
	}
	return m
}

func benchShape[T any](b *testing.B, name string, v T, hand func(*T) T) {
	p, err := Compile(reflect.TypeFor[T]())
	if err != nil {
		b.Fatal(err)
	}
	kept := &Kept[T]{Value: v}
	b.Run(name+"/plan", func(b *testing.B) {
		b.ReportAllocs()
		var out T
		for b.Loop() {
			if err := Copy(p, &out, kept); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run(name+"/hand", func(b *testing.B) {
		b.ReportAllocs()
		var out T
		for b.Loop() {
			out = hand(&v)
		}
		_ = out
	})
	b.Run(name+"/size", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Size(p, kept)
		}
	})
}

func BenchmarkCopy(b *testing.B) {
	benchShape(b, "flat", flatShape{Name: "x"}, func(v *flatShape) flatShape { return *v })
	benchShape(b, "hundred", hundred{Items: make([]item, 100)}, handHundred)
	benchShape(b, "nested", somePeople(1)[0], handPerson)
	benchShape(b, "nested100", somePeople(100), handPeople)
	benchShape(b, "mapStringString", someMap(100, "v"), handMap[string, string])
	benchShape(b, "mapStringInt", someMap(100, 7), handMap[string, int])
	benchShape(b, "mapStringStruct", someMap(100, item{Title: "t"}), handMap[string, item])
	benchShape(b, "mapStringPerson", someMap(100, somePeople(1)[0]), handMapOf[string](handPerson))
	benchShape(b, "mapIntStruct", map[int32]item{1: {}, 2: {}, 3: {}}, handMap[int32, item])
	benchShape[any](b, "json", map[string]any{"a": []any{1.0, "x", map[string]any{"b": true}}, "c": "d", "e": 2.5}, handJSON)
	benchShape(b, "bytes1MB", make([]byte, 1<<20), handBytes)
	benchShape(b, "time", struct{ At time.Time }{time.Unix(1, 2).UTC()}, func(v *struct{ At time.Time }) struct{ At time.Time } { return *v })
}
