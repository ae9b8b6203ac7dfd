// Command mutate plants one fault at a time into a scratch copy of one file and runs the tests that have to notice.
//
// The checkout is never touched: the changed file reaches the compiler by an overlay. A fault that no test notices is a
// gap in the tests and fails the command, unless the list says why nothing can notice it. So does an entry of the list
// whose line is gone, whose change does not compile, or whose tests fail or do not run without it: a check that cannot
// fail proves nothing.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

func main() {
	root := flag.String("root", ".", "the repository")
	only := flag.String("only", "", "a regular expression: only mutants whose id, file, fault or killer matches")
	parallel := flag.Int("parallel", runtime.NumCPU(), "how many mutants are tried at the same time")
	verbose := flag.Bool("v", false, "print what the tests of each mutant said")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ok, err := run(ctx, *root, *only, *parallel, *verbose, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// run tries the mutants that match, prints the table, and reports whether each is as the list says.
func run(ctx context.Context, root, only string, parallel int, verbose bool, out io.Writer) (bool, error) {
	match, err := regexp.Compile(only)
	if err != nil {
		return false, fmt.Errorf("-only: %w", err)
	}
	root, err = filepath.Abs(root)
	if err != nil {
		return false, err
	}
	scratch, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	var chosen []mutant
	for _, m := range mutants() {
		if match.MatchString(strings.Join([]string{m.id, m.file, m.fault, m.killer.String()}, " ")) {
			chosen = append(chosen, m)
		}
	}
	if len(chosen) == 0 {
		return false, fmt.Errorf("-only %q matches none of the mutants", only)
	}
	start := time.Now()
	l := lab{root: root, scratch: scratch}
	results := l.tryAll(ctx, chosen, parallel, func(done int, r result) {
		fmt.Fprintf(out, "%3d/%d %-22s %s\n", done, len(chosen), r.verdict, r.mutant.name())
		if verbose || r.verdict.isFault() {
			fmt.Fprintln(out, indent(r.output))
		}
	})
	fmt.Fprintln(out)
	ok := table(out, results)
	fmt.Fprintf(out, "in %v\n", time.Since(start).Round(time.Second))
	return ok, ctx.Err()
}

// tryAll tries mutants side by side and returns their results in order.
func (l *lab) tryAll(ctx context.Context, ms []mutant, parallel int, said func(done int, r result)) []result {
	results := make([]result, len(ms))
	slots := make(chan struct{}, max(1, parallel))
	var wg sync.WaitGroup
	var mu sync.Mutex
	done := 0
	for i, m := range ms {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			results[i] = l.try(ctx, i, m)
			mu.Lock()
			defer mu.Unlock()
			done++
			said(done, results[i])
		})
	}
	wg.Wait()
	return results
}

// table prints the results and reports whether all are as the list says.
func table(out io.Writer, results []result) bool {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "id\tfault\tplace\ttests\tresult\ts")
	counts := map[verdict]int{}
	faults := 0
	for _, r := range results {
		m := r.mutant
		said := string(r.verdict)
		switch {
		case r.found != "":
			said += ", " + r.found
		case r.verdict == listed:
			said += ": " + m.survives
		}
		fmt.Fprintf(w, "%s\t%s\t%s:%d\t%s\t%s\t%.1f\n", m.id, m.fault, m.file, r.line, m.killer, said, r.took.Seconds())
		counts[r.verdict]++
		if r.verdict.isFault() {
			faults++
		}
	}
	_ = w.Flush()
	fmt.Fprintf(out, "\n%d mutants: %d killed, %d by their time, %d survive for a reason that is listed, %d are faults of the tests or of the list\n",
		len(results), counts[killed], counts[timedOut], counts[listed], faults)
	return faults == 0
}

func indent(s string) string {
	const most = 40
	lines := strings.Split(strings.TrimSpace(s), "\n")
	if len(lines) > most {
		lines = lines[len(lines)-most:]
	}
	return "\t" + strings.Join(lines, "\n\t")
}
