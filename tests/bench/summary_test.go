package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// reportOf makes the report of a run in which the contenders took the given times.
func reportOf(results ...*result) *Report {
	return &Report{
		results: results, ended: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), goVersion: "go1.99", osAndArch: "linux/amd64", cores: 2,
	}
}

func took(id string, c ...contender) *result {
	return &result{contest: &contest{id: id, title: id, section: "1. X", contenders: c, goals: []goal{within(time.Second)}}}
}

func (r *result) with(times ...time.Duration) *result {
	for _, t := range times {
		r.samples = append(r.samples, []sample{{time: float64(t)}})
	}
	return r
}

func written(t *testing.T, dir, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestOneRunMakesBothPagesAndTheChart(t *testing.T) {
	us, goRedis := contender{name: "Stillwarm", role: ours}, contender{name: "go-redis Get", role: reference}
	r := reportOf(
		took("hit-flat", us, contender{name: "shared", role: peer, shared: true}, contender{name: "slow", role: peer}).with(100, 1, 400),
		took("hit-100", us, contender{name: "slow", role: peer}).with(3000, 6000),
		took("redis-1KB", us, goRedis).with(90*time.Microsecond, 75*time.Microsecond),
	)
	dir := t.TempDir()
	if err := r.WritePages(dir); err != nil {
		t.Fatal(err)
	}
	users := written(t, dir, "performance.md")
	for _, want := range []string{
		"takes 100ns for a struct of 200 bytes, 3µs for 8 KB in 100 elements: 0.25 and 0.50 times",
		"takes 90µs for 1 KB: 1.20 times a bare `GET`", "(img/performance.svg)", "on 2026-03-01 in one run: go1.99, linux/amd64, 2 cores",
	} {
		if !strings.Contains(users, want) {
			t.Errorf("performance.md lacks %q:\n%s", want, users)
		}
	}
	for _, left := range []string{"S3** takes", "cold start", "NaN"} {
		if strings.Contains(users, left) {
			t.Errorf("performance.md speaks of %q, which was not measured:\n%s", left, users)
		}
	}
	tables := written(t, dir, "internals/performance.md")
	if !strings.Contains(tables, "**3 of 3 goals are met here.**") || !strings.Contains(tables, "| shared | 1ns ±0% |") {
		t.Errorf("internals/performance.md:\n%s", tables)
	}
	chart := written(t, dir, "img/performance.svg")
	for _, want := range []string{">100ns</text>", ">400ns</text>", ">75µs</text>", ">Redis, 1 KB</text>", "fill:#FFFFFF"} {
		if !strings.Contains(chart, want) {
			t.Errorf("the chart lacks %q", want)
		}
	}
	if strings.Contains(chart, ">1ns</text>") {
		t.Error("the chart shows a peer that hands out shared memory")
	}
}

func TestARunWithoutHitsHasNoChart(t *testing.T) {
	dir := t.TempDir()
	r := reportOf(took("cold-memory", contender{name: "Stillwarm", role: ours}).with(time.Millisecond))
	if err := r.WritePages(dir); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(written(t, dir, "performance.md"), "![") {
		t.Error("the page shows a chart that is not there")
	}
}
