package deploy

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// resolved is the template with its parameters filled in, its conditions decided and its functions evaluated, as
// CloudFormation does before it makes anything.
type resolved struct {
	resources map[string]object // logical id -> Type and Properties; only those whose condition holds
	outputs   map[string]any
	rules     object
	// refs are the resources that are referred to, and from where.
	refs map[string]string
}

// noValue is what Ref: AWS::NoValue comes to: the property or element is left out.
type noValue struct{}

type resolver struct {
	t          *testing.T
	params     map[string]string
	conditions object
	resources  object
	refs       map[string]string
	at         string // the resource or output being evaluated
}

func resolve(t *testing.T, tpl object, overrides map[string]string) resolved {
	t.Helper()
	r := &resolver{t: t, params: map[string]string{}, refs: map[string]string{}}
	r.conditions, r.resources = tpl["Conditions"].(object), tpl["Resources"].(object)
	for name, p := range tpl["Parameters"].(object) {
		r.params[name] = parameter(t, name, p.(object), overrides)
	}
	for name := range overrides {
		if _, ok := r.params[name]; !ok {
			t.Fatalf("the template has no parameter %s", name)
		}
	}
	out := resolved{resources: map[string]object{}, outputs: map[string]any{}, refs: r.refs}
	for id, v := range r.resources {
		res := v.(object)
		if !r.holds(res["Condition"]) {
			continue
		}
		r.at = id
		props, _ := r.value(res["Properties"]).(object)
		out.resources[id] = object{"Type": res["Type"], "Properties": props}
	}
	for name, v := range tpl["Outputs"].(object) {
		if r.holds(v.(object)["Condition"]) {
			r.at = "output " + name
			out.outputs[name] = r.value(v.(object)["Value"])
		}
	}
	out.rules, _ = r.value(tpl["Rules"]).(object)
	return out
}

// parameter returns a parameter's value and checks that the template would accept it.
func parameter(t *testing.T, name string, p object, overrides map[string]string) string {
	t.Helper()
	value, given := overrides[name]
	if !given {
		value = fmt.Sprint(p["Default"])
	}
	if allowed := list(p["AllowedValues"]); len(allowed) > 0 {
		ok := false
		for _, a := range allowed {
			ok = ok || fmt.Sprint(a) == value
		}
		if !ok {
			t.Fatalf("parameter %s: %q is none of %v", name, value, allowed)
		}
	}
	if pattern, ok := p["AllowedPattern"].(string); ok && !regexp.MustCompile("^(?:"+pattern+")$").MatchString(value) {
		t.Fatalf("parameter %s: %q does not match %s", name, value, pattern)
	}
	return value
}

// holds decides a resource's Condition; without one it is made.
func (r *resolver) holds(name any) bool {
	if name == nil {
		return true
	}
	c, ok := r.conditions[name.(string)]
	if !ok {
		r.t.Fatalf("no condition %s", name)
	}
	return r.value(c).(bool)
}

// value evaluates a value of the template.
func (r *resolver) value(v any) any {
	switch v := v.(type) {
	case object:
		if len(v) == 1 {
			for name, in := range v {
				if f, ok := functions[name]; ok {
					return f(r, in)
				}
				if condition, ok := in.(string); ok && name == "Condition" {
					return r.holds(condition)
				}
				if strings.HasPrefix(name, "Fn::") {
					r.t.Fatalf("%s: the test does not know %s", r.at, name)
				}
			}
		}
		all := object{}
		for name, in := range v {
			if x := r.value(in); x != (noValue{}) {
				all[name] = x
			}
		}
		return all
	case []any:
		all := []any{}
		for _, in := range v {
			if x := r.value(in); x != (noValue{}) {
				all = append(all, x)
			}
		}
		return all
	}
	return v
}

func (r *resolver) list(v any) []any { return r.value(v).([]any) }

var functions map[string]func(r *resolver, in any) any

func init() {
	functions = map[string]func(r *resolver, in any) any{
		"Ref": func(r *resolver, in any) any { return r.ref(in.(string)) },
		"Fn::GetAtt": func(r *resolver, in any) any {
			if s, ok := in.(string); ok {
				return r.attribute(s)
			}
			return r.attribute(strings.Join(strs(in), "."))
		},
		"Fn::If": func(r *resolver, in any) any {
			three := in.([]any)
			if r.holds(three[0]) { // the other branch is not looked at: what it refers to may not be made
				return r.value(three[1])
			}
			return r.value(three[2])
		},
		"Fn::Sub":   func(r *resolver, in any) any { return r.substitute(in.(string)) },
		"Fn::Join":  func(r *resolver, in any) any { l := r.list(in); return strings.Join(strs(l[1]), l[0].(string)) },
		"Fn::Split": func(r *resolver, in any) any { l := r.list(in); return split(l[1].(string), l[0].(string)) },
		"Fn::Equals": func(r *resolver, in any) any {
			l := r.list(in)
			return fmt.Sprint(l[0]) == fmt.Sprint(l[1])
		},
		"Fn::Not": func(r *resolver, in any) any { return !r.list(in)[0].(bool) },
		"Fn::And": func(r *resolver, in any) any {
			for _, v := range r.list(in) {
				if !v.(bool) {
					return false
				}
			}
			return true
		},
	}
}

func split(s, by string) []any {
	var all []any
	for part := range strings.SplitSeq(s, by) {
		all = append(all, part)
	}
	return all
}

func (r *resolver) ref(name string) any {
	switch name {
	case "AWS::NoValue":
		return noValue{}
	case "AWS::Partition":
		return "aws"
	case "AWS::Region":
		return "eu-central-1"
	case "AWS::AccountId":
		return "123456789012"
	case "AWS::StackName":
		return "weather"
	}
	if value, ok := r.params[name]; ok {
		return value
	}
	r.refer(name)
	return lower(name)
}

// attribute gives attributes values by which a test recognises them.
func (r *resolver) attribute(path string) any {
	id, name, _ := strings.Cut(path, ".")
	r.refer(id)
	switch {
	case strings.EqualFold(name, "Arn") && id == "DemoLogs":
		return "arn:" + id + ":*" // as the log group's attribute ends
	case strings.EqualFold(name, "Arn"):
		return "arn:" + id
	case name == "Endpoint.Port":
		return "6379"
	}
	return strings.ToLower(path)
}

// refer notes that a resource is used. SAM makes the resource of a function's URL.
func (r *resolver) refer(id string) {
	id = strings.TrimSuffix(id, "Url")
	if _, ok := r.resources[id]; !ok {
		r.t.Errorf("%s refers to %s, which is no parameter and no resource", r.at, id)
	}
	r.refs[id] = r.at
}

var variable = regexp.MustCompile(`\$\{([A-Za-z0-9:.]+)\}`)

func (r *resolver) substitute(s string) string {
	return variable.ReplaceAllStringFunc(s, func(v string) string {
		name := variable.FindStringSubmatch(v)[1]
		if strings.Contains(name, ".") {
			return r.attribute(name).(string)
		}
		return fmt.Sprint(r.ref(name))
	})
}
