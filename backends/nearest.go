package backends

import "strings"

// nearest returns the name that was probably meant, or "" where none is near: one letter wrong, missing, too many, or two of
// them swapped, and two such mistakes in a longer name.
func nearest(typed string, names []string) string {
	typed = plainSpelling(typed)
	allowed := min(2, (len(typed)+1)/3)
	best := ""
	for _, name := range names {
		if d := mistakes(typed, plainSpelling(name)); d <= allowed {
			best, allowed = name, d-1
		}
	}
	return best
}

// plainSpelling leaves out what is spelled one way or another.
func plainSpelling(name string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))
}

// mistakes counts the letters that were changed, left out, added, or swapped with the next one on the way from a to b.
func mistakes(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
