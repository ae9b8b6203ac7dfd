package clone

import "reflect"

// A node is the plan of one type within a plan. The nodes of a recursive type form a cycle.
type node struct {
	typ    reflect.Type
	bytes  uintptr // size of the value itself
	noscan bool    // no pointer in it at all, not even a string's
	// copy gets a dst that is a shallow copy of src already, and replaces in it every reference to memory that the two
	// must not share. It is nil where there is nothing to replace: see flat.
	copy func(w walk, dst, src ptr) error
	// size counts what the value at src refers to, without its own bytes. It is nil where the value refers to nothing.
	size func(w walk, src ptr) int64

	parts     []*node // what the value contains or refers to
	recursive bool    // the type can reach itself
	done      bool    // copy and size are known; false while the parts are being compiled
}

// flat reports whether assignment is the whole copy. It must not be asked before the node is done.
func (n *node) flat() bool { return n.copy == nil }

// markRecursive sets recursive on every node that can reach itself.
func markRecursive(nodes []*node) {
	for _, n := range nodes {
		n.recursive = reaches(n, n, map[*node]bool{})
	}
}

func reaches(from, to *node, seen map[*node]bool) bool {
	for _, part := range from.parts {
		if part == to {
			return true
		}
		if !seen[part] {
			seen[part] = true
			if reaches(part, to, seen) {
				return true
			}
		}
	}
	return false
}
