package redis

import (
	"net/url"
	"strings"
	"testing"
)

func TestMistypedURLs(t *testing.T) {
	for _, raw := range []string{
		"redis:/user:PASSWORD@host:6379", "redis:///user:PASSWORD@host", "redis://host/PASSWORD", "redis:user:PASSWORD@host",
		"redis://user:98765432100", "redis://user:98765432100,host:6379", "redis://user:PASSWORD@host#x", "redis://user:PASSWORD@host/x",
	} {
		t.Run("N8 "+raw, func(t *testing.T) {
			u, err := url.Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			o, err := ParseURL(u)
			if err == nil {
				_, err = New(o)
			}
			if err == nil {
				t.Fatal("no error")
			}
			for _, secret := range []string{"PASSWORD", "98765432100"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the message shows the password: %v", err)
				}
			}
		})
	}
}
