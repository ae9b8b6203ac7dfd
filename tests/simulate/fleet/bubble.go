package fleet

import (
	"errors"
	"testing"
	"testing/synctest"
)

// Simulate runs the scenario and returns what was counted. The error says what is wrong with the scenario, or which
// promise of the cache did not hold. It may be called from several goroutines with the same t.
//
// Virtual time comes from testing/synctest, which works in tests only: so a simulation is a subtest of t, and a command
// that simulates runs as a test.
func Simulate(t *testing.T, sc Scenario) (*Result, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	var result *Result
	err := errors.New("the simulation ended early")
	t.Run(sc.Name, func(t *testing.T) {
		synctest.Test(t, func(*testing.T) { result, err = run(sc, sc.Calls()) })
	})
	return result, err
}
