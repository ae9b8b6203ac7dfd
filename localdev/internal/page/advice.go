package page

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stillwarm/stillwarm/devchannel"
)

// advice is something to do.
type advice struct {
	Kind     string `json:"kind"`
	Function string `json:"function"`
	Title    string `json:"title"`
	Text     string `json:"text"`
	Do       string `json:"do"`
}

// The thresholds of advice.
const (
	enoughCalls = 20
	enoughHits  = 10
	largeEntry  = 1 << 20
	keptKeys    = 1000
	keptValues  = 200
)

// fieldCount is what is known of the values of one field of an argument.
type fieldCount struct {
	values map[string]bool
	calls  int
}

// seen takes a call's argument into account.
func (f *function) seen(e devchannel.Event) {
	f.calls++
	if e.Key != "" && len(f.keys) < keptKeys {
		f.keys[e.Key] = true
	}
	if e.Arg == "" {
		return
	}
	for name, value := range fieldsOf(e.Arg) {
		c := f.fields[name]
		if c == nil {
			c = &fieldCount{values: map[string]bool{}}
			f.fields[name] = c
		}
		if c.calls++; len(c.values) < keptValues {
			c.values[value] = true
		}
	}
}

// fieldsOf splits a rendered struct into its outermost fields. What is no struct is one field without a name.
func fieldsOf(arg string) map[string]string {
	inner, ok := strings.CutPrefix(arg, "{")
	if !ok {
		return map[string]string{"": arg}
	}
	inner = strings.TrimSuffix(inner, "}")
	out := map[string]string{}
	depth, quoted, start := 0, false, 0
	for i := 0; i <= len(inner); i++ {
		if i < len(inner) {
			switch c := inner[i]; {
			case c == '\\' && quoted:
				i++
				continue
			case c == '"':
				quoted = !quoted
			case quoted:
			case c == '{' || c == '[':
				depth++
			case c == '}' || c == ']':
				depth--
			}
			if inner[i] != ' ' || quoted || depth > 0 {
				continue
			}
		}
		if name, value, ok := strings.Cut(inner[start:min(i, len(inner))], ":"); ok {
			out[name] = value
		}
		start = i + 1
	}
	return out
}

// varying returns the fields, sorted, whose value was another at each call.
func (f *function) varying() []string {
	var names []string
	for name, c := range f.fields {
		if c.calls >= enoughCalls && len(c.values) >= min(c.calls, keptValues) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// advise returns what there is to say of all functions. The lock is held.
func (p *Page) advise() []advice {
	list := []advice{}
	for _, w := range p.top.Warnings {
		if strings.Contains(w.Text, "deprecated") || strings.Contains(w.Text, "will be removed") {
			list = append(list, advice{Kind: "deprecation", Title: "A deprecated name is in use", Text: w.Text, Do: "Use the name that the warning recommends."})
		}
	}
	names := make([]string, 0, len(p.functions))
	for name := range p.functions {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		list = append(list, p.functions[name].advise()...)
	}
	return list
}

func (f *function) advise() []advice {
	var list []advice
	add := func(kind, title, text, do string) {
		list = append(list, advice{Kind: kind, Function: f.Name, Title: title, Text: text, Do: do})
	}
	if f.Kind == "resource" {
		return nil
	}
	if f.calls >= enoughCalls && f.hits() == 0 {
		text := fmt.Sprintf("%d calls and no hit", f.calls)
		do := "Look at a call's reason for its miss in its invocation."
		if len(f.keys) >= min(f.calls, keptKeys) {
			text += ": every call has another key"
			do = "Cache a smaller question: leave out of the argument what does not decide the result, or round it."
			if fields := f.varying(); len(fields) == 1 && fields[0] == "" {
				text += "; the argument differs each time"
			} else if len(fields) > 0 {
				text += "; what differs each time: " + strings.Join(fields, ", ")
			}
		}
		add("never-hits", "It never hits", text+".", do)
	}
	if hits := f.hits(); hits >= enoughHits && f.Runs >= 3 {
		hit, run := f.HitMS/float64(hits), f.RunMS/float64(f.Runs)
		if hit > run && hit > 0 {
			add("slower", "It is slower with the cache than without",
				fmt.Sprintf("A hit takes %.2f ms on average, a run %.2f ms.", hit, run),
				"Keep it in memory only with Persist(false), or do not cache it.")
		}
	}
	if f.Largest > largeEntry {
		add("large", "Its entries are large", fmt.Sprintf("The largest has %.1f MB.", float64(f.Largest)/(1<<20)),
			"Return only what callers use, or bound it with MaxSize: a large entry pushes many small ones out of memory.")
	}
	if f.StoreErr != "" {
		add("store", "Its results are not stored", f.StoreErr, "Until that is fixed, other containers and the next start compute them again.")
	}
	return list
}
