// Command simulate runs fleets of containers over the real cache in virtual time, and writes docs/scale.md's tables and
// charts.
//
//	go run ./tests/simulate            # everything, some minutes
//	go run ./tests/simulate -quick     # fleets up to 100 containers, writes nothing
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/tests/simulate/price"
	"github.com/stillwarm/stillwarm/tests/simulate/report"
)

func main() {
	quick := flag.Bool("quick", false, "simulate fleets up to 100 containers and write nothing")
	docs := flag.String("docs", "docs", "folder of scale.md and img")
	seed := flag.Uint64("seed", 1, "of the calls")
	// Virtual time exists in tests only, so the whole command is one. It exits with 1 where the test fails.
	testing.Main(
		func(_, _ string) (bool, error) { return true, nil },
		[]testing.InternalTest{{Name: "simulate", F: func(t *testing.T) {
			if err := simulate(t, *quick, *docs, *seed); err != nil {
				t.Error(err)
			}
		}}}, nil, nil)
}

func simulate(t *testing.T, quick bool, docs string, seed uint64) error {
	began := time.Now()
	debug.SetGCPercent(300) // ten thousand caches are mostly live memory: collecting them often is most of the work
	largest := 10_000
	if quick {
		largest = 100
	}
	study := report.NewStudy(seed, largest)
	if err := study.Run(t, os.Stdout); err != nil {
		return err
	}
	tables := study.Tables(price.Public)
	if quick {
		fmt.Println(tables["fleet"])
	} else if err := write(study, tables, docs); err != nil {
		return err
	}
	fmt.Printf("%v in all\n", time.Since(began).Round(time.Second))
	return nil
}

func write(study *report.Study, tables map[string]string, docs string) error {
	images := filepath.Join(docs, "img")
	if err := os.MkdirAll(images, 0o755); err != nil { //nolint:gosec // pages for everybody
		return err
	}
	if err := study.Charts(images, price.Public); err != nil {
		return err
	}
	return report.Fill(filepath.Join(docs, "scale.md"), tables)
}
