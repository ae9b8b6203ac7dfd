package codeid

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// publicModule is a module from the proxy whose functions are wrapped by a program that is made for it.
type publicModule struct {
	path, version, older string
	driver               string // main.go, without its package line
	samples              map[string]string
}

// publicSubjects downloads the modules and lays them out as code of the user's.
func publicSubjects(t *testing.T) []*subject {
	t.Helper()
	var subjects []*subject
	for _, m := range publicModules {
		out, err := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", m.path+"@"+m.version).Output()
		var info struct{ Dir string }
		if err == nil {
			err = json.Unmarshal(out, &info)
		}
		if err != nil {
			t.Fatalf("%s: %v: %s", m.path, err, out)
		}
		subjects = append(subjects, m.subject(t, info.Dir))
	}
	return subjects
}

func (m publicModule) subject(t *testing.T, from string) *subject {
	t.Helper()
	s := &subject{name: m.path, dir: t.TempDir(), covered: "," + m.path + "/..."}
	sample := "package main\n\nimport (\n\t\"encoding/json\"\n\t\"fmt\"\n\t\"testing\"\n)\n\nfunc TestSample(t *testing.T) {\n"
	for name, call := range m.samples {
		s.functions = append(s.functions, name)
		sample += "\tt.Run(\"" + name + "\", func(t *testing.T) {\n\t\tv, err := " + call + "\n\t\tdata, _ := json.Marshal(v)\n" +
			"\t\tfmt.Println(\"SAMPLE\", string(data), err)\n\t})\n"
	}
	files := []txtar.File{{Name: "main.go", Data: []byte("package main\n" + m.driver)}, {Name: "sample_test.go", Data: []byte(sample + "}\n")}}
	files = append(files, txtar.File{
		Name: "append go.mod", Data: []byte("\nrequire " + m.path + " " + m.version + "\n\nreplace " + m.path + " => ./lib\n"),
	})
	lay(t, s.dir, files)
	if err := os.CopyFS(filepath.Join(s.dir, "lib"), os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	makeWritable(t, s.dir)
	if _, err := os.Stat(filepath.Join(s.dir, "lib", "go.mod")); err != nil { // from before modules
		if err := writeFile(filepath.Join(s.dir, "lib", "go.mod"), "module "+m.path+"\n\ngo 1.21\n"); err != nil {
			t.Fatal(err)
		}
	}
	s.files = s.linkedFiles(t)
	return s
}

// publicVersions replaces the version of each public module, as a dependency: nothing of it is analysed, so every function
// has to get another identity.
func publicVersions(t *testing.T, all report) {
	for _, m := range publicModules {
		of := func(version string) *Record {
			dir := t.TempDir()
			lay(t, dir, []txtar.File{
				{Name: "main.go", Data: []byte("package main\n" + m.driver)},
				{Name: "append go.mod", Data: []byte("\nrequire " + m.path + " " + version + "\n")},
			})
			a, err := Analyze(t.Context(), Config{Dir: dir, Package: []string{"."}, Env: (&subject{}).environ()})
			if err != nil || a.Record.Problem != "" {
				t.Fatal(m.path, version, err, a)
			}
			return a.Record
		}
		count := all.of(m.path, mutant{kind: "dependency's version"})
		count.Mutants++
		now, before := of(m.version), of(m.older)
		for fn := range m.samples {
			was, is := find(before, fn), find(now, fn)
			switch {
			case is.Identity == "":
				count.ExecutedFallback++
			case is.Identity != was.Identity:
				count.ExecutedChanged++
			default:
				t.Errorf("%s keeps its identity with %s %s and %s", fn, m.path, m.older, m.version)
			}
		}
	}
}

func makeWritable(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return os.Chmod(path, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// linkedFiles lists the source files that the program is made of.
func (s *subject) linkedFiles(t *testing.T) []string {
	t.Helper()
	c := s.config()
	all, err := c.list(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, p := range all {
		for _, f := range p.GoFiles {
			if rel, err := filepath.Rel(s.dir, filepath.Join(p.Dir, f)); err == nil && !strings.HasPrefix(rel, "..") {
				files = append(files, filepath.ToSlash(rel))
			}
		}
	}
	return files
}

const driverHead = `
import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/lambda"
`

const driverTail = `
var (
	_ = fmt.Sprint
	_ = strings.ToUpper
	_ = time.Now
)
`

// publicModules are small public libraries that many functions use.
var publicModules = []publicModule{
	{
		path: "github.com/Masterminds/semver/v3", version: "v3.5.0", older: "v3.4.0",
		driver: driverHead + `	"github.com/Masterminds/semver/v3"
)
` + driverTail + `
var (
	satisfied = adapter.CacheData(satisfy)
	bumped    = adapter.CacheData(bump)
)

type question struct{ Constraint, Version string }

func satisfy(ctx context.Context, q question) (bool, error) {
	c, err := semver.NewConstraint(q.Constraint)
	if err != nil {
		return false, err
	}
	v, err := semver.NewVersion(q.Version)
	if err != nil {
		return false, err
	}
	return c.Check(v), nil
}

func bump(ctx context.Context, s string) (string, error) {
	v, err := semver.StrictNewVersion(s)
	if err != nil {
		return "", err
	}
	next := v.IncMinor()
	return next.String(), nil
}

func main() { lambda.Start(satisfied.Get) }
`,
		samples: map[string]string{
			"satisfy": `satisfied.Get(t.Context(), question{"^1.2 || >= 3.1, < 4", "3.4.5-beta.1"})`,
			"bump":    `bumped.Get(t.Context(), "1.2.3")`,
		},
	},
	{
		path: "github.com/BurntSushi/toml", version: "v1.6.0", older: "v1.5.0",
		driver: driverHead + `	"github.com/BurntSushi/toml"
)
` + driverTail + `
var read = adapter.CacheData(decode)

type document struct {
	Title string
	Owner struct {
		Name string
		Born time.Time
	}
	Ports []int
}

func decode(ctx context.Context, text string) (document, error) {
	var d document
	_, err := toml.Decode(text, &d)
	return d, err
}

func main() { lambda.Start(read.Get) }
`,
		samples: map[string]string{
			"decode": "read.Get(t.Context(), \"Title = 'x'\\nPorts = [1, 0x2]\\n[Owner]\\nName = \\\"n\\\\u00e9\\\"\\nBorn = 1979-05-27T07:32:00Z\\n\")",
		},
	},
	{
		path: "github.com/dustin/go-humanize", version: "v1.1.0", older: "v1.0.1",
		driver: driverHead + `	"github.com/dustin/go-humanize"
)
` + driverTail + `
var (
	sizes   = adapter.CacheData(size)
	numbers = adapter.CacheData(number)
	ages    = adapter.CacheData(age)
)

func size(ctx context.Context, s string) (string, error) {
	n, err := humanize.ParseBytes(s)
	return humanize.IBytes(n), err
}

func number(ctx context.Context, f float64) (string, error) {
	return humanize.FormatFloat("#,###.##", f) + humanize.Ordinal(int(f)) + humanize.SI(f, "B"), nil
}

func age(ctx context.Context, seconds int) (string, error) {
	then := time.Unix(0, 0)
	return humanize.RelTime(then, then.Add(time.Duration(seconds)*time.Second), "earlier", "later"), nil
}

func main() { lambda.Start(sizes.Get) }
`,
		samples: map[string]string{
			"size": `sizes.Get(t.Context(), "42.5 MB")`, "number": `numbers.Get(t.Context(), 12345.678)`, "age": `ages.Get(t.Context(), 100000)`,
		},
	},
	{
		path: "github.com/robfig/cron/v3", version: "v3.0.1", older: "v3.0.0",
		driver: driverHead + `	"github.com/robfig/cron/v3"
)
` + driverTail + `
var nexts = adapter.CacheData(next)

func next(ctx context.Context, spec string) (time.Time, error) {
	s, err := cron.ParseStandard(spec)
	if err != nil {
		return time.Time{}, err
	}
	return s.Next(time.Unix(1700000000, 0).UTC()), nil
}

func main() { lambda.Start(nexts.Get) }
`,
		samples: map[string]string{"next": `nexts.Get(t.Context(), "*/15 3-5 * * MON")`},
	},
	{
		path: "github.com/teambition/rrule-go", version: "v1.8.2", older: "v1.7.2",
		driver: driverHead + `	rrule "github.com/teambition/rrule-go"
)
` + driverTail + `
var (
	dates = adapter.CacheData(occurrences)
	rules = adapter.CacheData(normal)
)

func occurrences(ctx context.Context, text string) ([]time.Time, error) {
	r, err := rrule.StrToRRule(text)
	if err != nil {
		return nil, err
	}
	return r.All(), nil
}

func normal(ctx context.Context, text string) (string, error) {
	o, err := rrule.StrToROption(text)
	if err != nil {
		return "", err
	}
	return o.RRuleString(), nil
}

func main() { lambda.Start(dates.Get) }
`,
		samples: map[string]string{
			"occurrences": `dates.Get(t.Context(), "DTSTART=20240101T090000Z;FREQ=MONTHLY;COUNT=5;BYDAY=MO,-1FR")`,
			"normal":      `rules.Get(t.Context(), "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU,TH")`,
		},
	},
	{
		path: "github.com/sergi/go-diff", version: "v1.4.0", older: "v1.3.1",
		driver: driverHead + `	"github.com/sergi/go-diff/diffmatchpatch"
)
` + driverTail + `
var (
	diffs   = adapter.CacheData(diff)
	patches = adapter.CacheData(patch)
)

type pair struct{ Old, New string }

func diff(ctx context.Context, p pair) (string, error) {
	d := diffmatchpatch.New()
	return d.DiffToDelta(d.DiffCleanupSemantic(d.DiffMain(p.Old, p.New, true))), nil
}

func patch(ctx context.Context, p pair) (string, error) {
	d := diffmatchpatch.New()
	return d.PatchToText(d.PatchMake(p.Old, p.New)), nil
}

func main() { lambda.Start(diffs.Get) }
`,
		samples: map[string]string{
			"diff":  `diffs.Get(t.Context(), pair{"the quick brown fox jumps\nover", "the slow brown ox jumped\nover it"})`,
			"patch": `patches.Get(t.Context(), pair{"the quick brown fox", "a quick fox"})`,
		},
	},
}
