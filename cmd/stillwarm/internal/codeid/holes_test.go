package codeid

import (
	"slices"
	"strings"
	"testing"
)

// TestPlantedHoles takes parts of the analysis away: the mutations have to find that.
func TestPlantedHoles(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles and runs mutated programs")
	}
	s := subjectIn(t, "shop")
	s.prepare(t)
	all, err := mutants(s.dir, s.files)
	if err != nil {
		t.Fatal(err)
	}
	for _, hole := range []struct {
		name   string
		kinds  string
		change func(*graph)
	}{
		{"no initialisers", "initialiser's ", func(g *graph) { leaveOut(g, func(n *node) bool { return n.kind == kindVar }) }},
		{"no methods", "method: ", func(g *graph) {
			leaveOut(g, func(n *node) bool { return n.obj != nil && isMember(n.obj) })
		}},
		{"no constants", "constant's ", func(g *graph) { leaveOut(g, func(n *node) bool { return n.kind == kindConst }) }},
	} {
		t.Run(hole.name, func(t *testing.T) {
			analyze := s.with(hole.change)
			whole := s.baseline
			defer func() { s.baseline = whole }()
			if s.baseline, err = analyze(t.Context()); err != nil {
				t.Fatal(err)
			}
			var some []mutant
			for _, m := range all {
				if strings.HasPrefix(m.kind, hole.kinds) {
					some = append(some, m)
				}
			}
			for _, m := range pick(some, 12, 1) {
				if wrong, _ := s.try(t, m, analyze, &outcome{}); len(wrong) > 0 {
					return
				}
			}
			t.Error("no mutation found the hole")
		})
	}
}

// leaveOut takes what declarations say, and mention, out of the graph.
func leaveOut(g *graph, which func(*node) bool) {
	for _, n := range g.nodes {
		if which(n) {
			n.full, n.setup, n.edges = digest{}, digest{}, nil
		}
	}
	// A constant's value is also part of those who use it.
	for _, n := range g.nodes {
		if slices.ContainsFunc(n.edges, func(e edge) bool { return e.to.kind == kindConst && which(e.to) }) {
			n.full, n.setup = digest{}, digest{}
		}
	}
}
