package key

import "testing"

func TestStandardPackages(t *testing.T) {
	t.Run("K10 a module whose path has no dot is not the standard library: what its types hide counts", func(t *testing.T) {
		for path, want := range map[string]bool{
			"time": true, "net/url": true, "encoding/json/jsontext": true, "internal/sync": true, "vendor/golang.org/x/net/idna": true,
			"": false, "main": false, "shop": false, "shop/internal/model": false, "example.com/net/url": false, "timeline": false,
		} {
			if got := standard(path); got != want {
				t.Errorf("standard(%q) = %v", path, got)
			}
		}
	})
}
