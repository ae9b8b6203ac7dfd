// Package surroundings finds what a function is given in the service besides its code: variables from a file, and
// variables, limits and the handler's name from an AWS SAM or CloudFormation template.
package surroundings

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/joho/godotenv"
)

// EnvFile reads NAME=VALUE lines and returns them sorted by name. Quotes, comments, export and ${NAME} mean what they
// mean in a shell.
func EnvFile(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("env file %s: no such file", path)
	} else if err != nil {
		return nil, fmt.Errorf("env file: %w", err)
	}
	values, err := godotenv.UnmarshalBytes(bytes.TrimPrefix(text, []byte("\ufeff"))) // the mark that some editors begin files with
	if err != nil {
		// The parser quotes the line that it cannot read, and that may be a secret.
		return nil, fmt.Errorf("env file %s: a line is not of the form NAME=VALUE", path)
	}
	var env []string
	for name, value := range values {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return env, nil
}

// Missing returns the names, sorted, that the Go files ask os.Getenv or os.LookupEnv for by a literal, that have answers, and
// that given does not answer.
func Missing(files []string, has, given func(name string) bool) []string {
	var names []string
	for _, file := range files {
		for _, name := range asked(file) {
			if has(name) && !given(name) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// asked returns the literal names of variables that a file asks for. A file that does not parse asks for what it can be
// seen to ask for.
func asked(file string) []string {
	parsed, _ := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if parsed == nil {
		return nil
	}
	pkg := osName(parsed)
	var names []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 1 {
			return true
		}
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || (selector.Sel.Name != "Getenv" && selector.Sel.Name != "LookupEnv") {
			return true
		}
		if x, ok := selector.X.(*ast.Ident); !ok || x.Name != pkg {
			return true
		}
		if literal, ok := call.Args[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if name, err := strconv.Unquote(literal.Value); err == nil {
				names = append(names, name)
			}
		}
		return true
	})
	return names
}

// osName returns what the file calls package os.
func osName(file *ast.File) string {
	for _, spec := range file.Imports {
		if spec.Path.Value == `"os"` && spec.Name != nil {
			return spec.Name.Name
		}
	}
	return "os"
}

// Names returns the names of NAME=VALUE.
func Names(env []string) []string {
	var names []string
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		names = append(names, name)
	}
	return names
}
