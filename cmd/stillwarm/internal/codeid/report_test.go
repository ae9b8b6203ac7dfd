package codeid

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// outcome counts what became of pairs of a change and a function.
type outcome struct {
	Mutants                             int
	ExecutedChanged, ExecutedFallback   int
	UntouchedKept, UntouchedChanged     int
	UntouchedFallback, ResultsConfirmed int
	OwnNone                             int // the function has the identity of the build anyway
}

// report holds the outcomes by program and by kind of change.
type report map[string]map[string]*outcome

// of returns where a change of a program is counted.
func (r report) of(program string, m mutant) *outcome {
	if r[program] == nil {
		r[program] = map[string]*outcome{}
	}
	kind := strings.TrimPrefix(strings.TrimPrefix(m.kind, "function: "), "method: ")
	if r[program][kind] == nil {
		r[program][kind] = &outcome{}
	}
	return r[program][kind]
}

// read takes over what earlier parts have counted.
func (r report) read(t *testing.T) {
	t.Helper()
	data, err := os.ReadFile(*counts)
	if *counts == "" || errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// write keeps what has been counted so far.
func (r report) write(t *testing.T) {
	t.Helper()
	if *counts == "" {
		return
	}
	data, err := json.MarshalIndent(r, "", "\t")
	if err == nil {
		err = os.WriteFile(*counts, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// tables are those of docs/code-identity.md.
func (r report) tables() []byte {
	var b bytes.Buffer
	total := map[string]*outcome{}
	for _, kinds := range r {
		for kind, o := range kinds {
			if total[kind] == nil {
				total[kind] = &outcome{}
			}
			total[kind].add(o)
		}
	}
	row := func(name string, o *outcome) {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %s |\n", name, o.Mutants, o.ExecutedChanged+o.ExecutedFallback, o.ResultsConfirmed,
			percent(o.UntouchedKept, o.UntouchedKept+o.UntouchedChanged+o.UntouchedFallback))
	}
	head := "| changes | identity replaced where the sample runs what changed | results compared where it is kept | kept where the sample does not run it |\n|---|---:|---:|---:|---:|\n"
	b.WriteString("| kind of change " + head)
	sum := &outcome{}
	for _, kind := range slices.Sorted(maps.Keys(total)) {
		row(kind, total[kind])
		sum.add(total[kind])
	}
	row("**all**", sum)
	b.WriteString("\n| program " + head)
	for _, name := range slices.Sorted(maps.Keys(r)) {
		own := &outcome{}
		for _, o := range r[name] {
			own.add(o)
		}
		row(name, own)
	}
	return b.Bytes()
}

func (o *outcome) add(other *outcome) {
	o.Mutants += other.Mutants
	o.ExecutedChanged += other.ExecutedChanged
	o.ExecutedFallback += other.ExecutedFallback
	o.UntouchedKept += other.UntouchedKept
	o.UntouchedChanged += other.UntouchedChanged
	o.UntouchedFallback += other.UntouchedFallback
	o.ResultsConfirmed += other.ResultsConfirmed
	o.OwnNone += other.OwnNone
}

func percent(part, whole int) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%d %%", (100*part+whole/2)/whole)
}
