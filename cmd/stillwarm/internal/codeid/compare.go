package codeid

import (
	"fmt"
	"slices"
	"strings"
)

// Change says what became of one cached function from one build to another.
type Change struct {
	Name  string
	Place string // of the wrap, in the newer build where it is there
	Kept  bool   // entries of the older build are found by the newer one
	Why   string // one line
	// Chain leads from the function to what changed: the shortest chain of mentions. It is empty where nothing that the
	// function mentions changed.
	Chain []Step
	// Doubts are why the function has the identity of the whole build, in either of the two.
	Doubts []Doubt
}

// Step is a declaration on the way to what changed.
type Step struct {
	Declaration string
	Place       string
}

// Compare says for each cached function of the two builds whether its entries outlive the change, and why. It is ordered
// by name. The records are only read.
func Compare(older, newer *Record) []Change {
	var names []string
	for _, r := range []*Record{older, newer} {
		for _, f := range r.Functions {
			if !slices.Contains(names, f.Name) {
				names = append(names, f.Name)
			}
		}
	}
	slices.Sort(names)
	changes := make([]Change, len(names))
	for i, name := range names {
		changes[i] = comparison{older, newer}.function(name)
	}
	return changes
}

type comparison struct{ older, newer *Record }

func (c comparison) function(name string) Change {
	was, is := c.older.Function(name), c.newer.Function(name)
	switch {
	case is == nil:
		return Change{Name: name, Place: was.Place, Why: "no longer cached"}
	case was == nil:
		return Change{Name: name, Place: is.Place, Why: "newly cached"}
	}
	change := Change{Name: name, Place: is.Place}
	switch {
	case was.Promise != "" || is.Promise != "":
		change.Kept = was.Promise == is.Promise
		change.Why = fmt.Sprintf("Version(%q) replaces the identity of the code", is.Promise)
		if !change.Kept {
			change.Why = fmt.Sprintf("Version changed from %q to %q", was.Promise, is.Promise)
		}
	case was.Identity == "" || is.Identity == "":
		c.fallback(&change, was, is)
	case was.Identity == is.Identity:
		change.Kept, change.Why = true, "nothing that decides its results changed"
	default:
		c.explain(&change, was, is)
	}
	return change
}

// fallback explains a function that has the identity of the build on one side or both.
func (c comparison) fallback(change *Change, was, is *Function) {
	change.Doubts = append(slices.Clone(is.Doubts), without(was.Doubts, is.Doubts)...)
	for _, r := range []*Record{c.older, c.newer} {
		if d := (Doubt{Why: r.Problem}); r.Problem != "" && !slices.Contains(change.Doubts, d) {
			change.Doubts = append(change.Doubts, d)
		}
	}
	switch {
	case was.Identity == "" && is.Identity == "" && c.older.Build != "" && c.older.Build == c.newer.Build:
		change.Kept, change.Why = true, "it has the identity of the build, and the two builds are the same"
	case was.Identity == "" && is.Identity == "":
		change.Why = "it has the identity of the build, which every change replaces"
	case is.Identity == "":
		change.Why = "from now on it has the identity of the build"
	default:
		change.Why = "it had the identity of the build"
	}
}

func without(all, some []Doubt) []Doubt {
	return slices.DeleteFunc(slices.Clone(all), func(d Doubt) bool { return slices.Contains(some, d) })
}

// explain finds what changed, for two identities that differ.
func (c comparison) explain(change *Change, was, is *Function) {
	if text := c.environment(); text != "" {
		change.Why = text
		return
	}
	full := func(n Node) string { return n.Digest }
	if chain, what := c.chain(was.Roots, is.Roots, full, true); chain != nil {
		change.Chain, change.Why = chain, what
		return
	}
	setup := func(n Node) string {
		if n.Setup != "" {
			return n.Setup
		}
		return n.Digest
	}
	if chain, what := c.chain(c.older.Setup, c.newer.Setup, setup, false); chain != nil {
		change.Chain, change.Why = chain, what+", which runs at the start"
		return
	}
	if !slices.Equal(c.older.Setup, c.newer.Setup) {
		change.Why = "the order of what runs at the start changed"
		return
	}
	change.Why = "another function of the same name changed"
}

// environment says which fact of the two environments differs, or "".
func (c comparison) environment() string {
	was := map[string]string{}
	for _, f := range c.older.Environment {
		was[f.Name] = f.Value
	}
	for _, f := range c.newer.Environment {
		old, ok := was[f.Name]
		switch {
		case !ok:
			return fmt.Sprintf("%s is new", f.Name)
		case old != f.Value:
			return describeFact(f.Name, old, f.Value)
		}
		delete(was, f.Name)
	}
	for _, f := range c.older.Environment {
		if _, left := was[f.Name]; left {
			return fmt.Sprintf("%s is gone", f.Name)
		}
	}
	return ""
}

func describeFact(name, old, now string) string {
	if strings.HasPrefix(name, "module ") {
		old, _, _ = strings.Cut(old, " ")
		now, _, _ = strings.Cut(now, " ")
		return fmt.Sprintf("%s changed from %s to %s", name, old[strings.LastIndexByte(old, '@')+1:], now[strings.LastIndexByte(now, '@')+1:])
	}
	if strings.HasPrefix(name, "packages of ") || strings.HasPrefix(name, "package ") || strings.HasPrefix(name, "-X ") {
		return name + " changed"
	}
	return fmt.Sprintf("%s changed from %q to %q", name, old, now)
}

// chain returns the shortest chain of mentions from the roots to a declaration that differs, and what became of it.
func (c comparison) chain(oldRoots, newRoots []string, of func(Node) string, handed bool) ([]Step, string) {
	oldSide := side{c.older, oldRoots, handed}.search(func(id string, n Node) bool {
		_, there := c.newer.Nodes[id]
		return !there
	})
	newSide := side{c.newer, newRoots, handed}.search(func(id string, n Node) bool {
		old, there := c.older.Nodes[id]
		return !there || of(old) != of(n)
	})
	found, what, record := newSide, "changed", c.newer
	if newSide == nil || oldSide != nil && len(oldSide) < len(newSide) {
		found, what, record = oldSide, "is gone", c.older
	} else if _, there := c.older.Nodes[found[len(found)-1]]; !there {
		what = "is new"
	}
	if found == nil {
		return nil, ""
	}
	steps := make([]Step, len(found))
	for i, id := range found {
		steps[i] = Step{Declaration: short(id), Place: record.Nodes[id].Place}
	}
	return steps, steps[len(steps)-1].Declaration + " " + what
}

// side is one of the two builds, seen from the roots.
type side struct {
	record *Record
	roots  []string
	handed bool // functions that are handed over count
}

// search returns the shortest chain of mentions from a root to a node that differs, breadth first.
func (s side) search(differs func(id string, n Node) bool) []string {
	from := map[string]string{}
	queue := slices.Clone(s.roots)
	for _, id := range queue {
		from[id] = ""
	}
	for len(queue) > 0 {
		id := queue[0]
		queue = queue[1:]
		n, ok := s.record.Nodes[id]
		if !ok {
			continue
		}
		if differs(id, n) {
			var chain []string
			for at := id; at != ""; at = from[at] {
				chain = append(chain, at)
			}
			slices.Reverse(chain)
			return chain
		}
		next := n.Mentions
		if s.handed {
			next = append(slices.Clone(next), n.Hands...)
		}
		for _, to := range next {
			if _, met := from[to]; !met {
				from[to] = id
				queue = append(queue, to)
			}
		}
	}
	return nil
}

// Format writes the change as lines of text: one for the function, one for each step, one for each doubt.
func (c Change) Format() string {
	var b strings.Builder
	verdict := "invalidated"
	if c.Kept {
		verdict = "kept"
	}
	fmt.Fprintf(&b, "%-11s  %s: %s\n", verdict, short(c.Name), c.Why)
	for i, s := range c.Chain {
		if i > 0 {
			fmt.Fprintf(&b, "%*s%s  %s\n", 13+2*i, "", s.Declaration, s.Place)
		}
	}
	for _, d := range c.Doubts {
		fmt.Fprintf(&b, "%13s- %s\n", "", d)
	}
	return b.String()
}
