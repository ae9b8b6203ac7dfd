package bench

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// A Report is what came out of a run.
type Report struct {
	results  []*result
	skipped  []string
	progress io.Writer
	quick    bool
	only     []string

	began, ended         time.Time
	loadBefore, loadNow  string
	cores, procs         int
	goVersion, osAndArch string
}

func newReport(o Options) *Report {
	return &Report{
		progress: o.Progress, quick: o.Quick, only: o.Only, began: time.Now(), loadBefore: load(),
		cores: runtime.NumCPU(), procs: runtime.GOMAXPROCS(0),
		goVersion: runtime.Version(), osAndArch: runtime.GOOS + "/" + runtime.GOARCH,
	}
}

// load is the number of processes that wanted to run in the last minute, on average; empty where the system does not say.
func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(data), " ")
	return first
}

func (r *Report) add(res *result) {
	r.results = append(r.results, res)
	if r.progress != nil {
		i := res.index(ours, "")
		fmt.Fprintf(r.progress, "%s: %s ±%.0f%%\n", res.id, duration(median(res.of(i, byTime))), 100*spread(res.of(i, byTime)))
	}
}

func (r *Report) skip(prefixes []string, why error) {
	line := strings.Join(prefixes, "* ") + "*: " + firstLine(why.Error())
	r.skipped = append(r.skipped, line)
	if r.progress != nil {
		fmt.Fprintln(r.progress, "skipped", line)
	}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func (r *Report) finish() { r.ended, r.loadNow = time.Now(), load() }

// Partial reports whether contests are missing that a full run has.
func (r *Report) Partial() bool { return r.quick || len(r.only) > 0 || len(r.skipped) > 0 }

// verdict is how one goal came out.
type verdict struct {
	*result
	goal
	got float64
}

func (v verdict) met() bool { return v.got <= v.limit }

func (v verdict) word() string {
	if v.met() {
		return "met"
	}
	return "NOT met"
}

func (r *Report) verdicts() []verdict {
	var all []verdict
	for _, res := range r.results {
		for _, g := range res.goals {
			all = append(all, verdict{res, g, g.value(res)})
		}
	}
	return all
}

// Unmet returns the number of goals, and of those that were not met.
func (r *Report) Unmet() (goals, unmet int) {
	for _, v := range r.verdicts() {
		goals++
		if !v.met() {
			unmet++
		}
	}
	return goals, unmet
}

// WriteLines writes one line for each goal: ratio NAME VALUE GOAL. VALUE is ours divided by what the goal compares with, by the
// limit itself where the goal is a time, or a number of allocations. A goal is met where VALUE is at most GOAL.
func (r *Report) WriteLines(w io.Writer) error {
	for _, v := range r.verdicts() {
		name := strings.ReplaceAll(v.result.id+"/"+v.goal.id, " ", "-")
		if _, err := fmt.Fprintf(w, "ratio %s %.3f %.2f\n", name, v.got, v.limit); err != nil {
			return err
		}
	}
	for _, line := range r.skipped {
		if _, err := fmt.Fprintln(w, "# skipped", line); err != nil {
			return err
		}
	}
	return nil
}

// WriteTable writes one line for each goal, for people.
func (r *Report) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "what\tours\tbest peer\tfloor\tx peer\tx floor\tgoal\tgot\t")
	for _, res := range r.results {
		row := res.summary()
		if len(res.goals) == 0 {
			fmt.Fprintln(t, strings.Join(append(row, "-", "-"), "\t")+"\t")
		}
		for i, g := range res.goals {
			if i > 0 {
				row = []string{"", "", "", "", "", ""}
			}
			v := verdict{res, g, g.value(res)}
			fmt.Fprintln(t, strings.Join(append(row, g.text, fmt.Sprintf("%.2f %s", v.got, v.word())), "\t")+"\t")
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	goals, unmet := r.Unmet()
	_, err := fmt.Fprintf(w, "%d of %d goals met; load %s before, %s after, %d cores\n", goals-unmet, goals, r.loadBefore, r.loadNow, r.cores)
	for _, line := range r.skipped {
		fmt.Fprintln(w, "skipped", line)
	}
	return err
}

// summary is the result as it stands in a row: what, ours, best peer, floor, and the ratios to both.
func (r *result) summary() []string {
	row := []string{r.title, r.cell(r.index(ours, "")), "-", "-", "-", "-"}
	if len(r.section) > 2 && r.section[1] == '.' {
		row[0] = r.id
	}
	if i := r.bestPeer(); i >= 0 {
		row[2] = r.cell(i) + " " + r.contenders[i].name
		row[4] = fmt.Sprintf("%.2f", r.ratio(i, byTime))
	}
	if i := r.index(floor, ""); i >= 0 {
		row[3] = r.cell(i)
		row[5] = fmt.Sprintf("%.2f", r.ratio(i, byTime))
	}
	return row
}

// cell is a contender's time with its spread.
func (r *result) cell(i int) string {
	times := r.of(i, byTime)
	return fmt.Sprintf("%s ±%.0f%%", duration(median(times)), 100*spread(times))
}
