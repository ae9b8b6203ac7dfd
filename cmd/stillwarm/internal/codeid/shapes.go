package codeid

import (
	"go/ast"
	"go/types"
	"strings"
)

// shapes knows the fields of structs that a pointer may have under several types: a struct without a name is the same type
// wherever it is written, and a pointer to a named one can become a pointer to any other that has the same fields.
type shapes struct {
	structs map[string][]*types.Struct // by the names of their fields
	several map[string]bool            // one of them has no name, or a pointer is converted
	one     map[*types.Var]*types.Var  // of each such field, the one that stands for all
}

// field returns what stands for the field in a location.
func (s *shapes) field(f *types.Var) *types.Var {
	if one, ok := s.one[f.Origin()]; ok {
		return one
	}
	return f.Origin()
}

func shapesOf(units []*unit) *shapes {
	s := &shapes{structs: map[string][]*types.Struct{}, several: map[string]bool{}, one: map[*types.Var]*types.Var{}}
	named := map[*types.Struct]bool{}
	for _, u := range units {
		for _, obj := range u.info.Defs {
			if name, ok := obj.(*types.TypeName); ok && !name.IsAlias() {
				if st, ok := name.Type().Underlying().(*types.Struct); ok {
					named[st] = true
				}
			}
		}
	}
	for _, u := range units {
		for e, tv := range u.info.Types {
			switch e := e.(type) {
			case *ast.StructType:
				if st, ok := tv.Type.(*types.Struct); ok {
					s.add(st, !named[st])
				}
			case *ast.CallExpr:
				if u.info.Types[e.Fun].IsType() && len(e.Args) == 1 {
					s.converted(tv.Type)
				}
			}
		}
	}
	for shape, all := range s.structs {
		if !s.several[shape] {
			continue
		}
		for _, st := range all {
			for i := range st.NumFields() {
				s.one[st.Field(i).Origin()] = all[0].Field(i).Origin()
			}
		}
	}
	return s
}

func (s *shapes) add(st *types.Struct, nameless bool) {
	shape := shapeOf(st)
	s.structs[shape] = append(s.structs[shape], st)
	s.several[shape] = s.several[shape] || nameless
}

// converted notes that a pointer becomes one to another struct of the same shape.
func (s *shapes) converted(to types.Type) {
	if p, ok := under(to).(*types.Pointer); ok {
		if st, ok := under(p.Elem()).(*types.Struct); ok {
			s.several[shapeOf(st)] = true
		}
	}
}

// shapeOf is the names of the fields: types whose pointers convert to each other have the same ones.
func shapeOf(st *types.Struct) string {
	var names []string
	for f := range st.Fields() {
		names = append(names, f.Name())
	}
	return strings.Join(names, " ")
}
