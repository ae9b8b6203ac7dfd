package disk

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/internal/version"
)

// recordPath returns a record's address and path. Records of all namespaces lie in one folder, told apart by their address.
func (s *store) recordPath(name string) (address []byte, path string) {
	address = frame(nil, s.fn.Namespace, name)
	return address, filepath.Join(s.m.dir, recordsName, hashName(address))
}

func (s *store) ReadRecords(ctx context.Context, names []string) ([]backends.Record, time.Time, error) {
	if err := s.m.check(ctx); err != nil {
		return nil, time.Time{}, err
	}
	now := s.m.now()
	rs, err := s.readRecords(ctx, names)
	return rs, now, err
}

func (s *store) readRecords(ctx context.Context, names []string) ([]backends.Record, error) {
	rs := make([]backends.Record, len(names))
	for i, name := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r, err := s.m.readRecord(s.recordPath(name))
		if err != nil {
			return nil, s.m.fail("read records", err)
		}
		rs[i] = r
	}
	return rs, nil
}

// readRecord returns the zero Record where there is none, an expired or a damaged one.
func (m *Manager) readRecord(address []byte, path string) (backends.Record, error) {
	f, _, err := m.readFile(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errCorrupt) {
		return backends.Record{}, nil
	}
	if err != nil {
		return backends.Record{}, err
	}
	if !f.is(address) || f.expired(m.now()) {
		return backends.Record{}, nil
	}
	return f.record(), nil
}

// record returns what the file says, or the zero Record for what is none.
func (f *file) record() backends.Record {
	if f.kind != kindRecord || len(f.content) < 8 {
		return backends.Record{}
	}
	return backends.Record{
		Value: f.content[8:], Version: f.version,
		Written: unstamp(int64(binary.BigEndian.Uint64(f.content))),
	}
}

func (s *store) WriteRecord(ctx context.Context, name string, value []byte, expires time.Time, seen backends.Version) (backends.Record, error) {
	if err := s.m.check(ctx); err != nil {
		return backends.Record{}, err
	}
	if s.m.maxEntry > 0 && int64(len(value)) > s.m.maxEntry {
		return backends.Record{}, backends.ErrTooLarge
	}
	address, path := s.recordPath(name)
	r := backends.Record{Value: append([]byte{}, value...), Version: version.New(expires), Written: s.m.now().Truncate(time.Microsecond)}
	content := append(binary.BigEndian.AppendUint64(nil, uint64(stamp(r.Written))), value...)
	err := s.m.writeFile(ctx, write{
		path: path, sync: s.m.sync,
		parts: [][]byte{encodeHeader(kindRecord, r.Version, expires.Round(0), address, content), content},
		check: func() error {
			now, err := s.m.readRecord(address, path)
			if err == nil && seen != backends.AnyVersion && now.Version != seen {
				err = backends.ErrConflict
			}
			return err
		},
	})
	if err != nil {
		return backends.Record{}, s.m.fail("write record", err)
	}
	return r, nil
}

func (s *store) WriteRecords(ctx context.Context, names []string, values [][]byte, expires time.Time) error {
	if len(names) != len(values) {
		return errors.New("disk: write records: names and values differ in number")
	}
	for i, name := range names {
		if _, err := s.WriteRecord(ctx, name, values[i], expires, backends.AnyVersion); err != nil {
			return err
		}
	}
	return nil
}

// Functions lists the functions that have a record; see [backends.FunctionLister].
func (m *Manager) Functions(ctx context.Context, yield func(backends.FunctionInfo) bool) error {
	if err := m.check(ctx); err != nil {
		return err
	}
	err := eachFile(ctx, filepath.Join(m.dir, recordsName), func(path string, _ fs.FileInfo) error {
		f, _, err := m.readFile(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errCorrupt) || err == nil && f.expired(m.now()) {
			return nil
		}
		if err != nil {
			return err
		}
		parts, ok := unframe(f.address)
		if !ok || len(parts) != 2 {
			return nil
		}
		r := f.record()
		name, ok := backends.FunctionOfRecord(parts[1])
		if ok && r.Value != nil && !yield(backends.FunctionInfo{Namespace: parts[0], Name: name, Record: r.Value, Written: r.Written}) {
			return fs.SkipAll
		}
		return nil
	})
	if errors.Is(err, fs.SkipAll) {
		return nil
	}
	return m.fail("list functions", err)
}
