package s3

import (
	"context"
	"encoding/base64"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/stillwarm/stillwarm/backends"
)

// Metadata of a record, beside an entry's: base64url of its namespace and its name.
const (
	metaNamespace = "sw-namespace"
	metaName      = "sw-name"
)

// ReadRecords implements [backends.Records]: reads side by side.
func (s *store) ReadRecords(ctx context.Context, names []string) ([]backends.Record, time.Time, error) {
	rs, clock, err := s.readRecords(ctx, names)
	return rs, clock, s.m.wrap(ctx, "read records", err)
}

func (s *store) readRecords(ctx context.Context, names []string) ([]backends.Record, time.Time, error) {
	if err := ctx.Err(); err != nil {
		return nil, time.Time{}, err
	}
	rs := make([]backends.Record, len(names))
	var mu sync.Mutex
	var clock time.Time
	err := parallel(ctx, len(names), s.m.concurrency(), func(ctx context.Context, i int) error {
		obj, err := s.m.read(ctx, s.m.layout.record(s.namespace, names[i]), readOptions{limit: s.m.o.MaxEntry + int64(len(names[i])) + nonceLen})
		if isNotFound(err) {
			err = nil
		} else if err == nil {
			rs[i] = s.m.recordOf(obj)
		}
		mu.Lock()
		defer mu.Unlock()
		if obj.served.After(clock) {
			clock = obj.served
		}
		return err
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	return rs, clock, nil
}

// recordOf returns the zero Record for what is none, or has expired.
func (m *Manager) recordOf(obj object) backends.Record {
	expires, ok := parseExpires(obj.meta)
	body, _, whole := cutTail(obj)
	if !ok || !whole || obj.meta[metaKind] != kindRecord || isOver(expires, m.now()) {
		return backends.Record{}
	}
	return backends.Record{Value: body, Version: backends.Version(obj.etag), Written: obj.modified}
}

// WriteRecord implements [backends.Records] with one request.
func (s *store) WriteRecord(ctx context.Context, name string, value []byte, expires time.Time, seen backends.Version) (backends.Record, error) {
	if int64(len(value)) > s.m.o.MaxEntry {
		return backends.Record{}, backends.ErrTooLarge
	}
	w := slotWrite{kind: kindRecord, key: name, body: value, expires: expires, meta: map[string]string{
		metaNamespace: base64.RawURLEncoding.EncodeToString([]byte(s.namespace)),
	}}
	object := s.m.layout.record(s.namespace, name)
	var out written
	var err error
	if seen == backends.AnyVersion {
		err = s.m.tries(ctx, func() (err error) {
			body, o, _ := s.m.slotObject(w) // anew for each try: a late one must not pass for another's
			o.once = true
			out, err = s.m.write(ctx, object, body, o)
			return err
		})
	} else {
		out, err = s.m.writeRecord(ctx, object, w, seen)
	}
	if err != nil {
		return backends.Record{}, s.m.wrap(ctx, "write record", err)
	}
	return backends.Record{Value: append([]byte{}, value...), Version: backends.Version(out.etag), Written: out.at}, nil
}

// writeRecord writes under a condition. An expired record counts as none, but is still there.
func (m *Manager) writeRecord(ctx context.Context, object string, w slotWrite, seen backends.Version) (written, error) {
	if m.o.NoConditions {
		return m.writeCompared(ctx, object, w, seen)
	}
	out, err := m.writeSlot(ctx, object, w, seenCondition(seen))
	if seen != backends.Absent || !errors.Is(err, backends.ErrConflict) {
		return out, err
	}
	there, headErr := m.head(ctx, object)
	if headErr != nil {
		return out, err
	}
	if expires, ok := parseExpires(there.meta); ok && !isOver(expires, m.now()) {
		return out, err
	}
	return m.writeSlot(ctx, object, w, condition{ifMatch: there.etag})
}

// writeCompared is writeRecord where the server is not asked to compare.
func (m *Manager) writeCompared(ctx context.Context, object string, w slotWrite, seen backends.Version) (written, error) {
	there, err := m.head(ctx, object)
	if err != nil && !isNotFound(err) {
		return written{}, err
	}
	if expires, ok := parseExpires(there.meta); err != nil || !ok || isOver(expires, m.now()) {
		there.etag = "" // none that counts
	}
	if backends.Version(there.etag) != seen {
		return written{}, backends.ErrConflict
	}
	return m.writeSlot(ctx, object, w, condition{})
}

// WriteRecords implements [backends.Records]: writes side by side, and when they are done the last.
func (s *store) WriteRecords(ctx context.Context, names []string, values [][]byte, expires time.Time) error {
	if len(names) != len(values) {
		return errors.New("s3: write records: names and values differ in number")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	write := func(ctx context.Context, i int) error {
		_, err := s.WriteRecord(ctx, names[i], values[i], expires, backends.AnyVersion)
		return err
	}
	last := len(names) - 1
	if last < 0 {
		return nil
	}
	err := parallel(ctx, last, s.m.concurrency(), write)
	if err == nil {
		err = write(ctx, last)
	}
	return s.m.wrap(ctx, "write records", err)
}

// Functions implements [backends.FunctionLister]: one request for each thousand functions, and one for each function.
func (m *Manager) Functions(ctx context.Context, yield func(backends.FunctionInfo) bool) error {
	err := m.pages(ctx, m.layout.described(), func(page []types.Object) (bool, error) {
		infos := make([]*backends.FunctionInfo, len(page))
		err := parallel(ctx, len(page), m.concurrency(), func(ctx context.Context, i int) error {
			obj, err := m.read(ctx, aws.ToString(page[i].Key), readOptions{limit: m.o.MaxEntry + 1<<20})
			if err == nil {
				infos[i] = m.functionInfo(obj)
			}
			if isNotFound(err) || errors.Is(err, backends.ErrTooLarge) {
				return nil
			}
			return err
		})
		if err != nil {
			return false, err
		}
		for _, info := range infos {
			if info != nil && !yield(*info) {
				return false, nil
			}
		}
		return true, nil
	})
	return m.wrap(ctx, "list functions", err)
}

// functionInfo returns nil for what is no function's record.
func (m *Manager) functionInfo(obj object) *backends.FunctionInfo {
	r := m.recordOf(obj)
	if r.Value == nil {
		return nil
	}
	_, tail, _ := cutTail(obj)
	if tail == "" {
		b, _ := base64.RawURLEncoding.DecodeString(obj.meta[metaKey])
		tail = string(b)
	}
	namespace, err := base64.RawURLEncoding.DecodeString(obj.meta[metaNamespace])
	name, ok := backends.FunctionOfRecord(tail)
	if err != nil || !ok {
		return nil
	}
	return &backends.FunctionInfo{Namespace: string(namespace), Name: name, Record: r.Value, Written: r.Written}
}
