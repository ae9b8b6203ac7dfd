package main

import "slices"

// mutants returns all faults: what each breaks, and the tests that have to notice.
func mutants() []mutant {
	return slices.Concat(clears(), writes(), fleet(), results(), times(), resources(), keys(), breakage())
}

func inAdapter(run string) killer { return killer{pkg: "./adapter", run: run} }
func inEngine(run string) killer  { return killer{pkg: "./internal/engine", run: run} }
func in(pkg, run string) killer   { return killer{pkg: pkg, run: run} }
