package engine

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
)

// Description is what a function's record says of its types.
type Description struct {
	Kind    string
	In, Out string // the types' names
	// Trees are field names and kinds by fingerprint, so that tools can name what a positional encoding holds.
	Trees map[string]json.RawMessage
}

// FunctionRecord is what the backend keeps of a function, apart from its entries, for tools and for containers that do
// not know yet how long a run takes. Nothing of an argument is in it. It outlives clears and deploys.
type FunctionRecord struct {
	Namespace string                     `json:"namespace"`
	Name      string                     `json:"name"`
	Kind      string                     `json:"kind"`
	Code      []string                   `json:"code"` // identities, the latest last
	In        string                     `json:"in"`
	Out       string                     `json:"out"`
	RunTimeMs float64                    `json:"runTimeMs"`
	Trees     map[string]json.RawMessage `json:"trees,omitempty"`
}

// maxCodes and maxTrees bound a record: older builds are forgotten.
const (
	maxCodes = 16
	maxTrees = 16
)

// functionRecord is what this container knows of its function's record.
type functionRecord struct {
	mu    sync.Mutex
	read  bool
	saved bool
	known FunctionRecord
	seen  backends.Version
}

// wanted reports whether the record is to be read with the next read.
func (r *functionRecord) wanted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.read
}

func (r *functionRecord) heard(rec backends.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read, r.seen = true, rec.Version
	var known FunctionRecord
	if json.Unmarshal(rec.Value, &known) == nil {
		r.known = known
	}
}

// recordedRun is the run time that the record knows.
func (s *store) recordedRun() time.Duration {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	return time.Duration(s.record.known.RunTimeMs * float64(time.Millisecond))
}

// save writes the record where it does not know this build or how long a run takes: at most once in a container, after a
// response. Another container that was faster has said the same.
func (r *functionRecord) save(ctx context.Context, s *store, e *memory.Entry) {
	r.mu.Lock()
	recs, ok := s.opened.(backends.Records)
	if !ok || !r.read || r.saved {
		r.mu.Unlock()
		return
	}
	r.saved = true
	rec, seen := r.known, r.seen
	r.mu.Unlock()
	if slices.Contains(rec.Code, s.code) && rec.RunTimeMs > 0 && near(rec.RunTimeMs, e.RunTime) {
		return
	}
	rec = s.describe(rec, e)
	value, err := json.Marshal(rec)
	if err != nil {
		return
	}
	expires := freshness.Time(s.f.env.Now()).Add(invalidation.Kept)
	_ = s.write(ctx, func(ctx context.Context) error {
		_, err := recs.WriteRecord(ctx, backends.FunctionRecord(s.f.spec.Name), value, expires, seen)
		return err
	})
}

// near reports whether a run took between half and twice of what is recorded.
func near(recordedMs float64, run int64) bool {
	ms := float64(run) / float64(time.Millisecond)
	return ms < 5 || ms > recordedMs/2 && ms < recordedMs*2
}

// describe brings a record up to date.
func (s *store) describe(rec FunctionRecord, e *memory.Entry) FunctionRecord {
	rec.Namespace, rec.Name = s.f.env.Namespace, s.f.spec.Name
	if !slices.Contains(rec.Code, s.code) {
		rec.Code = append(rec.Code, s.code)
		rec.Code = rec.Code[max(0, len(rec.Code)-maxCodes):]
	}
	rec.RunTimeMs = float64(e.RunTime) / float64(time.Millisecond)
	if s.f.spec.Describe == nil {
		return rec
	}
	d := s.f.spec.Describe()
	rec.Kind, rec.In, rec.Out = d.Kind, d.In, d.Out
	if rec.Trees == nil || len(rec.Trees) > maxTrees {
		rec.Trees = map[string]json.RawMessage{}
	}
	for print, tree := range d.Trees {
		rec.Trees[print] = tree
	}
	return rec
}
