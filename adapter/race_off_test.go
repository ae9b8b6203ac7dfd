//go:build !race

package adapter_test

// raceEnabled says that everything takes ten times as long.
const raceEnabled = false
