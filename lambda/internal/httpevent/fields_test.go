package httpevent_test

import (
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/internal/httpreq"
	"github.com/stillwarm/stillwarm/lambda/internal/httpevent"
)

// The fields of an event are read in one of two ways, the short one where each has a name of its own. Both say the same of what
// is no field, and of who has identified the caller.
func TestFieldsOfARequest(t *testing.T) {
	for name, c := range map[string]struct {
		fields  map[string]string
		cookies []string
		want    http.Header // nil: refused
		known   bool
	}{
		"plain":                   {fields: map[string]string{"accept": "*/*", "x-own-field": "1"}, want: http.Header{"Accept": {"*/*"}, "X-Own-Field": {"1"}}},
		"a name that is no token": {fields: map[string]string{"a b": "1"}},
		"an empty name":           {fields: map[string]string{"": "1"}},
		"a value with a line end": {fields: map[string]string{"x": "1\r\nset-cookie: a=b"}},
		"cookies": {
			fields: map[string]string{"cookie": "a=1"}, cookies: []string{"b=2", "c=3"}, want: http.Header{"Cookie": {"a=1; b=2; c=3"}},
		},
		"a cookie with a line end": {cookies: []string{"a=1", "b=\n"}},
		"identity":                 {fields: map[string]string{"x-amzn-oidc-identity": "me"}, want: http.Header{"X-Amzn-Oidc-Identity": {"me"}}, known: true},
		"certificate": {
			fields: map[string]string{"x-amzn-mtls-clientcert-leaf": "c"}, want: http.Header{"X-Amzn-Mtls-Clientcert-Leaf": {"c"}}, known: true,
		},
	} {
		for way, more := range map[string]map[string]string{"short": nil, "merged": {"x-twice": "1", "X-Twice": "1"}} {
			t.Run(name+"/"+way, func(t *testing.T) {
				in := events.APIGatewayV2HTTPRequest{RawPath: "/", Cookies: c.cookies, Headers: map[string]string{}}
				in.RequestContext.HTTP.Method = "GET"
				maps.Copy(in.Headers, c.fields)
				maps.Copy(in.Headers, more)
				r, err := httpevent.Of(&in).Request(t.Context(), "", "")
				if c.want == nil {
					var malformed *httpevent.MalformedError
					if !errors.As(err, &malformed) {
						t.Fatalf("%v; the event is no request", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				got := r.Header.Clone()
				if more != nil && !slices.Equal(got["X-Twice"], []string{"1", "1"}) {
					t.Fatalf("%v; want both lines", got["X-Twice"])
				}
				delete(got, "X-Twice")
				if !reflect.DeepEqual(got, c.want) || httpreq.From(r.Context()).Authenticated != c.known {
					t.Fatalf("%v, known %v; want %v, %v", got, httpreq.From(r.Context()).Authenticated, c.want, c.known)
				}
			})
		}
	}
}
