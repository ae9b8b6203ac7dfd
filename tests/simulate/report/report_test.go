package report

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/tests/simulate/fleet"
	"github.com/stillwarm/stillwarm/tests/simulate/price"
)

// smallStudy is the whole report over fleets that a test can afford.
func smallStudy() *Study {
	s := NewStudy(1, 10)
	s.Base.Keys, s.Base.Day = 200, time.Minute
	s.TTLs, s.Zipfs = []time.Duration{10 * time.Second, 30 * time.Second}, []float64{0.8, 1.2}
	return s
}

func TestReport(t *testing.T) {
	s := smallStudy()
	var log bytes.Buffer
	for _, sc := range s.scenarios() {
		if sc.Day == 24*time.Hour {
			continue // the day of real length is for the command
		}
		if err := s.simulate(t, sc, &log); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	page := filepath.Join(dir, "scale.md")
	tables := s.Tables(price.Public)
	var text strings.Builder
	for name := range tables {
		text.WriteString("before " + name + "\n<!-- table " + name + " -->\noutdated\n<!-- end -->\nafter\n")
	}
	if err := os.WriteFile(page, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("every table replaces what was in its place, and a second time too", func(t *testing.T) {
		for range 2 {
			if err := Fill(page, tables); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for name, table := range tables {
			if strings.Count(string(got), table) != 1 {
				t.Errorf("table %s is not there once", name)
			}
		}
		if strings.Contains(string(got), "outdated") || strings.Contains(string(got), "NaN") {
			t.Errorf("%s", got)
		}
	})
	t.Run("a table without a place and a place without a table are errors", func(t *testing.T) {
		if err := Fill(page, map[string]string{"fleet": ""}); err == nil {
			t.Error("places without tables were accepted")
		}
		more := map[string]string{"other": ""}
		for name, table := range tables {
			more[name] = table
		}
		if err := Fill(page, more); err == nil {
			t.Error("a table without a place was accepted")
		}
	})
	t.Run("saved results make the same tables", func(t *testing.T) {
		file := filepath.Join(dir, "results.json")
		if err := s.Save(file); err != nil {
			t.Fatal(err)
		}
		again := smallStudy()
		if err := again.Load(file); err == nil {
			t.Error("a file without the day of real length was complete")
		}
		for name, table := range again.Tables(price.Public) {
			if table != tables[name] {
				t.Errorf("table %s:\n%s\nwant\n%s", name, table, tables[name])
			}
		}
	})
	t.Run("every chart is an SVG with its title", func(t *testing.T) {
		if err := s.Charts(dir, price.Public); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.svg"))
		if err != nil || len(files) != 7 {
			t.Fatalf("%v, %v", files, err)
		}
		for _, f := range files {
			svg, err := os.ReadFile(f)
			if err != nil || !bytes.Contains(svg, []byte("<svg")) || bytes.Contains(svg, []byte("NaN")) {
				t.Errorf("%s: %v", f, err)
			}
		}
	})
}

func TestFewerRunsThanPossible(t *testing.T) {
	s := smallStudy()
	sc := s.Of()
	if _, err := s.atLeast(sc, &fleet.Result{Scenario: sc, Runs: 1}); err == nil {
		t.Error("a single run for all keys was believed")
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	for x, want := range map[float64]string{-0.00001: "0.0 %", -0.02: "-2.0 %", 0.5: "50.0 %"} {
		if got := percent(x); got != want {
			t.Errorf("%v: %q, want %q", x, got, want)
		}
	}
	if got := perMillion(1, 3); got != "333,333" {
		t.Errorf("a third of a million: %q", got)
	}
	for x, want := range map[float64]string{0.126: "$0.13", 12.34: "$12.3", 123.4: "$123"} {
		if got := dollars(x); got != want {
			t.Errorf("%v: %q, want %q", x, got, want)
		}
	}
	for d, want := range map[time.Duration]string{30 * time.Second: "30 s", 2 * time.Minute: "2 min"} {
		if got := short(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
