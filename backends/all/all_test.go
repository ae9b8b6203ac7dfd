package all

import (
	"slices"
	"testing"

	"github.com/stillwarm/stillwarm/backends"
)

func TestEverySchemeIsLinked(t *testing.T) {
	want := []string{"disk", "memory", "redis", "rediss", "s3"}
	if got := backends.Schemes(); !slices.Equal(got, want) {
		t.Fatalf("linked: %v, want %v", got, want)
	}
}

func TestEverySchemeOpensAloneAndAsATierWithoutConnecting(t *testing.T) {
	urls := []string{
		"memory:", "disk://" + t.TempDir(), "redis://127.0.0.1:1", "rediss://127.0.0.1:1",
		"s3://bucket/prefix?region=eu-central-1",
	}
	for _, u := range urls {
		for _, raw := range []string{u, u + " memory:", "memory: " + u} {
			t.Run(raw, func(t *testing.T) {
				pm, err := backends.Open(t.Context(), raw)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := pm.Store(t.Context(), backends.Function{Name: "f"}); err != nil {
					t.Fatal(err)
				}
				if err := pm.Close(); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}
