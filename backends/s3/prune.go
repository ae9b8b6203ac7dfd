package s3

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/stillwarm/stillwarm/backends"
)

// pruneFirst is how much of an entry is read to find its generation. An entry whose beginning does not tell is read
// whole before it is judged.
const pruneFirst = 4 << 10

// Prune implements [backends.Pruner] for every function and namespace below the prefix: it removes entries that have
// expired, entries of an earlier generation, objects at an entry's place that are none, and leases that are over. It
// leaves generations, and objects whose names are not this package's.
//
// It costs one request for each thousand objects listed, one GET for each entry and lease, two to four for each
// function on each such page, and one request for each thousand removed. A lifecycle rule does most of it for nothing; see docs/s3.md.
func (m *Manager) Prune(ctx context.Context, generationOf func([]byte) (uint64, bool)) (removed int, err error) {
	p := &pruner{m: m, generationOf: generationOf}
	err = m.pages(ctx, m.layout.entries(), func(page []types.Object) (bool, error) {
		return true, p.page(ctx, page, m.layout.entries(), p.entry)
	})
	if err == nil {
		err = m.pages(ctx, m.layout.leases(), func(page []types.Object) (bool, error) {
			return true, p.page(ctx, page, m.layout.leases(), p.lease)
		})
	}
	return p.progress.Removed, m.wrap(ctx, "prune", err)
}

type pruner struct {
	m            *Manager
	generationOf func([]byte) (uint64, bool)

	mu       sync.Mutex
	gens     map[string]*current // by function, for the page at hand
	progress PruneProgress
}

// current is a function's generation as it was once during a page.
type current struct {
	once sync.Once
	gen  uint64
	err  error
}

// verdict is what was found out about one object.
type verdict struct {
	remove   bool
	etag     string // of what was judged
	outdated string // the function whose generation has passed it, where that is the reason
}

func (p *pruner) page(ctx context.Context, page []types.Object, folder string,
	judge func(ctx context.Context, name, function string) (verdict, error)) error {
	p.gens = map[string]*current{}
	verdicts := make([]verdict, len(page))
	err := parallel(ctx, len(page), sideBySide, func(ctx context.Context, i int) (err error) {
		name := aws.ToString(page[i].Key)
		if function, ours := functionOf(name, folder); ours {
			verdicts[i], err = judge(ctx, name, function)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := p.reconsider(ctx, verdicts); err != nil {
		return err
	}
	var doomed []types.ObjectIdentifier
	for i, v := range verdicts {
		if v.remove {
			doomed = append(doomed, types.ObjectIdentifier{Key: page[i].Key, ETag: nonEmpty(v.etag)})
		}
	}
	removed, err := p.remove(ctx, doomed)
	p.progress.Listed += len(page)
	p.progress.Removed += removed
	if p.m.o.OnPrune != nil {
		p.m.o.OnPrune(p.progress)
	}
	return err
}

// reconsider reads again each generation that condemned an entry. Where it is still the same, the entries were not of a
// generation that began meanwhile; where it is not, they are left for the next time.
func (p *pruner) reconsider(ctx context.Context, verdicts []verdict) error {
	again := map[string]bool{} // by function: still as it was
	for i, v := range verdicts {
		if v.outdated == "" {
			continue
		}
		same, known := again[v.outdated]
		if !known {
			gen, err := p.m.currentGeneration(ctx, v.outdated)
			if err != nil {
				return err
			}
			same = gen == p.gens[v.outdated].gen
			again[v.outdated] = same
		}
		verdicts[i].remove = same
	}
	return nil
}

// entry judges an entry by its expiry and generation. An entry that vanishes meanwhile is left.
func (p *pruner) entry(ctx context.Context, name, function string) (verdict, error) {
	obj, err := p.read(ctx, name, pruneFirst)
	if err != nil {
		return verdict{}, ignoreLost(err)
	}
	expires, ok := parseExpires(obj.meta)
	if !ok || isOver(expires, p.m.now()) {
		return verdict{remove: true, etag: obj.etag}, nil
	}
	if obj.meta[metaKind] == kindTombstone {
		return verdict{}, nil
	}
	whole, _, ok := cutTail(obj)
	if !ok {
		whole = obj.body // its beginning
	}
	gen, ok := p.generationOf(whole)
	if !ok && len(obj.body) == pruneFirst {
		if obj, err = p.read(ctx, name, 0); errors.Is(err, backends.ErrTooLarge) {
			return verdict{}, nil // perhaps another manager's, with another limit
		}
		if err != nil {
			return verdict{}, ignoreLost(err)
		}
		if whole, _, ok = cutTail(obj); ok {
			gen, ok = p.generationOf(whole)
		}
	}
	if !ok {
		return verdict{remove: true, etag: obj.etag}, nil
	}
	now, err := p.generation(ctx, function)
	if err != nil || gen == now {
		return verdict{}, err
	}
	return verdict{remove: true, etag: obj.etag, outdated: function}, nil
}

// lease judges a lease by the server's clock.
func (p *pruner) lease(ctx context.Context, name, _ string) (verdict, error) {
	obj, err := p.read(ctx, name, 0)
	if err != nil {
		return verdict{}, ignoreLost(err)
	}
	return verdict{remove: slotOver(obj), etag: obj.etag}, nil
}

func ignoreLost(err error) error {
	if errors.Is(err, errLost) {
		return nil
	}
	return err
}

func (p *pruner) read(ctx context.Context, name string, first int64) (object, error) {
	p.mu.Lock()
	p.progress.Read++
	p.mu.Unlock()
	obj, err := p.m.read(ctx, name, readOptions{limit: max(p.m.o.MaxEntry, pruneFirst) + 1<<20, first: first})
	if isNotFound(err) {
		return object{}, errLost
	}
	if first > 0 && codeOf(err) == "InvalidRange" { // an empty object has no first byte
		return p.read(ctx, name, 0)
	}
	return obj, err
}

// generation returns the function's generation, read once for each page. A missing one is not made: its entries are lost.
func (p *pruner) generation(ctx context.Context, function string) (uint64, error) {
	p.mu.Lock()
	c := p.gens[function]
	if c == nil {
		c = &current{}
		p.gens[function] = c
	}
	p.mu.Unlock()
	c.once.Do(func() { c.gen, c.err = p.m.currentGeneration(ctx, function) })
	return c.gen, c.err
}

// currentGeneration reads without making what is missing, and returns 0 for that.
func (m *Manager) currentGeneration(ctx context.Context, function string) (uint64, error) {
	var tokens [2]string
	for i, name := range []string{m.layout.epoch(), m.layout.generation(function)} {
		obj, err := m.read(ctx, name, readOptions{limit: 1 << 10})
		if isNotFound(err) {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		tokens[i] = string(obj.body)
	}
	return combine(tokens[0], tokens[1]), nil
}

// remove deletes up to a thousand objects with one request. The ETag keeps S3 from deleting what was written since; a
// server that ignores it deletes an entry that must then be computed again.
func (p *pruner) remove(ctx context.Context, doomed []types.ObjectIdentifier) (int, error) {
	if len(doomed) == 0 {
		return 0, nil
	}
	client, err := p.m.sdk(ctx)
	if err != nil {
		return 0, err
	}
	if p.m.o.NoChecksum { // a request for many needs one
		return p.removeEach(ctx, client, doomed)
	}
	out, err := client.DeleteObjects(ctx, &awss3.DeleteObjectsInput{
		Bucket: &p.m.o.Bucket, ExpectedBucketOwner: nonEmpty(p.m.o.BucketOwner),
		Delete: &types.Delete{Objects: doomed, Quiet: aws.Bool(true)},
	})
	if err != nil {
		return 0, err
	}
	removed := len(doomed) - len(out.Errors)
	for _, e := range out.Errors {
		switch aws.ToString(e.Code) {
		case "PreconditionFailed", "NoSuchKey": // replaced or gone meanwhile
		default:
			return removed, fmt.Errorf("delete objects: %w", &deleteError{code: aws.ToString(e.Code), message: aws.ToString(e.Message)})
		}
	}
	return removed, nil
}

// removeEach deletes with a request each.
func (p *pruner) removeEach(ctx context.Context, client *awss3.Client, doomed []types.ObjectIdentifier) (int, error) {
	var removed atomic.Int64
	err := parallel(ctx, len(doomed), sideBySide, func(ctx context.Context, i int) error {
		in := &awss3.DeleteObjectInput{Bucket: &p.m.o.Bucket, Key: doomed[i].Key, ExpectedBucketOwner: nonEmpty(p.m.o.BucketOwner)}
		if !p.m.o.NoConditions {
			in.IfMatch = doomed[i].ETag
		}
		_, err := client.DeleteObject(ctx, in)
		if err == nil {
			removed.Add(1)
		}
		if isLostRace(err) || isNotFound(err) {
			return nil
		}
		return err
	})
	return int(removed.Load()), err
}
