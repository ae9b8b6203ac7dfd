// Package inspect runs the command's functions, entries, explain, clear, prune and stats on real backends.
package inspect
