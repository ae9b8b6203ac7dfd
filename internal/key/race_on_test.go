//go:build race

package key

// raceEnabled says that pools drop some of what is put into them.
const raceEnabled = true
