//go:build !race

package backendstest

// raceEnabled cuts what would take minutes under the race detector.
const raceEnabled = false
