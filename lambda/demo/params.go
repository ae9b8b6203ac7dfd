package main

import (
	"fmt"
	"strconv"
)

// The years that were observed.
const firstYear, lastYear = 2012, 2015

// paramError says what is wrong with a parameter and what would be right.
type paramError struct {
	Message   string `json:"error"`
	Parameter string `json:"parameter"`
	Value     string `json:"value"`
	Accepted  string `json:"accepted"`
}

// Error implements error.
func (e *paramError) Error() string { return e.Message }

// params reads integer parameters; the first problem stays in err.
type params struct {
	query map[string]string
	err   error
}

// int returns the parameter if it is a whole number in the range.
func (p *params) int(name string, low, high int) int {
	if p.err != nil {
		return 0
	}
	value, given := p.query[name]
	n, err := strconv.Atoi(value)
	if err == nil && n >= low && n <= high {
		return n
	}
	accepted := fmt.Sprintf("a whole number from %d to %d", low, high)
	problem := fmt.Sprintf("parameter %q is %q, but must be %s", name, value, accepted)
	if !given {
		problem = fmt.Sprintf("parameter %q is missing: give %s", name, accepted)
	}
	p.err = &paramError{Message: problem, Parameter: name, Value: value, Accepted: accepted}
	return 0
}
