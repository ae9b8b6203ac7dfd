package codeid

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

// decodedTypes are what decoders put into interface values: the program converts none of them.
var decodedTypes = []types.Type{
	types.NewMap(types.Typ[types.String], emptyInterface()), types.NewSlice(emptyInterface()),
	types.NewMap(emptyInterface(), emptyInterface()),
}

func emptyInterface() types.Type { return types.Universe.Lookup("any").Type() }

// hidden notes what becomes an interface value inside a dependency: what a decoder makes, and what is behind an interface that
// a function returns. Where that is not known, the interface stands for it.
func (c *converter) hidden(call *ast.CallExpr, fn *types.Func) {
	if fn == nil || fn.Pkg() == nil || c.w.g.unitOf[fn.Pkg()] != nil || isLibrary(fn) {
		return
	}
	if decodes(fn.Name()) {
		for _, arg := range call.Args {
			if t := c.info.TypeOf(arg); t != nil && interfaceIn(t, nil) != "" {
				c.convertedTo(decodedTypes...)
			}
		}
	}
	t := c.info.TypeOf(call)
	several, ok := t.(*types.Tuple)
	if !ok && t != nil {
		several = types.NewTuple(types.NewVar(call.Pos(), nil, "", t))
	}
	for v := range several.Variables() {
		c.behind(v.Type(), strings.Contains(strings.SplitN(fn.Pkg().Path(), "/", 2)[0], "."))
	}
}

func decodes(name string) bool {
	return strings.HasPrefix(name, "Unmarshal") || strings.HasPrefix(name, "Decode") || strings.HasPrefix(name, "Parse") || strings.HasPrefix(name, "Load")
}

// behind notes what a dependency may have put into an interface of the type. A foreign one is not of the standard library.
func (c *converter) behind(t types.Type, foreign bool) {
	it, ok := t.Underlying().(*types.Interface)
	if ok && it.NumMethods() == 0 && foreign {
		c.convertedTo(decodedTypes...)
	}
	if !ok || it.NumMethods() == 0 || isTypeParam(t) || isError(t) || isContext(t) || immutable(t) {
		return
	}
	name := typeName(t)
	if name != nil && name.Pkg() != nil && constantObjects[name.Pkg().Path()+"."+name.Name()] {
		return
	}
	c.convertedTo(t)
	if name == nil || name.Pkg() == nil || name.Pkg().Path() != "image" {
		return
	}
	for _, held := range holders(name.Pkg().Scope(), t) { // what its decoders make
		c.convertedTo(types.NewPointer(held))
	}
}

// convertedTo notes types that become interface values without a mention of their methods.
func (c *converter) convertedTo(found ...types.Type) {
	for _, t := range found {
		if !slices.Contains(c.w.n.converted, t) {
			c.w.n.converted = append(c.w.n.converted, t)
		}
	}
}

// constantObjects are behind these interfaces of the standard library: their methods change nothing that can be seen.
var constantObjects = map[string]bool{
	"crypto/cipher.AEAD": true, "crypto/cipher.Block": true, "crypto.Signer": true, "crypto.PublicKey": true, "io/fs.FS": true,
	"io/fs.FileInfo": true, "io/fs.DirEntry": true, "net.Addr": true, "net/http.Handler": true,
}
