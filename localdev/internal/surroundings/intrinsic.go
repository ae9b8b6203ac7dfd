package surroundings

import (
	"encoding/base64"
	"iter"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// noValue stands for AWS::NoValue, which removes what it is the value of.
const noValue = "\x00AWS::NoValue"

// pairs yields the members of a mapping; none of any other node.
func pairs(n *yaml.Node) iter.Seq2[string, *yaml.Node] {
	return func(yield func(string, *yaml.Node) bool) {
		if n = target(n); n == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i].Value, target(n.Content[i+1])) {
				return
			}
		}
	}
}

// target follows an alias.
func target(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func member(n *yaml.Node, key string) *yaml.Node {
	for name, value := range pairs(n) {
		if name == key {
			return value
		}
	}
	return nil
}

func scalar(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// call returns the intrinsic function that a node calls, in its long form (Fn::Sub) or its short one (!Sub), and its
// argument.
func call(n *yaml.Node) (name string, arg *yaml.Node) {
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		bare := *n
		bare.Tag = ""
		return strings.TrimPrefix(n.Tag, "!"), &bare
	}
	if n.Kind == yaml.MappingNode && len(n.Content) == 2 {
		key := n.Content[0].Value
		if key == "Ref" || key == "Condition" {
			return key, target(n.Content[1])
		}
		if rest, ok := strings.CutPrefix(key, "Fn::"); ok {
			return rest, target(n.Content[1])
		}
	}
	return "", nil
}

// describe says what a value asks for, in a few words.
func describe(n *yaml.Node) string {
	name, arg := call(n)
	if name == "" {
		return strings.TrimSpace(scalar(n))
	}
	text := scalar(arg)
	if text == "" && arg.Kind == yaml.SequenceNode {
		var parts []string
		for _, part := range arg.Content {
			parts = append(parts, scalar(target(part)))
		}
		text = strings.Trim(strings.Join(parts, " "), " ")
	}
	if r := []rune(text); len(r) > 60 {
		text = string(r[:60]) + "…"
	}
	return strings.TrimSpace(name + " " + text)
}

// The bounds of what one template may ask for: references may go in a circle, and each may double what follows.
const (
	maxDepth = 50
	maxSteps = 10_000
)

func (t *template) enter() bool {
	if t.depth >= maxDepth || t.steps >= maxSteps {
		return false
	}
	t.depth++
	t.steps++
	return true
}

func (t *template) leave() { t.depth-- }

// text returns a node's value as text, and false for what only a deployment knows.
func (t *template) text(n *yaml.Node) (string, bool) {
	n = target(n)
	if n == nil {
		return "", false
	}
	if !t.enter() {
		return "", false
	}
	defer t.leave()
	name, arg := call(n)
	switch name {
	case "":
		if n.Kind != yaml.ScalarNode || strings.Contains(n.Value, "{{resolve:") {
			return "", false
		}
		return n.Value, true
	case "Ref":
		return t.ref(scalar(arg))
	case "Sub":
		return t.sub(arg)
	case "Join":
		return t.join(arg)
	case "Select":
		return t.choice(arg)
	case "FindInMap":
		return t.find(arg)
	case "Base64":
		text, ok := t.text(arg)
		return base64.StdEncoding.EncodeToString([]byte(text)), ok
	case "If":
		if arg.Kind != yaml.SequenceNode || len(arg.Content) != 3 {
			return "", false
		}
		holds, ok := t.condition(member(member(t.root, "Conditions"), scalar(arg.Content[0])))
		if !ok {
			return "", false
		}
		if holds {
			return t.text(arg.Content[1])
		}
		return t.text(arg.Content[2])
	}
	return "", false
}

func (t *template) ref(name string) (string, bool) {
	switch name {
	case "AWS::Region":
		return t.region, true
	case "AWS::AccountId":
		return "000000000000", true
	case "AWS::Partition":
		return "aws", true
	case "AWS::URLSuffix":
		return "amazonaws.com", true
	case "AWS::StackName":
		return "local", true
	case "AWS::NoValue":
		return noValue, true
	}
	return t.text(member(member(member(t.root, "Parameters"), name), "Default"))
}

var placeholder = regexp.MustCompile(`\$\{[^}]*\}`)

func (t *template) sub(arg *yaml.Node) (string, bool) {
	var own *yaml.Node
	if arg.Kind == yaml.SequenceNode && len(arg.Content) == 2 {
		arg, own = target(arg.Content[0]), target(arg.Content[1])
	}
	if arg.Kind != yaml.ScalarNode || strings.Contains(arg.Value, "{{resolve:") {
		return "", false
	}
	known := true
	text := placeholder.ReplaceAllStringFunc(arg.Value, func(p string) string {
		name := strings.TrimSpace(p[2 : len(p)-1])
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			return "${" + literal + "}"
		}
		var value string
		var ok bool
		if n := member(own, name); n != nil {
			value, ok = t.text(n)
		} else {
			value, ok = t.ref(name)
		}
		known = known && ok
		return value
	})
	return text, known
}

func (t *template) join(arg *yaml.Node) (string, bool) {
	if arg.Kind != yaml.SequenceNode || len(arg.Content) != 2 || target(arg.Content[1]).Kind != yaml.SequenceNode {
		return "", false
	}
	var parts []string
	for _, n := range target(arg.Content[1]).Content {
		part, ok := t.text(n)
		if !ok {
			return "", false
		}
		if part != noValue {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, arg.Content[0].Value), true
}

func (t *template) choice(arg *yaml.Node) (string, bool) {
	if arg.Kind != yaml.SequenceNode || len(arg.Content) != 2 {
		return "", false
	}
	i, err := strconv.Atoi(arg.Content[0].Value)
	list := target(arg.Content[1])
	if err != nil || list.Kind != yaml.SequenceNode || i < 0 || i >= len(list.Content) {
		return "", false
	}
	return t.text(list.Content[i])
}

func (t *template) find(arg *yaml.Node) (string, bool) {
	if arg.Kind != yaml.SequenceNode || len(arg.Content) < 3 {
		return "", false
	}
	n := member(t.root, "Mappings")
	for _, key := range arg.Content[:3] {
		name, ok := t.text(key)
		if !ok {
			return "", false
		}
		n = member(n, name)
	}
	return t.text(n)
}

// condition evaluates a condition, where parameters' defaults decide it.
func (t *template) condition(n *yaml.Node) (holds, known bool) {
	n = target(n)
	if n == nil {
		return false, false
	}
	if !t.enter() {
		return false, false
	}
	defer t.leave()
	name, arg := call(n)
	if name == "Condition" {
		return t.condition(member(member(t.root, "Conditions"), scalar(arg)))
	}
	if arg == nil || arg.Kind != yaml.SequenceNode {
		return false, false
	}
	switch name {
	case "Equals":
		if len(arg.Content) != 2 {
			return false, false
		}
		a, known := t.text(arg.Content[0])
		b, too := t.text(arg.Content[1])
		return a == b, known && too
	case "Not":
		if len(arg.Content) != 1 {
			return false, false
		}
		holds, known = t.condition(arg.Content[0])
		return !holds, known
	case "And", "Or":
		holds = name == "And"
		for _, part := range arg.Content {
			one, known := t.condition(part)
			if !known {
				return false, false
			}
			if name == "And" {
				holds = holds && one
			} else {
				holds = holds || one
			}
		}
		return holds, true
	}
	return false, false
}
