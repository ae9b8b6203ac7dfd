package rule_test

import (
	"bytes"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/httpcache/internal/rule"
	"github.com/stillwarm/stillwarm/internal/httpreq"
)

var at = time.Unix(0, 1795700000123456789)

func example() *rule.Response {
	p := &rule.Response{
		Status: 203, Body: []byte("body"), Form: httpreq.Plain,
		Header: http.Header{"A": {"1", "2"}, "Empty": {""}, "Content-Type": nil, "Etag": {`"1"`}, "Last-Modified": {"Sun, 06 Nov 1994 08:49:37 GMT"}},
		Vary:   []rule.Selected{{Name: "x", Value: "1", Present: true}, {Name: "y"}},
		Terms: rule.Terms{
			Store: true, Private: true, Why: "max-age", Received: at, InitialAge: 5, Lifetime: time.Hour, StaleWhile: 7, StaleError: 8,
			NoStale: true, Validator: true, VaryOn: []string{"x", "y"}, Tags: []string{"t", "u"},
		},
	}
	return p.Prepare()
}

func TestStoredValuesComeBack(t *testing.T) {
	want := example()
	v, err := rule.Decode(want.Append(nil), 0)
	if err != nil {
		t.Fatal(err)
	}
	got := v.(*rule.Response)
	if !got.Terms.Received.Equal(want.Terms.Received) {
		t.Fatal(got.Terms.Received)
	}
	got.Terms.Received = want.Terms.Received
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v\n%+v", got, want)
	}
	list := &rule.Variants{Fields: []string{"x"}, List: []rule.VariantRef{{Key: rule.Key{1}, Keep: at}, {Key: rule.Key{2}, Keep: at}}}
	v, err = rule.Decode(list.Append(nil), 0)
	if err != nil {
		t.Fatal(err)
	}
	if back := v.(*rule.Variants); !bytes.Equal(back.Append(nil), list.Append(nil)) {
		t.Fatal(back)
	}
}

func TestTruncatedValuesAreRefused(t *testing.T) {
	whole := example().Append(nil)
	for n := range len(whole) - len("body") {
		if _, err := rule.Decode(whole[:n], 0); err == nil {
			t.Fatal(n)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(example().Append(nil))
	f.Add((&rule.Variants{Fields: []string{"x"}, List: []rule.VariantRef{{}}}).Append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := rule.Decode(data, int64(len(data)))
		if err != nil {
			return
		}
		if again, err := rule.Decode(v.Append(nil), 0); err != nil || !bytes.Equal(again.Append(nil), v.Append(nil)) {
			t.Fatal(err)
		}
	})
}
