package s3

import (
	"context"
	"net/url"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/logs"
)

// Whether the server heeds conditions. Amazon does. Some servers ignore them without a word: a write that had to be
// refused then replaces what is newer.
const (
	conditionsUnknown int32 = iota
	conditionsHeeded
	conditionsIgnored
)

// noETag is an ETag that no object has.
const noETag = `"00000000000000000000000000000000"`

const ignoredText = "the S3 server ignores conditional writes: a late write can replace a newer entry, so clearing one key clears the whole " +
	"function, and leases do not keep two containers from running at once; use a server that heeds If-Match and If-None-Match, " +
	"or set conditional-writes=false"

// unfenced reports whether writes are known to be unconditional.
func (m *Manager) unfenced() bool {
	return m.o.NoConditions || m.conditions.Load() == conditionsIgnored
}

// besideTrial runs f and, where it is not known yet whether the server heeds conditions, finds that out meanwhile.
func (m *Manager) besideTrial(ctx context.Context, f func()) {
	if m.o.NoConditions || m.conditions.Load() != conditionsUnknown {
		f()
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() { m.tryConditions(ctx) })
	f()
	wg.Wait() // nothing may run on after the return: the container may be frozen then
}

// tryConditions finds out, once for a manager and where the server is not Amazon's, whether it heeds conditions, by writes
// that must be refused. What fails is tried again with the next write.
func (m *Manager) tryConditions(ctx context.Context) {
	if m.o.NoConditions || m.conditions.Load() != conditionsUnknown {
		return
	}
	if !m.trial.TryLock() {
		return // another write does it
	}
	defer m.trial.Unlock()
	if m.conditions.Load() != conditionsUnknown {
		return
	}
	client, err := m.sdk(ctx)
	if err != nil {
		return
	}
	if isDirectoryBucket(m.o.Bucket) || isAmazon(aws.ToString(client.Options().BaseEndpoint)) {
		m.conditions.Store(conditionsHeeded)
		return
	}
	match, matchErr := true, error(nil)
	var wg sync.WaitGroup
	wg.Go(func() { match, matchErr = m.refuses(ctx, condition{ifMatch: noETag}) })
	absent, absentErr := m.refuses(ctx, condition{ifNew: true})
	wg.Wait()
	if absentErr == nil && !absent { // it may have been the first one
		absent, absentErr = m.refuses(ctx, condition{ifNew: true})
	}
	switch {
	case matchErr == nil && !match, absentErr == nil && !absent:
		m.conditions.Store(conditionsIgnored)
		logs.Or(m.o.Logger).WarnContext(ctx, ignoredText, "backend", m.place)
	case matchErr == nil && absentErr == nil:
		m.conditions.Store(conditionsHeeded)
	}
}

// refuses reports whether a write under a condition that does not hold is refused.
func (m *Manager) refuses(ctx context.Context, c condition) (bool, error) {
	_, err := m.write(ctx, m.layout.conditions(), nil, writeOptions{condition: c})
	switch {
	case err == nil:
		return false, nil
	case isLostRace(err), isNotFound(err):
		return true, nil
	}
	return false, err
}

func isAmazon(endpoint string) bool {
	if endpoint == "" {
		return true
	}
	u, err := url.Parse(endpoint)
	return err == nil && (strings.HasSuffix(u.Hostname(), ".amazonaws.com") || strings.HasSuffix(u.Hostname(), ".amazonaws.com.cn"))
}

// Unfenced implements [backends.Unfenced].
func (s *store) Unfenced() bool { return s.m.unfenced() }

// unconditional is a store without leases: they need conditions.
type unconditional struct {
	backends.Store
	backends.BatchReader
	backends.Records
	backends.Lister
	backends.DeadlineKeeper
	fenceless
}

// fenceless says of a store that it writes without conditions. (The interface's own name would hide its method.)
type fenceless struct{}

// Unfenced implements [backends.Unfenced].
func (fenceless) Unfenced() bool { return true }

var _ backends.Unfenced = unconditional{}

// changed reports whether an object has another version than a writer saw, where the server is not asked to compare: what
// comes between is not noticed.
func (m *Manager) changed(ctx context.Context, name string, seen backends.Version) (bool, error) {
	if !m.o.NoConditions {
		return false, nil
	}
	there, err := m.head(ctx, name)
	if isNotFound(err) {
		return seen != backends.Absent, nil
	}
	return err == nil && backends.Version(there.etag) != seen, err
}
