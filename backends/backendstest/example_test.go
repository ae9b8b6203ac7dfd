package backendstest_test

import (
	"testing"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
	"github.com/stillwarm/stillwarm/backends/memory"
)

// conformance is what TestConformance of a backend's own package does.
func conformance(t *testing.T) {
	backendstest.Run(t, backendstest.Harness{
		Name: "memory, one process",
		Open: func(t *testing.T) backends.PersistenceManager {
			m, err := memory.New(memory.Options{Max: 200 << 20})
			if err != nil {
				t.Fatal(err)
			}
			return m
		},
	})
}

// Run the suite from a test of your backend. Open gives it an empty place each time; Reopen, Now, Advance and the other
// members of Harness let it test more, and faster.
func ExampleRun() {
	var t *testing.T // of your func TestConformance(t *testing.T)
	conformance(t)
}
