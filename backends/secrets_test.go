package backends_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/stillwarm/stillwarm/backends"
)

func init() {
	// A backend that refuses whatever it is given, as one does that needs a host.
	backends.Register("strict", func(_ context.Context, u *url.URL) (backends.PersistenceManager, error) {
		return nil, errors.New("it needs a host")
	})
}

// TestMistypedURLs opens URLs that people type, each with PASSWORD or 987654321 where the password would be.
func TestMistypedURLs(t *testing.T) {
	for _, raw := range []string{
		"strict:user:PASSWORD@host:6379",
		"strict:/user:PASSWORD@host:6379",
		"strict:///user:PASSWORD@host:6379",
		"strict://user:PASSWORD",
		"strict://user:PASSWORD/0",
		"strict://user:987654321",
		"strict://:PASSWORD",
		"strict://user:PASSWORD@",
		"strict://user:PASSWORD@host:port",
		"strict://user:PASS/WORD:PASSWORD@host",
		"strict://user:%PASSWORD@host",
		"strict://user:a b PASSWORD@host",
		"strict//user:PASSWORD@host",
		"user:PASSWORD@host:6379",
		"//user:PASSWORD@host:6379",
		"strict://user:PASSWORD@host disk:/x:PASSWORD",
		"disk:/x strict:user:PASSWORD@host",
		"strict:user:PASSWORD",
		"strict:PASSWORD@host",
		"strict://user:PASSWORD@host:6379?db=1",
	} {
		t.Run("N8 "+raw, func(t *testing.T) {
			_, err := backends.Open(t.Context(), raw)
			if err == nil {
				t.Fatal("no error")
			}
			for _, secret := range []string{"PASSWORD", "987654321", "WORD"} {
				if strings.Contains(err.Error(), secret) {
					t.Fatalf("the message shows the password: %v", err)
				}
			}
		})
	}
}
