package codeid

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"reflect"
	"slices"
	"testing"
)

var (
	mutations = flag.Int("mutations", 0, "how many changes to try over all programs; 0 for a sample")
	public    = flag.Bool("public", false, "also over public programs, from the module proxy")
	counts    = flag.String("counts", "", "keep what is counted in this file and add to what is there: for several parts, or an interrupted run")
	part      = flag.Int("part", 0, "which part of the changes is tried: each has others")
)

func TestSoundness(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles and runs mutated programs")
	}
	n := *mutations
	if n == 0 {
		n = 24
	}
	subjects := subjectsInTree(t)
	if *public {
		subjects = append(subjects, publicSubjects(t)...)
	}
	all := report{}
	all.read(t)
	for i, s := range subjects {
		t.Run("K2 "+s.name+" unchanged", func(t *testing.T) { s.prepare(t) })
		if s.results == nil {
			return
		}
		found := s.changes(t)
		share := 2 * (n/len(subjects) + 1) // some do not compile
		picked := pick(found, share*(*part+1), uint64(i))
		s.left = picked[min(share**part, len(picked)):]
	}
	if *public && *part == 0 {
		t.Run("K2 versions of public modules", func(t *testing.T) { publicVersions(t, all) })
	}
	// In turns, so that what an interrupted run has written is of all programs.
	for done := 0; done < n; {
		round := done
		t.Run(fmt.Sprintf("K2 from change %d", done), func(t *testing.T) {
			for _, s := range subjects {
				done += s.examine(t, min(roundSize, n-done), all)
			}
		})
		all.write(t)
		if done == round {
			t.Errorf("there are no more than %d changes", done)
			break
		}
	}
	t.Logf("\n%s", all.tables())
}

// changes returns the changes of the program, but not those of code that only asks for results.
func (s *subject) changes(t *testing.T) []mutant {
	t.Helper()
	found, err := mutants(s.dir, s.files)
	if err != nil {
		t.Fatal(err)
	}
	begins, err := functionLines(s.dir, s.files)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range begins {
		if slices.Contains(s.callers, b.name) {
			found = slices.DeleteFunc(found, func(m mutant) bool { return m.function == fmt.Sprintf("%s:%d", b.file, b.from) })
		}
	}
	return found
}

// roundSize is how many changes of one program are tried before those of the next one.
const roundSize = 4

// examine tries the next n changes of the program and returns how many of them compiled.
func (s *subject) examine(t *testing.T, n int, all report) (done int) {
	for done < n && len(s.left) > 0 {
		m := s.left[0]
		s.left = s.left[1:]
		analyze := s.analyze
		if s.tried++; s.tried%10 == 1 { // what is loaded once changes nothing
			analyze = func(ctx context.Context) (*Record, error) { return s.both(ctx, t) }
		}
		wrong, compiled := s.try(t, m, analyze, all.of(s.name, m))
		for _, w := range wrong {
			t.Errorf("%s: %s", s.name, w)
		}
		if compiled {
			done++
		}
	}
	return done
}

// both analyses in two ways, which have to agree.
func (s *subject) both(ctx context.Context, t *testing.T) (*Record, error) {
	fast, err := s.analyze(ctx)
	slow, slowErr := s.whole(ctx)
	if slowErr == nil && slow.Problem != "" { // listing compiles no main package: what does not compile is seen by reading it
		slow, slowErr = nil, errors.New(slow.Problem)
	}
	if (err == nil) != (slowErr == nil) || err == nil && !reflect.DeepEqual(fast, slow) {
		t.Errorf("the program as it is listed and as it was: %v, %v", err, slowErr)
	}
	return slow, slowErr
}
