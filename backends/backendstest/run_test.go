package backendstest_test

import "testing"

// The example holds what it shows.
func TestTheExampleOfRun(t *testing.T) { conformance(t) }
