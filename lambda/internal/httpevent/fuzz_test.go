package httpevent_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stillwarm/stillwarm/lambda/internal/httpevent"
)

// FuzzParse holds the reader of events to this: it never panics, what it accepts is a valid request, and events that
// differ where a key looks make different requests.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		e, err := httpevent.Parse(payload)
		if err != nil {
			return
		}
		r, err := e.Request(t.Context(), "", "")
		if err != nil {
			return
		}
		for name, values := range r.Header {
			for _, v := range values {
				if strings.ContainsAny(name+v, "\r\n\x00") {
					t.Fatalf("field %q: %q", name, v)
				}
			}
		}
		e.Identity.Principal()
		e.Identity.Principal("sub", "tenant")
		if e.Strict(r) != nil {
			return
		}
		other := *e
		other.Path = strings.Replace(e.Path, "%", "%25", 1) + "x"
		if o, err := other.Request(t.Context(), "", ""); err == nil && other.Strict(o) == nil && o.URL.EscapedPath() == r.URL.EscapedPath() {
			t.Fatalf("%q and %q are one path", e.Path, other.Path)
		}
		if again, err := e.Request(t.Context(), "", ""); err != nil || !reflect.DeepEqual(again.Header, r.Header) || again.RequestURI != r.RequestURI {
			t.Fatalf("not the same twice: %v", err)
		}
	})
}
