package main

import "strconv"

const (
	schedules    = "TestSchedules"
	setDuring    = "TestSetDuringRuns"
	softTimeouts = "TestSoftTimeouts"
)

// planted says with which test and seed the model of tests/model finds a fault, and how many plans that may take.
var planted = map[string]struct {
	test        string
	seed, plans int
}{
	"void older": {schedules, 1, 4500}, "tags elsewhere": {schedules, 1, 2000}, "tags in memory": {schedules, 1, 2000},
	"private": {schedules, 1, 1000}, "own lease": {schedules, 1, 4000}, "batch mixes": {schedules, 1, 500},
	"released in use": {schedules, 1, 2000}, "set tells nobody": {schedules, 1, 1500}, "set voids nothing": {setDuring, 5, 1500},
	"soft timeout ends the run": {softTimeouts, 1, 1500}, "soft timeout and expired": {softTimeouts, 1, 500},
}

// model is the model as the killer of a fault.
func model(fault string) killer {
	p, known := planted[fault]
	if !known {
		p.test, p.seed, p.plans = schedules, 1, 4000
	}
	return killer{pkg: "./tests/model", run: "^" + p.test + "$", args: []string{
		"-rapid.nofailfile", "-rapid.shrinktime=1ms", "-model.rounds=1", "-rapid.seed=" + strconv.Itoa(p.seed), "-rapid.checks=" + strconv.Itoa(p.plans),
	}}
}
