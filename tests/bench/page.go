package bench

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// WriteTables writes docs/internals/performance.md: every figure of the run, and the goals.
func (r *Report) WriteTables(w io.Writer) error {
	var b strings.Builder
	r.head(&b)
	r.goalTable(&b)
	r.missed(&b)
	section := ""
	for _, res := range r.results {
		if res.section != section {
			section = res.section
			fmt.Fprintf(&b, "\n## %s\n", section)
		}
		res.table(&b)
	}
	r.tail(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) head(b *strings.Builder) {
	goals, unmet := r.Unmet()
	fmt.Fprintf(b, `# Performance: every figure

Stillwarm beside its peers, and beside what one would write by hand for one case. [Performance](../performance.md) has the short form; for
the terms see [Concepts](../concepts.md). All of it was measured in one run of:

`+"```sh\nmake bench\n```"+`

This page is what that command wrote on %s: %s, %s, %d cores; load (processes that wanted to run, on average) %s
before and %s after. **%d of %d goals are met here.** On a machine that others share, read the ratios and the spread rather than the times: contenders take
turns in every round, so that a ratio compares samples that met the same noise; a load above the number of cores troubles
whatever uses two goroutines, sockets or processes most.

A figure is the median over the rounds, ± half the distance between the quartiles. *Isolated* peers give each caller a value of
its own, as Stillwarm does; those that hand out shared memory are listed, and are no competitors where the value has memory to
share. A floor is written by hand for one case and keeps none of the promises.
`, r.ended.UTC().Format("2006-01-02"), r.goVersion, r.osAndArch, r.cores, orUnknown(r.loadBefore), orUnknown(r.loadNow), goals-unmet, goals)
	for _, line := range r.skipped {
		fmt.Fprintf(b, "\nNot measured in this run: %s.\n", line)
	}
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

func (r *Report) goalTable(b *strings.Builder) {
	b.WriteString("\n## Goals\n\n| what | ours | best isolated peer | floor | to peer | to floor | goal | got |\n|---|---|---|---|---|---|---|---|\n")
	for _, res := range r.results {
		row := res.summary()
		for i, g := range res.goals {
			if i > 0 {
				row = []string{"", "", "", "", "", ""}
			}
			v := verdict{res, g, g.value(res)}
			got := fmt.Sprintf("%.2f", v.got)
			if strings.HasPrefix(g.id, "of-") {
				got = res.cell(res.index(ours, ""))
			}
			fmt.Fprintf(b, "| %s | %s | %s, %s |\n", strings.Join(row, " | "), g.text, got, v.word())
		}
	}
}

// table has a row for each contender.
func (r *result) table(b *strings.Builder) {
	fmt.Fprintf(b, "\n### %s\n\n", upperFirst(r.title))
	loops := r.contenders[0].loop != nil
	cold := strings.HasPrefix(r.id, "cold-")
	handler := strings.HasPrefix(r.id, "handler-")
	last := "what it does not give"
	if cold {
		last = "size"
	}
	switch {
	case loops:
		fmt.Fprintf(b, "| who | time | allocations | bytes | %s |\n|---|---|---|---|---|\n", last)
	case cold || handler: // the processes that work are others
		fmt.Fprintf(b, "| who | median | %s |\n|---|---|---|\n", last)
	default:
		fmt.Fprintf(b, "| who | p50 | client CPU | allocations | bytes | %s |\n|---|---|---|---|---|---|\n", last)
	}
	for i, c := range r.contenders {
		cells := []string{bold(c), r.cell(i)}
		if !loops && !cold && !handler {
			cells = append(cells, duration(totalCPU(r, i)))
		}
		if !cold && !handler {
			allocated := median(r.of(i, func(s sample) float64 { return s.bytes }))
			cells = append(cells, fmt.Sprintf("%.0f", median(r.of(i, byAllocs))), fmt.Sprintf("%.0f", math.Round(allocated)))
		}
		fmt.Fprintf(b, "| %s |\n", strings.Join(append(cells, remark(c)), " | "))
	}
}

func bold(c contender) string {
	if c.role == ours {
		return "**" + c.name + "**"
	}
	return c.name
}

func remark(c contender) string {
	switch {
	case c.shared && c.lacks != "":
		return "**not isolated**; " + c.lacks
	case c.shared:
		return "**not isolated**"
	}
	return c.lacks
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func (r *Report) tail(b *strings.Builder) {
	b.WriteString(`
## What was tried, and what paid

Profiles before and after (pprof for time and allocations, -gcflags=-m for what escapes, page faults for cold starts), on the same
machine one after the other.

| change | effect |
|---|---|
| **a hit in memory** | |
| the question, which a miss needs, made only on a miss: its closures moved it to the heap at every hit | flat struct: from 330 to 230 ns, from 176 B to none |
| one counter in place of two, and the result written in the caller's frame | from 230 to 190 ns, together |
| no clock where an entry neither expires nor has a backend | what reading it costs |
| a plain LRU under one mutex in place of otter | 60 to 25 ns of each hit; 0.5 MB less to link |
| keys as exact bytes, SHA-256 only on the way to the backend | see Keys |
| a wall clock by gettimeofday: 26 ns | not taken: it exists on one architecture, and it does not follow the time of testing/synctest |
| the wall clock read once in 20 us, the monotonic one added between: 28 ns in place of 50 | not taken: ages must never come from the monotonic clock; a goroutine that runs across a freeze would be served what expired in it |
| a coarse clock moved by a goroutine: 2 ns | not taken: after a thaw it would serve the time before the freeze |
| a clock read once an invocation | not taken: an invocation may last 15 minutes, longer than most ttls |
| copies through an interface made of two words in place of reflect.NewAt, which looks up a type at each call | not taken: within the spread |
| **a hit in Redis or S3** | |
| a look on the caller's goroutine, a run only where it finds nothing | Redis 1 KB from 3.9 to 1.5 times go-redis with ten jobs on each core |
| a deadline for the connection in place of a context with a timer for each read: the runtime woke a thread each time | Redis 1 KB: 30 of 105 us |
| one object for everything that a call needs; the envelope parsed in place; a breaker without a closure | from 32 to 9 allocations |
| a []byte or a string is the store's own buffer, and the caller's own where memory has no room for it | two copies less; S3 5 MB from 1.5 to 1.1 times the SDK |
| one timer for an attempt of S3 in place of two | S3 1 KB: CPU from 1.2 to 1.1 times the SDK |
| the lease and the entry behind it at once; in S3 one PUT for a key that never was | a miss waits for 2 round trips to Redis in place of 3, for 2 requests to S3 in place of 4 |
| **a hit over HTTP, behind the Runtime API** | |
| events read by a scanner that knows their types, in place of encoding/json's reflection | an event of 2 KB: from 13 to 6.6 us |
| the answer's JSON written from header and stored body in one step, eight bytes at a time where nothing is to be escaped | 100 KB: from 1.30 to 0.77 times the bare handler, which has encoding/json do it |
| one copy of the header in place of four, none of the body | 1 KB: 96 allocations inside the function; the bare handler has 79 |
| bytes in place of an event for aws-lambda-go, which would spare two scans of its JSON | not taken: a handler of bytes is not told when its answer has been sent |
| **a cold start** | |
| no encoding/gob, which otter links | 0.2 to 0.3 ms |
| the codec asked only about types that can have methods | 0.06 ms for each wrapped function |
| switches in place of maps for the names of units and types | 0.05 ms |
`)
}
