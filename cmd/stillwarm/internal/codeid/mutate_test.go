package codeid

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A mutant is a change of a program: one file gets another text.
type mutant struct {
	kind string // what was changed, as the tables name it
	file string // relative to the program's folder
	text string
	// function is where the changed function begins, "file:line"; "" for a change of something else.
	function string
	// object is the changed declaration's name within its package, for what is no function: "pkgdir.Name".
	object string
	// neutral: nothing that runs changed.
	neutral bool
}

// unseen is the object of a change whose execution no profile of the unchanged program shows: the results tell.
const unseen = "by its results"

func (m mutant) String() string { return m.kind + " " + m.file + " " + m.function + m.object }

// mutator finds the places of one file that can be changed.
type mutator struct {
	file  string
	text  string
	fset  *token.FileSet
	found []mutant

	decl    string // "file:line" of the function around, or ""
	object  string
	inConst bool
	peers   map[string][]string // functions of the package by their signature's text
}

// mutants returns all changes of the program's files that the mutator knows, in a fixed order.
func mutants(dir string, files []string) ([]mutant, error) {
	var all []mutant
	peers := map[string]map[string][]string{}
	parsed := map[string]*ast.File{}
	fset := token.NewFileSet()
	texts := map[string]string{}
	for _, name := range files {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		texts[name] = string(data)
		if filepath.Ext(name) != ".go" {
			all = append(all, mutant{kind: "embedded file", file: name, text: string(data) + "\n0,0,0\n", object: unseen})
			continue
		}
		f, err := parser.ParseFile(fset, filepath.Join(dir, name), data, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		parsed[name] = f
		pkg := filepath.Dir(name)
		if peers[pkg] == nil {
			peers[pkg] = map[string][]string{}
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Type.TypeParams == nil && fn.Name.Name != "init" && fn.Name.Name != "main" {
				sig := signatureText(fset, texts[name], fn)
				peers[pkg][sig] = append(peers[pkg][sig], fn.Name.Name)
			}
		}
	}
	for _, name := range files {
		if f := parsed[name]; f != nil {
			m := &mutator{file: name, text: texts[name], fset: fset, peers: peers[filepath.Dir(name)]}
			m.fileMutants(f)
			all = append(all, m.found...)
		}
	}
	return all, nil
}

func signatureText(fset *token.FileSet, text string, fn *ast.FuncDecl) string {
	var b strings.Builder
	for _, list := range []*ast.FieldList{fn.Type.Params, fn.Type.Results} {
		if list != nil {
			for _, f := range list.List {
				for range max(len(f.Names), 1) {
					b.WriteString(text[fset.Position(f.Type.Pos()).Offset:fset.Position(f.Type.End()).Offset] + ",")
				}
			}
		}
		b.WriteString(";")
	}
	return b.String()
}

func (m *mutator) offset(p token.Pos) int { return m.fset.Position(p).Offset }

// replace records a mutant that has another text between two positions.
func (m *mutator) replace(kind string, from, to token.Pos, text string) {
	m.found = append(m.found, mutant{
		kind: kind, file: m.file, function: m.decl, object: m.object,
		text: m.text[:m.offset(from)] + text + m.text[m.offset(to):],
	})
}

func (m *mutator) fileMutants(f *ast.File) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body == nil || d.Name.Name == "main" {
				continue
			}
			m.decl, m.object = fmt.Sprintf("%s:%d", m.file, m.fset.Position(d.Pos()).Line), ""
			m.neutral(d)
			m.body(d)
		case *ast.GenDecl:
			m.decl = ""
			for _, spec := range d.Specs {
				m.spec(d, spec)
			}
		}
	}
}

// neutral records changes that mean nothing.
func (m *mutator) neutral(d *ast.FuncDecl) {
	open := d.Body.Lbrace + 1
	for kind, text := range map[string]string{"comment": " /* a remark */ ", "formatting": "\n\n\n"} {
		m.replace(kind, open, open, text)
		m.found[len(m.found)-1].neutral = true
	}
}

func (m *mutator) body(d *ast.FuncDecl) {
	prefix := "function: "
	if d.Recv != nil {
		prefix = "method: "
	}
	ast.Inspect(d.Body, func(n ast.Node) bool {
		m.expression(prefix, n)
		switch n := n.(type) {
		case *ast.ExprStmt:
			if _, ok := n.X.(*ast.CallExpr); ok {
				m.replace(prefix+"statement left out", n.Pos(), n.End(), "")
			}
		case *ast.IncDecStmt:
			other := map[token.Token]string{token.INC: "--", token.DEC: "++"}[n.Tok]
			m.replace(prefix+"operator", n.TokPos, n.End(), other)
		case *ast.IfStmt:
			m.replace(prefix+"condition", n.Cond.Pos(), n.Cond.End(), "!("+m.source(n.Cond)+")")
		}
		return true
	})
}

func (m *mutator) source(n ast.Node) string { return m.text[m.offset(n.Pos()):m.offset(n.End())] }

var otherOperator = map[token.Token]string{
	token.ADD: "-", token.SUB: "+", token.MUL: "+", token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">",
	token.EQL: "!=", token.NEQ: "==", token.LAND: "||", token.LOR: "&&", token.REM: "*", token.QUO: "*",
}

// expression records changes of one syntax node.
func (m *mutator) expression(prefix string, n ast.Node) {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if other := otherOperator[n.Op]; other != "" {
			m.replace(prefix+"operator", n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), other)
		}
	case *ast.BasicLit:
		m.literal(prefix+"constant", n)
	case *ast.CallExpr:
		id, ok := n.Fun.(*ast.Ident)
		if !ok {
			return
		}
		for _, names := range m.peers {
			for i, name := range names {
				if name == id.Name && len(names) > 1 {
					m.replace(prefix+"called function", id.Pos(), id.End(), names[(i+1)%len(names)])
				}
			}
		}
	}
}

func (m *mutator) literal(kind string, n *ast.BasicLit) {
	switch n.Kind {
	case token.INT:
		m.replace(kind, n.Pos(), n.End(), "("+n.Value+" + 1)")
	case token.STRING:
		if text, err := strconv.Unquote(n.Value); err == nil {
			m.replace(kind, n.Pos(), n.End(), strconv.Quote(text+"~"))
		}
	case token.FLOAT:
		m.replace(kind, n.Pos(), n.End(), "("+n.Value+" * 2)")
	}
}

// spec records changes of a constant, a variable or a type.
func (m *mutator) spec(d *ast.GenDecl, spec ast.Spec) {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		m.object = filepath.Dir(m.file) + "." + s.Names[0].Name
		prefix := map[token.Token]string{token.CONST: "constant's ", token.VAR: "initialiser's "}[d.Tok]
		for _, v := range s.Values {
			ast.Inspect(v, func(n ast.Node) bool {
				if n != nil {
					m.expression(prefix, n)
				}
				return true
			})
		}
	case *ast.TypeSpec:
		m.object = filepath.Dir(m.file) + "." + s.Name.Name
		if st, ok := s.Type.(*ast.StructType); ok && s.TypeParams == nil {
			m.replace("struct's new field", st.Fields.Opening+1, st.Fields.Opening+1, " mutantField int\n")
			m.replace("type's new method", s.End(), s.End(), "")
			last := &m.found[len(m.found)-1]
			last.object = unseen // whether anything calls it the results tell
			last.text = m.text + fmt.Sprintf("\nfunc (%s) String() string { return \"mutant\" }\n", s.Name.Name)
		}
	}
}

// pick takes n of the mutants, of each kind about as many, by a fixed seed. It reorders nothing that the caller sees.
func pick(all []mutant, n int, seed uint64) []mutant {
	rng := rand.New(rand.NewPCG(seed, 1))
	byKind := map[string][]mutant{}
	var kinds []string
	for _, m := range all {
		if byKind[m.kind] == nil {
			kinds = append(kinds, m.kind)
		}
		byKind[m.kind] = append(byKind[m.kind], m)
	}
	var picked []mutant
	for len(picked) < n {
		before := len(picked)
		for _, k := range kinds {
			if list := byKind[k]; len(list) > 0 && len(picked) < n {
				i := rng.IntN(len(list))
				picked = append(picked, list[i])
				list[i] = list[len(list)-1]
				byKind[k] = list[:len(list)-1]
			}
		}
		if len(picked) == before {
			break
		}
	}
	return picked
}
