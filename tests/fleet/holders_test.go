package fleet_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// The table of docs/reliability.md: the columns after which its rows are found.
const holdersTable = "| a run takes | timeout | known | the holder | each of five callers gets | after at most | runs |"

// What the table says that callers get.
const (
	ofHolder      = "the holder's result"
	own           = "its own result"
	ownOrHolders  = "its own result or the holder's"
	ofOneOfThem   = "the result of one of them"
	timeoutPassed = "its timeout"
)

func TestTheTableOfHolders(t *testing.T) {
	rows := holderRows(t)
	if len(rows) < 12 {
		t.Fatalf("docs/reliability.md has %d rows", len(rows))
	}
	for _, row := range rows {
		t.Run("S5 S6 "+strings.Join(row[:4], ", "), func(t *testing.T) {
			s := scenario{run: span(t, row[0]), timeout: span(t, row[1]), holder: row[3], kill: 100 * time.Millisecond}
			if !slices.Contains([]string{lives, slow, fails, killed}, s.holder) {
				t.Fatalf("holder %q", s.holder)
			}
			if row[2] == "yes" {
				s.known = s.run
			}
			for range 5 {
				s.callers = append(s.callers, 200*time.Millisecond)
			}
			for range 20 { // pauses between looks are random
				o := play(t, s)
				if !rowHolds(row[4], o) {
					t.Fatalf("callers got %+v; the table says %q", o, row[4])
				}
				if most := span(t, row[5]); o.slowest > most || o.slowest < most-time.Second {
					t.Fatalf("the slowest took %v; the table says %v at most", o.slowest, most)
				}
				if fmt.Sprint(o.runs) != row[6] {
					t.Fatalf("%d runs; the table says %s", o.runs, row[6])
				}
			}
		})
	}
}

func rowHolds(said string, o outcome) bool {
	switch said {
	case ofHolder:
		return o.ofHolder == 5
	case own:
		return o.own == 5
	case ownOrHolders:
		return o.own+o.ofHolder == 5
	case ofOneOfThem:
		return o.own == 1 && o.ofAnother == 4
	case timeoutPassed:
		return o.failed == 5
	}
	return false
}

// holderRows returns the cells of the table's rows.
func holderRows(t *testing.T) (rows [][]string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(page), holdersTable+"\n")
	if !ok {
		t.Fatalf("docs/reliability.md has no table with the columns\n%s", holdersTable)
	}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 9 {
			break
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if cells[1] != "---" {
			rows = append(rows, cells[1:8])
		}
	}
	return rows
}

// span reads a duration of the table; "none" is 0.
func span(t *testing.T, text string) time.Duration {
	t.Helper()
	if text == "none" {
		return 0
	}
	d, err := time.ParseDuration(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestLostHoldersFailNobody tries holders, and those who take over from them, that are killed at any time, beside callers
// that come at any time. A call that would succeed alone with an eighth of its time to spare succeeds.
func TestLostHoldersFailNobody(t *testing.T) {
	const timeout = 10 * time.Second
	n := 0
	for _, part := range []float64{0.02, 0.3, 0.45, 0.55, 0.66, 0.75, 0.86} {
		run := time.Duration(float64(timeout) * part)
		for _, known := range []time.Duration{0, run, run * 7 / 10, run * 3 / 2} {
			for _, kill := range []time.Duration{time.Millisecond, run / 2, run - time.Millisecond} {
				for _, second := range []time.Duration{kill + run/3, kill + run, kill + 3*run/2} {
					s := scenario{run: run, timeout: timeout, known: known, holder: killed, kill: kill}
					s.callers = []time.Duration{kill / 2, kill, kill, kill + run/4, kill + run, second, second + run}
					s.killed = []time.Duration{second}
					n++
					if o := play(t, s); o.failed > 0 {
						t.Errorf("S5 %+v: %d calls failed: %+v", s, o.failed, o)
					}
				}
			}
		}
	}
	t.Logf("%d scenarios", n)
}
