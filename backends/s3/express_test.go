package s3

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
)

const directoryBucket = "cache--use1-az4--x-s3"

func express(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Has("session") {
		fmt.Fprintf(w, "<CreateSessionResult><Credentials><SessionToken>the-session</SessionToken><SecretAccessKey>s</SecretAccessKey>"+
			"<AccessKeyId>ASIASESSION</AccessKeyId><Expiration>%s</Expiration></Credentials></CreateSessionResult>",
			time.Now().Add(5*time.Minute).UTC().Format(time.RFC3339))
	}
}

func TestExpressOneZone(t *testing.T) {
	for _, c := range []struct {
		name     string
		change   func(*Options)
		sessions int
		token    string
	}{
		{"one session serves many requests", func(*Options) {}, 1, "the-session"},
		{"sessions can be turned off", func(o *Options) { o.NoExpressSession = true }, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t, express)
			s := f.store(t, func(o *Options) {
				o.Bucket = directoryBucket
				c.change(o)
			})
			for _, key := range []string{"a", "b", "c"} {
				if _, err := s.Put(t.Context(), key, []byte("v"), time.Time{}, backends.Absent); err != nil {
					t.Fatal(err)
				}
			}
			sessions := 0
			for _, r := range f.asked() {
				if r.URL.Query().Has("session") {
					sessions++
					continue
				}
				if got := r.Header.Get("X-Amz-S3session-Token"); got != c.token {
					t.Errorf("session token %q, want %q", got, c.token)
				}
				if !strings.Contains(r.Header.Get("Authorization"), "/s3express/") || !strings.HasPrefix(r.URL.Path, "/"+directoryBucket+"/p/e/") {
					t.Errorf("%s signed with %s", r.URL.Path, r.Header.Get("Authorization"))
				}
			}
			if sessions != c.sessions || len(f.asked()) != c.sessions+3 {
				t.Errorf("%d sessions in %d requests, want %d", sessions, len(f.asked()), c.sessions)
			}
		})
	}
}

func TestExpressDenied(t *testing.T) {
	s := newFake(t, refuse(403, "AccessDenied")).store(t, func(o *Options) { o.Bucket = directoryBucket })
	if _, _, err := backendstest.Get(t.Context(), s, "k"); err == nil || !strings.Contains(err.Error(), "s3express:CreateSession") {
		t.Errorf("%v, want it to name s3express:CreateSession", err)
	}
}
