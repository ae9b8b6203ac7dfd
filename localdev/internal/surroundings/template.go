package surroundings

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Function is what a template says of a function. A field is zero where the template does not say, or says it by what only
// a deployment knows.
type Function struct {
	Resource   string // its name in the template
	Env        []string
	Timeout    time.Duration
	MemoryMB   int
	Handler    string
	Folder     string   // of its code, absolute; "" where the template does not say
	Unresolved []string // "TABLE_NAME: Ref Table", sorted: what only a deployment knows
}

// The types of resources that are functions.
const (
	samFunction    = "AWS::Serverless::Function"
	lambdaFunction = "AWS::Lambda::Function"
)

// Template reads the function of that resource name from a template. Where resource is "", it is the one whose code is
// in folder, or the only one. env are variables that the developer gives: they need no resolving.
func Template(path, resource, folder, region string, env []string) (Function, error) {
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return Function{}, fmt.Errorf("template %s: no such file", path)
	} else if err != nil {
		return Function{}, fmt.Errorf("template: %w", err)
	}
	return parse(path, text, resource, folder, region, env)
}

func parse(path string, text []byte, resource, folder, region string, env []string) (Function, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return Function{}, fmt.Errorf("template %s: %w", path, err)
	}
	if len(document.Content) == 0 || document.Content[0].Kind != yaml.MappingNode {
		return Function{}, fmt.Errorf("template %s is not a mapping with Resources", path)
	}
	t := &template{root: document.Content[0], region: region}
	name, node, err := t.choose(resource, filepath.Dir(path), folder)
	if err != nil {
		return Function{}, fmt.Errorf("template %s: %w", path, err)
	}
	return t.function(name, node, filepath.Dir(path), env), nil
}

type template struct {
	root   *yaml.Node
	region string
	depth  int // of references within references
	steps  int // references that were followed
}

// choose finds the function's resource.
func (t *template) choose(resource, base, folder string) (string, *yaml.Node, error) {
	var names []string
	found := map[string]*yaml.Node{}
	for name, node := range pairs(member(t.root, "Resources")) {
		kind := scalar(member(node, "Type"))
		if kind == samFunction || kind == lambdaFunction {
			names = append(names, name)
			found[name] = node
		}
	}
	switch {
	case len(names) == 0:
		return "", nil, fmt.Errorf("it has no resource of the type %s or %s", samFunction, lambdaFunction)
	case resource != "":
		if found[resource] == nil {
			return "", nil, fmt.Errorf("it has no function %s; it has %s", resource, strings.Join(names, ", "))
		}
		return resource, found[resource], nil
	case len(names) == 1:
		return names[0], found[names[0]], nil
	}
	var here []string
	for _, name := range names {
		if dir := t.folder(found[name], base); dir != "" && dir == folder {
			here = append(here, name)
		}
	}
	if len(here) != 1 {
		return "", nil, fmt.Errorf("it has several functions; name one with --template-function: %s", strings.Join(names, ", "))
	}
	return here[0], found[here[0]], nil
}

func (t *template) folder(node *yaml.Node, base string) string {
	properties := member(node, "Properties")
	uri := member(properties, "CodeUri")
	if uri == nil {
		uri = member(member(member(t.root, "Globals"), "Function"), "CodeUri")
	}
	if path, ok := t.text(uri); ok && path != "" && !strings.Contains(path, "://") {
		if dir, err := filepath.Abs(filepath.Join(base, path)); err == nil {
			return dir
		}
	}
	return ""
}

// function reads the properties, those of Globals beneath the resource's own.
func (t *template) function(name string, node *yaml.Node, base string, given []string) Function {
	f := Function{Resource: name, Folder: t.folder(node, base)}
	own, globals := member(node, "Properties"), member(member(t.root, "Globals"), "Function")
	unresolved := func(what string, n *yaml.Node) {
		f.Unresolved = append(f.Unresolved, what+": "+describe(n))
	}
	property := func(key string) *yaml.Node {
		if n := member(own, key); n != nil {
			return n
		}
		return member(globals, key)
	}
	number := func(key string) int {
		n := property(key)
		if n == nil {
			return 0
		}
		text, ok := t.text(n)
		value, err := strconv.Atoi(text)
		if !ok || err != nil {
			unresolved(key, n)
			return 0
		}
		return value
	}
	f.Timeout, f.MemoryMB = time.Duration(number("Timeout"))*time.Second, number("MemorySize")
	if n := property("Handler"); n != nil {
		var ok bool
		if f.Handler, ok = t.text(n); !ok {
			unresolved("Handler", n)
		}
	}
	values := map[string]*yaml.Node{}
	for _, from := range []*yaml.Node{globals, own} {
		for key, n := range pairs(member(member(from, "Environment"), "Variables")) {
			values[key] = n
		}
	}
	names := Names(given)
	for key, n := range values {
		if slices.Contains(names, key) {
			continue
		}
		if value, ok := t.text(n); !ok {
			unresolved(key, n)
		} else if value != noValue {
			f.Env = append(f.Env, key+"="+value)
		}
	}
	slices.Sort(f.Env)
	slices.Sort(f.Unresolved)
	return f
}
