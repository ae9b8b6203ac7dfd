package deploy

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestCostsFollowFromTheInputs computes the table of docs/deploy.md from the prices that stand above it.
func TestCostsFollowFromTheInputs(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "deploy.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	prices, _, ok := strings.Cut(page, "A million calls then cost")
	if !ok {
		t.Fatal("the page has no table of costs")
	}
	in := map[string]float64{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| .* \\| ([0-9.]+) \\|$").FindAllStringSubmatch(prices, -1) {
		if in[m[1]], err = strconv.ParseFloat(m[2], 64); err != nil {
			t.Fatal(err)
		}
	}
	if len(in) != 11 || math.Abs(in["hot"]+in["warm"]+in["cold"]-1) > 1e-9 {
		t.Fatalf("inputs: %v", in)
	}
	compute := in["C"] * in["m"]
	with := func(read, after float64) float64 {
		return in["L"] + compute*(in["hot"]*0.002+in["warm"]*read+in["cold"]*(in["run"]+after))
	}
	s3 := in["warm"]*in["G"] + in["cold"]*(3*in["P"]+2*in["G"])
	valkey := in["E"] * (in["warm"]*3 + in["cold"]*10)
	for backend, want := range map[string][2]float64{
		"no cache":    {in["L"] + compute*in["run"], 0},
		"memory only": {in["L"] + compute*(in["hot"]*0.002+(in["warm"]+in["cold"])*in["run"]), 0},
		"`s3`":        {with(0.03, 0.1), s3},
		"`redis`":     {with(0.003, 0.01), valkey},
		"`redis s3`":  {with(0.003, 0.05), valkey + in["cold"]*(in["G"]+in["P"])},
	} {
		t.Run(backend, func(t *testing.T) {
			row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(backend) + ` \| ([0-9.]+) \| ([0-9.]+) \| \*\*([0-9.]+)\*\* \| (.*) \|$`).
				FindStringSubmatch(page)
			if row == nil {
				t.Fatal("the table has no such row")
			}
			for i, value := range []float64{want[0], want[1], want[0] + want[1]} {
				// As precise as it is printed, which is to a cent.
				if got, _ := strconv.ParseFloat(row[i+1], 64); math.Abs(got-value) > 0.0051 {
					t.Errorf("column %d is %v, it comes to %.4f", i+1, got, value)
				}
			}
			month := in["S"] * 0.1 * 730
			if strings.Contains(backend, "redis") && !strings.HasPrefix(row[4], strconv.FormatFloat(month, 'f', 2, 64)) {
				t.Errorf("a month is %s, it comes to %.2f", row[4], month)
			}
		})
	}
}

// TestEveryParameterIsOnThePage keeps the page and the template together.
func TestEveryParameterIsOnThePage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "deploy.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name := range loadTemplate(t)["Parameters"].(object) {
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("docs/deploy.md does not explain the parameter %s", name)
		}
	}
}
