package docs_test

import (
	"testing"

	"github.com/stillwarm/stillwarm/tests/prose"
)

// widest is what a page may have. make fmt wraps at less, so that a word more in a line is no reason to wrap its paragraph anew.
const widest = prose.Width + 25

func TestProseIsWrapped(t *testing.T) {
	for _, p := range repositoryPages(t) {
		for _, line := range prose.Long([]byte(read(t, p.path)), widest) {
			t.Errorf("%s:%d: a line of prose is longer than %d characters: run make fmt", p.path, line, widest)
		}
	}
}
