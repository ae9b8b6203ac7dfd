// Package inspect looks into a backend from outside: which functions use it, what they have stored, what an entry
// holds. It also clears and prunes. The command stillwarm uses it.
//
// A backend holds digests and positional values only. Names of functions, their code identities and the names of fields come
// from the record that each function keeps there. Nothing here reads an argument of a call: none is stored.
package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine"
	"github.com/stillwarm/stillwarm/internal/shape"
	"github.com/stillwarm/stillwarm/serialize"
)

// Options configure an [Inspector]. The zero value opens what is not sealed.
type Options struct {
	// SealKeys open sealed entries: the value of STILLWARM_SEAL_KEYS of the functions.
	SealKeys string
	// Clock tells the wall-clock time; nil is time.Now.
	Clock func() time.Time
}

// Inspector looks into one backend. It is safe for concurrent use if the backend is.
type Inspector struct {
	manager backends.PersistenceManager
	sealed  *serialize.Sealer // with the keys, if there are any
	plain   *serialize.Sealer
	keyed   bool
	clock   func() time.Time
}

// Open opens the backend of a URL, as a function's STILLWARM_BACKEND names it. The schemes are those of the packages that
// the program imports. It connects to nothing yet.
func Open(ctx context.Context, url string, o Options) (*Inspector, error) {
	m, err := backends.Open(ctx, url)
	if err != nil {
		return nil, err
	}
	i, err := New(m, o)
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return i, nil
}

// New returns an Inspector of an open backend, which [Inspector.Close] closes. An error says what is wrong with the keys.
func New(m backends.PersistenceManager, o Options) (*Inspector, error) {
	i := &Inspector{manager: m, keyed: strings.TrimSpace(o.SealKeys) != "", clock: o.Clock}
	if i.clock == nil {
		i.clock = time.Now
	}
	var err error
	if i.sealed, err = serialize.NewSealer(serialize.Options{Keys: o.SealKeys}); err != nil {
		return nil, err
	}
	i.plain, err = serialize.NewSealer(serialize.Options{})
	return i, err
}

// Close closes the backend.
func (i *Inspector) Close() error { return i.manager.Close() }

// Function is a cached function as its record in the backend describes it.
type Function struct {
	Namespace string        `json:"namespace"`
	Name      string        `json:"name"`
	Kind      string        `json:"kind,omitempty"` // data, http
	Code      []string      `json:"code,omitempty"` // identities of its code that were seen, the latest last
	In        string        `json:"in,omitempty"`   // the argument's type
	Out       string        `json:"out,omitempty"`  // the result's type
	RunTime   time.Duration `json:"-"`              // of a recent run
	RunTimeMs float64       `json:"runTimeMs"`
	Written   time.Time     `json:"written,omitzero"` // when the record was written; zero: unknown

	trees map[string]shape.Node
}

// ErrNoFunctions is returned where a backend cannot say which functions it holds entries of.
var ErrNoFunctions = errors.New("this backend cannot list functions")

// ErrNoListing is returned where a backend cannot list a function's entries.
var ErrNoListing = errors.New("this backend cannot list entries")

// Functions calls yield for each function that has a record, in all namespaces, until yield returns false. A function gets its
// record after its first run.
func (i *Inspector) Functions(ctx context.Context, yield func(Function) bool) error {
	l, ok := i.manager.(backends.FunctionLister)
	if !ok {
		return ErrNoFunctions
	}
	return l.Functions(ctx, func(info backends.FunctionInfo) bool { return yield(functionOf(info)) })
}

// Function returns one function. Where it has no record, only its names are known; found says whether it has one.
func (i *Inspector) Function(ctx context.Context, namespace, name string) (f Function, found bool, err error) {
	f = Function{Namespace: namespace, Name: name}
	s, err := i.store(ctx, f)
	if err != nil {
		return f, false, err
	}
	records, ok := s.(backends.Records)
	if !ok {
		return f, false, nil
	}
	rs, _, err := records.ReadRecords(ctx, []string{backends.FunctionRecord(name)})
	if err != nil || len(rs) != 1 || rs[0].Value == nil {
		return f, false, err
	}
	return functionOf(backends.FunctionInfo{Namespace: namespace, Name: name, Record: rs[0].Value, Written: rs[0].Written}), true, nil
}

// functionOf reads a record. What cannot be read is left out: the names are the backend's.
func functionOf(info backends.FunctionInfo) Function {
	f := Function{Namespace: info.Namespace, Name: info.Name, Written: info.Written, trees: map[string]shape.Node{}}
	var r engine.FunctionRecord
	if json.Unmarshal(info.Record, &r) != nil {
		return f
	}
	f.Kind, f.Code, f.In, f.Out, f.RunTimeMs = r.Kind, r.Code, r.In, r.Out, r.RunTimeMs
	f.RunTime = time.Duration(r.RunTimeMs * float64(time.Millisecond))
	for print, text := range r.Trees {
		var tree shape.Node
		if json.Unmarshal(text, &tree) == nil {
			f.trees[print] = tree
		}
	}
	return f
}

func (i *Inspector) store(ctx context.Context, f Function) (backends.Store, error) {
	if f.Name == "" {
		return nil, errors.New("a function's name is empty")
	}
	return i.manager.Store(ctx, backends.Function{Namespace: f.Namespace, Name: f.Name})
}

// Prune removes entries that have expired or were cleared, and returns how many. Not every backend needs it: Redis and a
// bucket with a lifecycle rule remove them themselves.
func (i *Inspector) Prune(ctx context.Context) (int, error) {
	p, ok := i.manager.(backends.Pruner)
	if !ok {
		return 0, fmt.Errorf("this backend removes expired entries itself")
	}
	return p.Prune(ctx, serialize.PeekGeneration)
}
