package page

import (
	"strings"
	"testing"
)

func TestHTTPLabel(t *testing.T) {
	for event, want := range map[string]string{
		`{"version":"2.0","rawPath":"/a","rawQueryString":"b=1","requestContext":{"http":{"method":"PUT","path":"/a"}}}`: "PUT /a?b=1",
		`{"httpMethod":"GET","path":"/rest"}`: "GET /rest",
		`{"path":"/no/method"}`:               "",
		`{"httpMethod":7}`:                    "",
		`"text"`:                              "",
		`{`:                                   "",
		`{"httpMethod":"GET","path":"/` + strings.Repeat("x", 2<<20) + `"}`: "",
	} {
		if got := httpLabel([]byte(event)); got != want {
			t.Errorf("%.80s: %q, want %q", event, got, want)
		}
	}
}
