package buildcmd

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/codeid"
)

// PrintTable writes the identity of each cached function, and the doubts of those that have the build's.
func PrintTable(w io.Writer, r *codeid.Record) {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range r.Functions {
		fmt.Fprintf(tab, "%s\t%s\t%s\n", f.Name, identityText(f), f.Place)
		for _, d := range f.Doubts {
			fmt.Fprintf(tab, "  - %s\t\t\n", d)
		}
	}
	_ = tab.Flush()
	if r.Problem != "" {
		fmt.Fprintf(w, "no function has an identity of its own: %s\n", r.Problem)
	}
}

func identityText(f codeid.Function) string {
	switch {
	case f.Promise != "":
		return fmt.Sprintf("Version(%q)", f.Promise)
	case f.Identity == "":
		return "the build's"
	}
	return f.Identity
}

// PrintFallbacks writes one line for each function that has the identity of the build, with the first reason.
func PrintFallbacks(w io.Writer, r *codeid.Record) {
	if r.Problem != "" {
		fmt.Fprintf(w, "stillwarm: each deploy starts cold, because identities cannot be computed: %s\n", r.Problem)
		return
	}
	for _, f := range r.Functions {
		if f.Identity != "" || f.Promise != "" || len(f.Doubts) == 0 {
			continue
		}
		more := ""
		if n := len(f.Doubts) - 1; n > 0 {
			more = fmt.Sprintf("; %d more: see -v", n)
		}
		fmt.Fprintf(w, "stillwarm: %s starts cold at each deploy: %s%s\n", f.Name, f.Doubts[0], more)
	}
}
