package codeid

// RecordVersion is the version of the form in which a Record is written.
const RecordVersion = 1

// A Record is what is known of one build: the identities of its cached functions and what they are made of. It is written
// as JSON beside the binary, and holds no source, no value and no path outside of its modules.
type Record struct {
	Version     int             `json:"version"`
	Package     string          `json:"package"`
	Build       string          `json:"build,omitempty"`   // the identity of the whole binary; "" where nothing was linked
	Problem     string          `json:"problem,omitempty"` // why no function has an identity of its own, or ""
	Environment []Fact          `json:"environment"`
	Setup       []string        `json:"setup"` // what runs at the start, in its order: keys of Nodes
	Functions   []Function      `json:"functions"`
	Nodes       map[string]Node `json:"nodes"`

	Inputs string `json:"inputs,omitempty"` // a hash of all that the record was computed from
	Seal   string `json:"seal,omitempty"`   // a checksum of the record itself
}

// Fact is one thing beside the source that decides results: a version, a setting.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Function is one cached function.
type Function struct {
	Name     string   `json:"name"`              // as keys have it
	Place    string   `json:"place"`             // file:line of the call that wraps it
	Identity string   `json:"identity"`          // 32 hexadecimal digits; "" for the identity of the build
	Promise  string   `json:"promise,omitempty"` // the text of its Version option, which replaces the identity
	Doubts   []Doubt  `json:"doubts,omitempty"`  // why it has the identity of the build
	Roots    []string `json:"roots"`             // where its code begins: keys of Nodes
}

// Node is one declaration.
type Node struct {
	Place    string   `json:"place"`
	Digest   string   `json:"digest"`
	Setup    string   `json:"setupDigest,omitempty"` // without functions that it hands over, where that differs
	Mentions []string `json:"mentions,omitempty"`
	Hands    []string `json:"hands,omitempty"` // mentioned only in functions that are handed over
}

// Function returns the function of that name, or nil.
func (r *Record) Function(name string) *Function {
	for i := range r.Functions {
		if r.Functions[i].Name == name {
			return &r.Functions[i]
		}
	}
	return nil
}

// Withdraw gives every function the identity of the build.
func (r *Record) Withdraw(why string) {
	r.Problem = why
	for i := range r.Functions {
		r.Functions[i].Identity = ""
	}
}

// Table returns the identities by name, for the functions that have one of their own.
func (r *Record) Table() map[string]string {
	table := map[string]string{}
	for _, f := range r.Functions {
		if f.Identity != "" {
			table[f.Name] = f.Identity
		}
	}
	return table
}
