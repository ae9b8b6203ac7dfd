package main

import "strconv"

// planted says with which seed the model of tests/model finds a fault, and how many plans that may take.
var planted = map[string]struct{ seed, plans int }{
	"void older": {1, 4500}, "tags elsewhere": {1, 2000}, "tags in memory": {1, 2000}, "private": {1, 1000},
	"own lease": {1, 4000}, "batch mixes": {1, 500}, "released in use": {1, 2000},
}

// model is the model as the killer of a fault.
func model(fault string) killer {
	p, known := planted[fault]
	if !known {
		p.seed, p.plans = 1, 4000
	}
	return killer{pkg: "./tests/model", run: "TestSchedules", args: []string{
		"-rapid.nofailfile", "-rapid.shrinktime=1ms", "-model.rounds=1", "-rapid.seed=" + strconv.Itoa(p.seed), "-rapid.checks=" + strconv.Itoa(p.plans),
	}}
}
