package httpentry_test

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/stillwarm/stillwarm/internal/httpentry"
)

var sample = httpentry.Meta{
	URL: "/a?x=1", Variant: "Accept-Encoding: gzip", Epoch: "epoch", Resources: []string{"url /a?x=1", "path /a"},
	Tags: []string{"", "tag"}, IDs: []string{"1", "2", "", "4"},
}

func TestParse(t *testing.T) {
	b := append(sample.Append(nil), "the answer"...)
	m, rest, ok := httpentry.Parse(b)
	if !ok || string(rest) != "the answer" || !reflect.DeepEqual(m, sample) {
		t.Fatal(m, string(rest), ok)
	}
	for i := range len(b) - len("the answer") {
		if _, _, ok := httpentry.Parse(b[:i]); ok {
			t.Fatal("what was cut off at", i, "was read")
		}
	}
	odd := sample
	odd.IDs = odd.IDs[1:]
	if _, _, ok := httpentry.Parse(odd.Append(nil)); ok {
		t.Fatal("records without ids")
	}
}

// What was read is what would be written.
func FuzzParse(f *testing.F) {
	f.Add(sample.Append(nil))
	f.Add((&httpentry.Meta{}).Append([]byte{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, rest, ok := httpentry.Parse(b)
		if !ok {
			return
		}
		again, none, ok := httpentry.Parse(m.Append(nil))
		if !ok || len(none) > 0 || !reflect.DeepEqual(again, m) || !bytes.HasSuffix(b, rest) {
			t.Fatalf("%+v %+v", m, again)
		}
	})
}
