package engine

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
)

// Records are the invalidation records of a namespace in one backend, as far as this container knows them; or, without a
// backend, of this container alone.
//
// A record holds a random id, which an invalidation replaces. An entry carries the ids that its records had before its
// run began, and is a miss once one differs. One more record, the epoch, moves with each invalidation, after the records
// themselves: a container asks for the epoch once per NearTTL and reads the records of an entry in memory again only
// when it moved. So an untagged function pays nothing, and a tagged hit in memory compares two numbers.
type Records struct {
	env   *Env
	local invalidation.Local
	open  atomic.Pointer[backends.Records] // nil: this container alone

	tags tagNames

	epoch   atomic.Uint64
	heardAt atomic.Int64

	asking  oneAtATime
	mu      sync.Mutex
	pending map[string]uint64 // records whose invalidation could not be told, and its number
	failed  uint64            // counts them
	owing   atomic.Bool
}

func (env *Env) recordsOf(m backends.PersistenceManager) *Records {
	key := any(m)
	if m == nil {
		key = "memory"
	}
	r, _ := env.records.LoadOrStore(key, &Records{env: env})
	return r.(*Records)
}

// connect opens the backend's records where no function has yet. One whose results stay in memory needs them as well:
// its tags are invalidated elsewhere, too.
func (f *Function) connect(ctx context.Context) {
	switch {
	case f.records.open.Load() != nil:
	case f.store != nil:
		f.store.open(ctx)
	case f.spec.Tags != nil:
		f.connecting.Do(func() {
			opened, err := openStore(context.WithoutCancel(ctx), f.spec.Tags, backends.Function{
				Namespace: f.env.Namespace, Name: f.spec.Name, NearTTL: f.spec.NearTTL,
			})
			if err != nil {
				f.env.Log(ctx, slog.LevelError, "cannot hear what other containers invalidate; the function's tags are this container's",
					"function", f.spec.Name, "error", err.Error())
			} else if recs, ok := opened.(backends.Records); ok {
				f.records.open.CompareAndSwap(nil, &recs)
			}
		})
	}
}

// connectTagged is connect for a function in memory whose results have tags.
func (f *Function) connectTagged(ctx context.Context, tags []string) {
	if f.store == nil && (f.spec.TagsOf || len(tags) > 0) {
		f.connect(ctx)
	}
}

// names returns the records to read with a lookup of these tags: the epoch, and those of the tags.
func (r *Records) names(tags []string) []string {
	if len(tags) == 0 {
		return nil
	}
	names := make([]string, 0, len(tags)+1)
	names = append(names, invalidation.EpochRecord)
	for _, tag := range tags {
		names = append(names, invalidation.TagRecord(tag))
	}
	return names
}

// begin returns the points that what begins now counts from.
func (r *Records) begin() (point, epoch uint64) { return r.local.Now(), r.epoch.Load() }

// note takes the epoch and the records that were read with a lookup, and returns what an entry depends on that is made
// of it.
func (r *Records) note(l *Lookup, rs []backends.Record) []invalidation.Ref {
	if epoch := idOf(rs[0]); epoch != l.refEpoch {
		// The records may have been read before the epoch was. What is stored keeps the older epoch, so that its records
		// are compared once more.
		r.epoch.CompareAndSwap(l.refEpoch, epoch)
	}
	r.heardAt.Store(l.readAt)
	return r.refs(l.Tags, rs[1:])
}

func (r *Records) refs(tags []string, rs []backends.Record) []invalidation.Ref {
	refs := make([]invalidation.Ref, len(tags))
	for i, tag := range tags {
		refs[i] = invalidation.Ref{Name: invalidation.TagRecord(tag)}
		if i < len(rs) {
			refs[i].ID = idOf(rs[i])
		}
	}
	return refs
}

// localRefs are those of tags whose records were not read.
func (r *Records) localRefs(tags []string) []invalidation.Ref {
	refs := make([]invalidation.Ref, len(tags))
	for i, tag := range tags {
		refs[i].Name = invalidation.TagRecord(tag)
		r.tags.learn(refs[i].Name, tag)
	}
	return refs
}

// idOf returns the id of a record; 0: there is none. It is made of the version, too: every try to write a record has a
// version of its own, so that one which arrives late does not bring an id back that was replaced meanwhile.
func idOf(r backends.Record) uint64 {
	id, _ := invalidation.SplitRecord(r.Value)
	if id == nil {
		return 0
	}
	sum := sha256.Sum256(append(slices.Clone(id), r.Version...))
	return max(1, binary.BigEndian.Uint64(sum[:]))
}

// void reports whether an entry depends on something that was invalidated in this container since its run began.
// What an entry was compared with it is not compared with again, so that its hits take no lock.
func (r *Records) void(e *memory.Entry) bool {
	point, now := e.RefPoint.Load(), r.local.Now()
	if len(e.Refs) == 0 || now <= point {
		return false
	}
	if r.local.Void(e.Refs, point) {
		return true
	}
	e.RefPoint.Store(now)
	return false
}

// trusts reports whether an entry in memory may be handed out without asking for invalidations elsewhere.
func (r *Records) trusts(e *memory.Entry, now int64, near time.Duration) bool {
	if r.void(e) {
		return false
	}
	if r.open.Load() == nil {
		return true
	}
	since := now - r.heardAt.Load()
	return since >= 0 && since < int64(near) && e.RefEpoch.Load() == r.epoch.Load()
}

// confirms reports whether an entry of memory still depends on nothing that was invalidated, and notes in the lookup what
// was. While the backend cannot be asked, memory goes on serving.
func (r *Records) confirms(ctx context.Context, f *Function, l *Lookup, e *memory.Entry) bool {
	if record, void := r.local.First(e.Refs, e.RefPoint.Load()); void {
		l.why = r.tags.why(l, record)
		return false
	}
	if r.trusts(e, f.env.Now(), f.spec.NearTTL) {
		return true
	}
	within := f.budget(ctx, l).Enter()
	defer f.budget(ctx, l).Leave()
	by := time.Now().Add(within)
	if within <= 0 || !r.hear(ctx, f.env.Now(), f.spec.NearTTL, within) {
		return true
	}
	epoch := r.epoch.Load()
	if e.RefEpoch.Load() == epoch {
		return true
	}
	ids, err := r.read(ctx, e.Refs, time.Until(by))
	if err != nil {
		return true
	}
	if record, same := sameIDs(e.Refs, ids); !same {
		l.why = r.tags.why(l, record)
		if f.store == nil { // no read of an entry follows: what runs now begins after the epoch was read
			l.refEpoch = epoch
		}
		return false
	}
	e.RefEpoch.Store(epoch)
	return true
}

// hear reads the epoch, unless that was done within near, and reports whether it is known.
func (r *Records) hear(ctx context.Context, now int64, near, within time.Duration) bool {
	recs := r.open.Load()
	if recs == nil {
		return false
	}
	if !r.asking.enter(ctx) {
		return false
	}
	defer r.asking.leave()
	if since := now - r.heardAt.Load(); since >= 0 && since < int64(near) {
		return true
	}
	by := time.Now().Add(within)
	if !r.settle(ctx, within) {
		return false
	}
	var rs []backends.Record
	err := r.do(ctx, time.Until(by), func(ctx context.Context) (err error) {
		rs, _, err = (*recs).ReadRecords(ctx, []string{invalidation.EpochRecord})
		return err
	})
	if err != nil || len(rs) != 1 {
		return false
	}
	r.epoch.Store(idOf(rs[0]))
	r.heardAt.Store(now)
	return true
}

func (r *Records) read(ctx context.Context, refs []invalidation.Ref, within time.Duration) (rs []backends.Record, err error) {
	if within <= 0 {
		return nil, errBudget
	}
	names := make([]string, len(refs))
	for i, ref := range refs {
		names[i] = ref.Name
	}
	recs := r.open.Load()
	if recs == nil {
		return nil, backends.ErrClosed
	}
	err = r.do(ctx, within, func(ctx context.Context) (err error) {
		rs, _, err = (*recs).ReadRecords(ctx, names)
		return err
	})
	return rs, err
}

// sameIDs reports whether records that were read have the ids that an entry carries; other is the first that has not.
func sameIDs(refs []invalidation.Ref, rs []backends.Record) (other string, same bool) {
	if len(rs) != len(refs) {
		return "", false
	}
	for i, ref := range refs {
		if idOf(rs[i]) != ref.ID {
			return ref.Name, false
		}
	}
	return "", true
}

// valid reports whether an entry that was just read depends on nothing that was invalidated: by the records that were
// read with it, and by another read for those that were not. It notes in the lookup what was invalidated.
func (r *Records) valid(ctx context.Context, l *Lookup, refs []invalidation.Ref) bool {
	if record, void := r.local.First(refs, l.refPoint); void {
		l.why = r.tags.why(l, record)
		return false
	}
	if r.owes(refs) {
		l.why = "an invalidation of one of its tags has not reached the backend yet"
		return false
	}
	var unread []invalidation.Ref
	for _, ref := range refs {
		switch known, ok := refOf(l.refs, ref.Name); {
		case !ok:
			unread = append(unread, ref)
		case known.ID != ref.ID:
			l.why = r.tags.why(l, ref.Name)
			return false
		}
	}
	if len(unread) == 0 {
		return true
	}
	if l.aside != nil && !l.aside.done {
		l.aside.want(unread)
		l.postponed = true
		return false
	}
	rs, err := r.readUnread(ctx, l, unread)
	if err != nil {
		l.why = "its tags could not be checked: " + err.Error()
		return false
	}
	record, same := sameIDs(unread, rs)
	if !same {
		l.why = r.tags.why(l, record)
	}
	return same
}

// readUnread returns records that were not read with an entry: by a read of their own, unless that was done for all of a
// batch.
func (r *Records) readUnread(ctx context.Context, l *Lookup, refs []invalidation.Ref) ([]backends.Record, error) {
	if l.aside != nil {
		return l.aside.of(refs)
	}
	return r.read(ctx, refs, time.Until(l.by))
}

func refOf(refs []invalidation.Ref, name string) (invalidation.Ref, bool) {
	for _, ref := range refs {
		if ref.Name == name {
			return ref, true
		}
	}
	return invalidation.Ref{}, false
}

// complete returns the refs of an entry that is about to be written with the ids that are missing: records that did not
// exist are made. The last late of them are tags that only the result named, so nobody looked before the run; for them
// the store's clock decides. It reports false where one may have been invalidated since the run began: then the entry
// must not be stored.
func (r *Records) complete(ctx context.Context, refs []invalidation.Ref, late int, clock time.Time) ([]invalidation.Ref, bool) {
	recs := r.open.Load()
	if recs == nil {
		return nil, false // the backend has no records: nobody elsewhere could be told of an invalidation
	}
	refs = append([]invalidation.Ref(nil), refs...)
	expires := freshness.Time(r.env.Now()).Add(invalidation.Kept)
	for i, ref := range refs {
		if ref.ID != 0 {
			continue
		}
		var made backends.Record
		err := r.do(ctx, r.env.BackendTimeout, func(ctx context.Context) (err error) {
			made, err = (*recs).WriteRecord(ctx, ref.Name, invalidation.NewRecord(false), expires, backends.Absent)
			return err
		})
		id := idOf(made)
		if errors.Is(err, backends.ErrConflict) { // there is one: older, or made meanwhile by a sibling or an invalidation
			var rs []backends.Record
			if rs, err = r.read(ctx, refs[i:i+1], r.env.BackendTimeout); err == nil && len(rs) == 1 {
				began := time.Time{}
				if i >= len(refs)-late {
					began = clock
				}
				if invalidatedSince(rs[0], began) {
					return nil, false
				}
				id = idOf(rs[0])
			}
		}
		if err != nil || id == 0 {
			return nil, false
		}
		refs[i].ID = id
	}
	return refs, true
}

// clockSlack is how far a store's clock may be off between two of its nodes.
const clockSlack = 2 * time.Second

// invalidatedSince reports whether a record may have been invalidated after a run began, by the store's clock.
func invalidatedSince(rec backends.Record, began time.Time) bool {
	if _, invalidated := invalidation.SplitRecord(rec.Value); !invalidated {
		return false // there is none, or nothing has invalidated it
	}
	return began.IsZero() || rec.Written.IsZero() || !rec.Written.Before(began.Add(-clockSlack))
}
