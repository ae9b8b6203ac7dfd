package devchannel

import (
	"encoding/json"
	"time"
)

// Message is one line of the protocol. Exactly one field is set.
type Message struct {
	Hello     *Hello     `json:"hello,omitempty"`     // function to runner, first
	Functions []Function `json:"functions,omitempty"` // function to runner, when more are known
	Events    []Event    `json:"events,omitempty"`    // function to runner
	Lost      uint64     `json:"lost,omitempty"`      // function to runner: how many events did not fit into the queue
	Ask       *Ask       `json:"ask,omitempty"`       // runner to function
	Reply     *Reply     `json:"reply,omitempty"`     // function to runner
}

// Hello introduces a process.
type Hello struct {
	Version   int        `json:"version"`
	Token     string     `json:"token"` // of the address
	PID       int        `json:"pid"`
	Functions []Function `json:"functions"`
	Backend   string     `json:"backend"` // as it may be shown, "" for none
}

// Function describes a cached function.
type Function struct {
	Name     string   `json:"name"`
	Kind     string   `json:"kind"`     // "data", "resource" or "http"
	Place    string   `json:"place"`    // file:line of the call that wrapped it
	Identity string   `json:"identity"` // of its code: entries of another identity are not found
	Persists bool     `json:"persists"`
	Options  []Option `json:"options"` // those that were set
	In       *Tree    `json:"in"`
	Out      *Tree    `json:"out"`
}

// Option is an option as the source writes it.
type Option struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Tree is a type with the names of its fields.
type Tree struct {
	Name   string `json:"name,omitempty"` // of the field; "" at the root
	Type   string `json:"type"`
	Fields []Tree `json:"fields,omitempty"`
}

// Event tells of one thing that happened to a cached function. Times are wall-clock nanoseconds since 1970, durations
// nanoseconds.
type Event struct {
	Kind     string        `json:"kind"` // of adapter.EventKind; "running" for progress
	Function string        `json:"function"`
	Request  string        `json:"request,omitempty"` // the invocation's request id
	Call     uint64        `json:"call,omitempty"`    // the cached call; 0: not known
	Parent   uint64        `json:"parent,omitempty"`  // the cached call whose run made this one
	At       int64         `json:"at"`                // when it was over
	Duration time.Duration `json:"duration,omitempty"`
	Key      string        `json:"key,omitempty"` // digest
	Tier     string        `json:"tier,omitempty"`
	Reason   string        `json:"reason,omitempty"` // why a miss, or why a stale entry was returned
	Saved    time.Duration `json:"saved,omitempty"`  // what the run took that made the entry
	Wait     time.Duration `json:"wait,omitempty"`   // for another container's lease
	Size     int64         `json:"size,omitempty"`   // bytes
	Age      time.Duration `json:"age,omitempty"`
	TTL      time.Duration `json:"ttl,omitempty"` // freshness left; meaningless unless Expires
	Expires  bool          `json:"expires,omitempty"`
	Arg      string        `json:"arg,omitempty"`  // rendered
	Text     string        `json:"text,omitempty"` // of progress
	Err      string        `json:"err,omitempty"`
}

// Ref names an entry.
type Ref struct {
	Function string `json:"function"`
	Key      string `json:"key"` // digest
}

// Entry is what memory holds under a key.
type Entry struct {
	Ref
	Tier       string `json:"tier"`
	Created    int64  `json:"created"`
	Fresh      int64  `json:"fresh"` // until when; 0: for ever
	End        int64  `json:"end"`   // until when it may serve at all; 0: for ever
	Size       int64  `json:"size"`
	RunTime    int64  `json:"runTime"`              // nanoseconds that its run took
	URL        string `json:"url,omitempty"`        // of an HTTP entry
	Variant    string `json:"variant,omitempty"`    // of an HTTP entry: the fields that it varies on
	Generation string `json:"generation,omitempty"` // of the backend
}

// Value is a value with the names of its fields.
type Value struct {
	Name     string  `json:"name,omitempty"`
	Type     string  `json:"type"`
	Text     string  `json:"text,omitempty"` // of a leaf
	Children []Value `json:"children,omitempty"`
	Cut      bool    `json:"cut,omitempty"` // there is more
}

// Explanation says what a call would find.
type Explanation struct {
	Hit     bool   `json:"hit"`
	Stale   bool   `json:"stale"`
	Tier    string `json:"tier"`
	Why     string `json:"why"`
	Created int64  `json:"created"`
	Fresh   int64  `json:"fresh"`
	End     int64  `json:"end"`
}

// Target says what to clear: an entry, all of a function, all of a tag, or everything.
type Target struct {
	Function string `json:"function,omitempty"`
	Key      string `json:"key,omitempty"`
	Tag      string `json:"tag,omitempty"`
	All      bool   `json:"all,omitempty"`
}

// The verbs of questions.
const (
	VerbSync    = "sync"
	VerbEntries = "entries"
	VerbValue   = "value"
	VerbExplain = "explain"
	VerbClear   = "clear"
	VerbClock   = "clock"
)

// Ask is a question of the runner.
type Ask struct {
	ID     uint64        `json:"id"`
	Verb   string        `json:"verb"`
	Ref    Ref           `json:"ref,omitzero"`
	Target Target        `json:"target,omitzero"`
	Limit  int           `json:"limit,omitempty"`
	Offset time.Duration `json:"offset,omitempty"`
}

// Reply answers it.
type Reply struct {
	ID    uint64          `json:"id"`
	Err   string          `json:"err,omitempty"`
	Value json.RawMessage `json:"value,omitempty"`
}
