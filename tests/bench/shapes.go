package bench

import (
	"fmt"
	"math/rand/v2"
)

// query is the argument of the cached function: about 90 bytes when encoded.
type query struct {
	User, Region, Symbol, Currency, Venue string
	From, To, Limit, Offset               int64
}

var aQuery = query{
	User: "user-1234567", Region: "eu-central-1", Symbol: "ACME", Currency: "EUR", Venue: "XETRA",
	From: 1700000000, To: 1700086400, Limit: 100,
}

// flatValue has 200 bytes and no memory of its own.
type flatValue struct {
	ID, Name, Country, City string
	Age, Score              int64
	Ratio                   float64
	Grid                    [13]int64
	Active                  bool
}

type item struct {
	SKU, Title string
	Price      float64
	Count      int64
	Tags       [2]string
}

// hundredValue refers to 8 KB.
type hundredValue struct {
	Name  string
	Items []item
}

type address struct {
	Street, City string
	Geo          *[2]float64
}

// nestedValue has pointers, slices and structs within each other.
type nestedValue struct {
	Name    string
	Emails  []string
	Home    *address
	Visited []address
	Scores  []float64
}

func newFlat() flatValue {
	return flatValue{ID: "id-1", Name: "Ada Lovelace", Country: "GB", City: "London", Age: 36, Score: 99, Ratio: 0.5, Active: true}
}

func newHundred() hundredValue {
	v := hundredValue{Name: "basket", Items: make([]item, 100)}
	for i := range v.Items {
		v.Items[i] = item{SKU: fmt.Sprint("sku-", i), Title: "A thing of some kind", Price: float64(i), Count: int64(i), Tags: [2]string{"a", "b"}}
	}
	return v
}

func newNested() nestedValue {
	return nestedValue{
		Name: "Grace", Emails: []string{"a@example.org", "b@example.org"},
		Home:    &address{Street: "Main", City: "Ulm", Geo: &[2]float64{1, 2}},
		Visited: []address{{City: "Bonn"}, {City: "Kiel", Geo: &[2]float64{3, 4}}}, Scores: []float64{1, 2, 3, 4},
	}
}

func newMap() map[string]int {
	m := make(map[string]int, 100)
	for i := range 100 {
		m[fmt.Sprint("key-", i)] = i
	}
	return m
}

// newBytes returns bytes that do not compress.
func newBytes(n int) []byte {
	random := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	_, _ = random.Read(b) // never fails
	return b
}

// What one would write by hand to copy each shape.

func copyFlat(v *flatValue) flatValue { return *v }

func copyHundred(v *hundredValue) hundredValue {
	out := *v
	out.Items = make([]item, len(v.Items))
	copy(out.Items, v.Items)
	return out
}

func copyAddress(v *address) address {
	out := *v
	if v.Geo != nil {
		geo := *v.Geo
		out.Geo = &geo
	}
	return out
}

func copyNested(v *nestedValue) nestedValue {
	out := *v
	out.Emails = make([]string, len(v.Emails))
	copy(out.Emails, v.Emails)
	out.Scores = make([]float64, len(v.Scores))
	copy(out.Scores, v.Scores)
	if v.Home != nil {
		home := copyAddress(v.Home)
		out.Home = &home
	}
	out.Visited = make([]address, len(v.Visited))
	for i := range v.Visited {
		out.Visited[i] = copyAddress(&v.Visited[i])
	}
	return out
}

func copyMap(v *map[string]int) map[string]int {
	out := make(map[string]int, len(*v))
	for k, e := range *v {
		out[k] = e
	}
	return out
}

func copyBytes(v *[]byte) []byte {
	out := make([]byte, len(*v))
	copy(out, *v)
	return out
}
