// Command simulate runs fleets of containers over the real cache in virtual time, and writes docs/internals/scale.md's tables and
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
	docs := flag.String("docs", "docs", "folder of internals/scale.md and img")
	seed := flag.Uint64("seed", 1, "of the calls")
	save := flag.String("save", "", "file that the counts are written to")
	load := flag.String("load", "", "file that was saved: draw its counts and simulate nothing")
	// Virtual time exists in tests only, so the whole command is one. It exits with 1 where the test fails.
	testing.Main(
		func(_, _ string) (bool, error) { return true, nil },
		[]testing.InternalTest{{Name: "simulate", F: func(t *testing.T) {
			if err := simulate(t, options{*quick, *docs, *save, *load, *seed}); err != nil {
				t.Error(err)
			}
		}}}, nil, nil)
}

type options struct {
	quick            bool
	docs, save, load string
	seed             uint64
}

func simulate(t *testing.T, o options) error {
	began := time.Now()
	debug.SetGCPercent(200) // ten thousand caches are mostly live memory: collecting them often is most of the work
	largest := 10_000
	if o.quick {
		largest = 100
	}
	study := report.NewStudy(o.seed, largest)
	if err := count(t, study, o); err != nil {
		return err
	}
	tables := study.Tables(price.Public)
	if o.quick {
		fmt.Println(tables["fleet"])
	} else if err := write(study, tables, o.docs); err != nil {
		return err
	}
	fmt.Printf("%v in all\n", time.Since(began).Round(time.Second))
	return nil
}

// count fills the study: from a file, or by simulating.
func count(t *testing.T, study *report.Study, o options) error {
	if o.load != "" {
		return study.Load(o.load)
	}
	if err := study.Run(t, os.Stdout); err != nil || o.save == "" {
		return err
	}
	return study.Save(o.save)
}

func write(study *report.Study, tables map[string]string, docs string) error {
	images := filepath.Join(docs, "img")
	if err := os.MkdirAll(images, 0o755); err != nil { //nolint:gosec // pages for everybody
		return err
	}
	if err := study.Charts(images, price.Public); err != nil {
		return err
	}
	return report.Fill(filepath.Join(docs, "internals", "scale.md"), tables)
}
