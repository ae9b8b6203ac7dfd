// Package codeid computes, for each cached function of a program, an identity of the code that decides its results: a
// digest of the function, of everything that it mentions, of what runs when the program starts, and of the toolchain and
// the modules. Where code cannot be told to be covered, the function keeps the identity of the whole build.
package codeid

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// Analysis is a record and what it was made from.
type Analysis struct {
	Record  *Record
	Sources *Sources
	Links   bool // the program links Stillwarm's cached functions
}

// Analyze lists, compiles and reads the program, and computes the identities. It links nothing. An error is about the
// program: it does not build, or is none.
func Analyze(ctx context.Context, c Config) (*Analysis, error) {
	p, err := newProgram(ctx, &c)
	if err != nil {
		return nil, err
	}
	return p.analyze()
}

// newProgram lists and compiles the program.
func newProgram(ctx context.Context, c *Config) (*program, error) { return listProgram(ctx, c, c.list) }

func listProgram(ctx context.Context, c *Config, list func(context.Context) ([]*listed, error)) (*program, error) {
	p := &program{
		config: c, byPath: map[string]*listed{}, fset: token.NewFileSet(),
		unitOf: map[*types.Package]*unit{}, packages: map[string]*types.Package{},
	}
	var err error
	if p.env, err = c.goEnv(ctx); err != nil {
		return nil, err
	}
	c.GoEnv = p.env
	p.all, err = list(ctx)
	return p, err
}

// analyze looks at the sources before it reads them: what changes from then on is seen by whoever asks them afterwards.
func (p *program) analyze() (*Analysis, error) {
	sources, err := p.sources()
	if err != nil {
		return nil, err
	}
	return p.finish(sources, p.load())
}

// finish computes the identities of a program that is loaded. A problem says why it could not be.
func (p *program) finish(sources *Sources, problem error) (*Analysis, error) {
	if p.main == nil || p.main.Name != "main" {
		return nil, problem
	}
	var err error
	r := &Record{Version: RecordVersion, Package: cleanPath(p.main.ImportPath), Nodes: map[string]Node{}}
	if r.Environment, err = p.environment(); err != nil {
		return nil, err
	}
	if problem == nil {
		p.fill(r, p.build())
	} else { // the go command has compiled the program, so it is the analysis that cannot read it
		r.Problem = problem.Error()
	}
	if r.Inputs, err = p.inputs(sources); err != nil {
		return nil, err
	}
	r.Seal = r.seal()
	return &Analysis{Record: r, Sources: sources, Links: p.links()}, nil
}

// fill computes the identities.
func (p *program) fill(r *Record, g *graph) {
	an := &analysis{graph: g, roots: g.setupRoots(), mentioned: map[*node][]*node{}}
	for _, n := range an.roots {
		n.root = true
	}
	an.followsAtStart()
	an.alive = an.reachable()
	g.resolvePasses(an.alive)
	an.setupHash = setupDigest(an.roots, an.setup)
	for _, n := range an.alive {
		for _, e := range n.edges {
			an.mentioned[e.to] = append(an.mentioned[e.to], n)
		}
	}
	for _, n := range an.roots {
		r.Setup = append(r.Setup, n.id)
	}
	needed := map[*node]bool{}
	for n := range an.setup {
		needed[n] = true
	}
	env := environmentDigest(r.Environment)
	seen := map[string]bool{}
	inquiries := make([]*inquiry, len(g.wraps))
	for i, w := range g.wraps {
		q := an.inquire(w)
		inquiries[i] = q
		for n := range q.closure {
			needed[n] = true
		}
		if f := newFunction(w); !seen[f.Name] {
			seen[f.Name] = true
			r.Functions = append(r.Functions, f)
		}
	}
	for i := range r.Functions {
		an.combine(&r.Functions[i], inquiries, env)
	}
	slices.SortFunc(r.Functions, func(a, b Function) int { return strings.Compare(a.Name, b.Name) })
	r.addNodes(needed)
}

func newFunction(w *wrap) Function {
	f := Function{Name: w.name.String(), Place: w.place, Promise: w.version}
	if name, ok := strings.CutPrefix(f.Name, unnamed); ok {
		f.Name = name + " " + w.place
	}
	return f
}

// reachable returns every declaration that some run of the program may reach. What nothing mentions is not linked.
func (an *analysis) reachable() []*node {
	roots := slices.Clone(an.roots)
	for _, n := range an.nodes {
		if n.kind == kindVar {
			roots = append(roots, n)
		}
	}
	for _, w := range an.wraps {
		roots = append(roots, w.node)
	}
	return sorted(reach(roots, func(*node, edge) bool { return true }))
}

// inquire examines a wrap.
func (an *analysis) inquire(w *wrap) *inquiry {
	q := &inquiry{analysis: an, w: w}
	q.follows()
	q.examine()
	return q
}

// combine gives the function its identity: of all wraps that may have its name.
func (an *analysis) combine(f *Function, all []*inquiry, env digest) {
	var parts []string
	for _, q := range all {
		if f.Place != q.w.place && !q.w.name.matches(f.Name) {
			continue
		}
		for _, n := range q.rootNodes() {
			if !slices.Contains(f.Roots, n.id) {
				f.Roots = append(f.Roots, n.id)
			}
		}
		for _, d := range q.doubts {
			if f.Place != q.w.place && newFunction(q.w).Name != f.Name {
				d.Why = fmt.Sprintf("a function wrapped at %s may have the same name: %s", q.w.place, d.Why)
			}
			if !slices.Contains(f.Doubts, d) {
				f.Doubts = append(f.Doubts, d)
			}
		}
		parts = append(parts, q.identity())
	}
	if len(f.Doubts) > 0 {
		return
	}
	slices.Sort(parts)
	h := sha256.New()
	writeText(h, "stillwarm code identity 1", string(env[:]), string(an.setupHash[:]))
	writeText(h, parts...)
	f.Identity = hex.EncodeToString(h.Sum(nil)[:16])
}

// identity hashes the code of one wrap.
func (q *inquiry) identity() string {
	h := sha256.New()
	for _, n := range sorted(q.closure) {
		writeText(h, n.id, string(n.full[:]))
	}
	return string(h.Sum(nil))
}

// addNodes writes down the declarations that identities are made of, and what they mention.
func (r *Record) addNodes(needed map[*node]bool) {
	for n := range needed {
		out := Node{Place: n.place, Digest: hex.EncodeToString(n.full[:16])}
		if n.full != n.setup && !n.calls() {
			out.Setup = hex.EncodeToString(n.setup[:16])
		}
		handed := map[string]bool{}
		for _, e := range n.edges {
			switch {
			case !needed[e.to]:
			case e.handed && !n.calls():
				handed[e.to.id] = true
			case !slices.Contains(out.Mentions, e.to.id):
				out.Mentions = append(out.Mentions, e.to.id)
			}
		}
		for id := range handed {
			if !slices.Contains(out.Mentions, id) {
				out.Hands = append(out.Hands, id)
			}
		}
		slices.Sort(out.Mentions)
		slices.Sort(out.Hands)
		r.Nodes[n.id] = out
	}
}
