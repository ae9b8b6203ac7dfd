package backendstest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

var recordTests = []subtest{
	{"a record that is not there is the zero record", func(e *env) {
		r := e.recorder()
		rs, _, err := r.ReadRecords(e.ctx, []string{"none", "neither"})
		if err != nil || len(rs) != 2 || rs[0].Value != nil || rs[0].Version != backends.Absent || !rs[1].Written.IsZero() {
			e.Fatalf("ReadRecords = %+v, %v", rs, err)
		}
		if rs, _, err = r.ReadRecords(e.ctx, nil); err != nil || len(rs) != 0 {
			e.Fatalf("ReadRecords of none = %+v, %v", rs, err)
		}
	}},
	{"records come back in the order of their names, as they were written", func(e *env) {
		r := e.recorder()
		values := map[string]string{"empty": "", "text": "value", "binary": "\x00\xff\r\n*2\r\n$-1\r\nr", "long": string(noise(3000))}
		names := []string{"long", "none", "empty", "text", "binary", "text"}
		for name, v := range values {
			got := e.writeRecord(r, name, v)
			if string(got.Value) != v || got.Version == backends.Absent {
				e.Fatalf("WriteRecord(%s) = %+v", name, got)
			}
		}
		rs, _, err := r.ReadRecords(e.ctx, names)
		if err != nil {
			e.Fatal(err)
		}
		for i, name := range names {
			if v, ok := values[name]; string(rs[i].Value) != v || (rs[i].Value != nil) != ok {
				e.Errorf("record %s reads as %+v, want %s", name, rs[i], show(v))
			}
		}
	}},
	{"hostile names are told apart", func(e *env) {
		r := e.recorder()
		names := HostileKeys()
		if e.h.Slow {
			names = names[:30]
		}
		values := make([][]byte, len(names))
		for i := range names {
			values[i] = fmt.Append(nil, "value ", i)
		}
		if err := r.WriteRecords(e.ctx, names, values, time.Time{}); err != nil {
			e.Fatalf("WriteRecords: %v", err)
		}
		rs, _, err := r.ReadRecords(e.ctx, names)
		if err != nil {
			e.Fatal(err)
		}
		for i, name := range names {
			if string(rs[i].Value) != string(values[i]) {
				e.Errorf("record %s reads as %s", show(name), show(string(rs[i].Value)))
			}
		}
	}},
	{"a record is created once", func(e *env) {
		r := e.recorder()
		if _, err := r.WriteRecord(e.ctx, "r", []byte("first"), time.Time{}, backends.Absent); err != nil {
			e.Fatal(err)
		}
		e.fenced()
		e.wantRecordConflict(r, "r", backends.Absent)
		e.wantRecord(r, "r", "first")
	}},
	{"a record is replaced where it has the version that was seen", func(e *env) {
		e.fenced()
		r := e.recorder()
		old := e.writeRecord(r, "r", "old")
		next, err := r.WriteRecord(e.ctx, "r", []byte("next"), time.Time{}, old.Version)
		if err != nil || next.Version == old.Version {
			e.Fatalf("WriteRecord over the version that was seen: %+v, %v", next, err)
		}
		e.wantRecordConflict(r, "r", old.Version)
		e.wantRecordConflict(r, "none", old.Version)
		e.wantRecord(r, "r", "next")
	}},
	{"C1 a record is replaced whatever it is, and has a version that never was before", func(e *env) {
		r := e.recorder()
		seen := map[backends.Version]bool{backends.Absent: true}
		for range 5 {
			got := e.writeRecord(r, "r", "the same")
			if now := e.record(r, "r"); seen[got.Version] || now.Version != got.Version {
				e.Fatalf("WriteRecord = %+v, ReadRecords %+v", got, now)
			}
			seen[got.Version] = true
		}
		if err := r.WriteRecords(e.ctx, []string{"r"}, [][]byte{[]byte("the same")}, time.Time{}); err != nil {
			e.Fatal(err)
		}
		if v := e.record(r, "r").Version; seen[v] {
			e.Fatalf("version %q came back", v)
		}
	}},
	{"one of many who create or replace the same record succeeds", func(e *env) {
		e.fenced()
		r := e.recorder()
		seen := backends.Absent
		for round := range e.rounds(5) {
			var won atomic.Int32
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					_, err := r.WriteRecord(e.ctx, "r", fmt.Append(nil, round, i), time.Time{}, seen)
					switch {
					case err == nil:
						won.Add(1)
					case !errors.Is(err, backends.ErrConflict):
						e.Errorf("WriteRecord: %v", err)
					}
				})
			}
			wg.Wait()
			if n := won.Load(); n != 1 {
				e.Fatalf("round %d: %d writers succeeded, want 1", round, n)
			}
			seen = e.record(r, "r").Version
		}
	}},
	{"an expired record is none, and can be created anew", func(e *env) {
		r := e.recorder()
		if _, err := r.WriteRecord(e.ctx, "r", []byte("old"), e.h.Now().Add(e.h.MinTTL), backends.AnyVersion); err != nil {
			e.Fatal(err)
		}
		e.eventually("the record expires", e.h.MinTTL+time.Millisecond, func() bool { return e.record(r, "r").Value == nil })
		if _, err := r.WriteRecord(e.ctx, "r", []byte("new"), time.Time{}, backends.Absent); err != nil {
			e.Fatalf("WriteRecord over an expired record: %v", err)
		}
		e.wantRecord(r, "r", "new")
	}},
	{"records say when they were written, by the clock that comes with them", func(e *env) {
		r := e.recorder()
		got := e.writeRecord(r, "r", "v")
		rs, clock, err := r.ReadRecords(e.ctx, []string{"r"})
		if err != nil {
			e.Fatal(err)
		}
		if clock.IsZero() || rs[0].Written.IsZero() {
			e.Skipf("%s does not know its clock", e.h.Name)
		}
		// A store may count in seconds.
		if d := clock.Sub(rs[0].Written); d < -2*time.Second || d > time.Minute {
			e.Fatalf("written %v, read at %v", rs[0].Written, clock)
		}
		if d := got.Written.Sub(rs[0].Written).Abs(); d > 2*time.Second {
			e.Fatalf("written %v, as WriteRecord said %v", rs[0].Written, got.Written)
		}
	}},
	{"C8 records come with an entry", func(e *env) {
		r := e.recorder()
		s := r.(backends.Store)
		e.put(s, "k", "v")
		e.writeRecord(r, "b", "of b")
		got, err := s.Read(e.ctx, "k", backends.ReadOptions{Records: []string{"a", "b", "b"}, Clock: true})
		if err != nil || string(got.Entry) != "v" || len(got.Records) != 3 {
			e.Fatalf("Read = %+v, %v", got, err)
		}
		if got.Records[0].Value != nil || string(got.Records[1].Value) != "of b" || got.Records[1].Version != e.record(r, "b").Version {
			e.Fatalf("records %+v", got.Records)
		}
		if none, err := s.Read(e.ctx, "none", backends.ReadOptions{Records: []string{"b"}}); err != nil || string(none.Records[0].Value) != "of b" {
			e.Fatalf("Read of nothing = %+v, %v", none, err)
		}
	}},
	{"C8 records belong to the namespace: its functions share them, others do not see them", func(e *env) {
		r := e.recorder()
		e.writeRecord(r, "r", "of shop")
		e.wantRecord(e.storeOf(e.pm, named("shop", "other")).(backends.Records), "r", "of shop")
		other := e.storeOf(e.pm, named("elsewhere", fn().Name)).(backends.Records)
		if got := e.record(other, "r"); got.Value != nil {
			e.Fatalf("another namespace reads %+v", got)
		}
		e.writeRecord(other, "r", "of elsewhere")
		e.wantRecord(r, "r", "of shop")
	}},
	{"C8 a second container sees records", func(e *env) {
		r := e.recorder()
		other := e.storeOf(e.reopen(), fn()).(backends.Records)
		e.writeRecord(r, "r", "v")
		e.wantRecord(other, "r", "v")
	}},
	{"records and entries do not disturb each other, and clear does not touch records", func(e *env) {
		r := e.recorder()
		s := r.(backends.Store)
		e.put(s, "r", "entry")
		e.writeRecord(r, "r", "record")
		e.invalidate(s, "r")
		e.wantRecord(r, "r", "record")
		e.put(s, "r", "entry")
		e.clear(s)
		if p, ok := e.pm.(backends.Pruner); ok {
			e.prune(p)
		}
		e.wantRecord(r, "r", "record")
		if l, ok := s.(backends.Lister); ok {
			for k := range e.list(l.(backends.Store)) {
				if k != "r" {
					e.Errorf("listed %s", show(k))
				}
			}
		}
	}},
	{"many records are written and read together", func(e *env) {
		r := e.recorder()
		var names []string
		var values [][]byte
		for i := range e.rounds(600) {
			names = append(names, fmt.Sprint("record ", i))
			values = append(values, fmt.Append(nil, i))
		}
		if err := r.WriteRecords(e.ctx, names, values, e.h.Now().Add(time.Hour)); err != nil {
			e.Fatal(err)
		}
		rs, _, err := r.ReadRecords(e.ctx, names)
		if err != nil {
			e.Fatal(err)
		}
		for i := range names {
			if string(rs[i].Value) != string(values[i]) {
				e.Fatalf("%s reads as %+v", names[i], rs[i])
			}
		}
		if err := r.WriteRecords(e.ctx, names, values[:1], time.Time{}); err == nil {
			e.Fatal("more names than values were accepted")
		}
	}},
	{"C8 the last record is not seen before those that were written with it", func(e *env) {
		r := e.recorder()
		names := []string{"a", "b", "c", "last"}
		done := make(chan error, 1)
		rounds := e.rounds(100)
		go func() {
			for i := range rounds {
				v := fmt.Appendf(nil, "%06d", i)
				if err := r.WriteRecords(e.ctx, names, [][]byte{v, v, v, v}, time.Time{}); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		for ended := false; !ended; {
			select {
			case err := <-done:
				if ended = true; err != nil {
					e.Fatal(err)
				}
			default:
			}
			last, _, err := r.ReadRecords(e.ctx, names[3:])
			if err != nil {
				e.Fatal(err)
			}
			others, _, err := r.ReadRecords(e.ctx, names[:3])
			if err != nil {
				e.Fatal(err)
			}
			for i, other := range others {
				if string(other.Value) < string(last[0].Value) {
					e.Fatalf("%s reads as %q, the last as %q before", names[i], other.Value, last[0].Value)
				}
			}
		}
	}},
	{"the caller's slices stay its own", func(e *env) {
		r := e.recorder()
		value := []byte("value")
		got, err := r.WriteRecord(e.ctx, "r", value, time.Time{}, backends.AnyVersion)
		if err != nil {
			e.Fatal(err)
		}
		clear(value)
		clear(got.Value)
		again := e.record(r, "r")
		if string(again.Value) != "value" {
			e.Fatalf("reads as %q", again.Value)
		}
		clear(again.Value)
		e.wantRecord(r, "r", "value")
	}},
}

var functionTests = []subtest{
	{"functions that have a record are listed, in all namespaces, and nothing else", func(e *env) {
		r := e.recorder()
		f, ok := e.pm.(backends.FunctionLister)
		if !ok {
			e.Skipf("%s is no FunctionLister", e.h.Name)
		}
		want := map[string]string{}
		for _, namespace := range []string{"shop", "", "other:space"} {
			for _, name := range []string{"example.com/shop.quotes", "f", "with space/日本", "function/f"} {
				own := e.storeOf(e.pm, named(namespace, name)).(backends.Records)
				value := namespace + "|" + name
				e.writeRecord(own, backends.FunctionRecord(name), value)
				want[value] = value
			}
		}
		e.writeRecord(r, "tag/1", "no function")
		e.writeRecord(r, "function", "no function")
		err := f.Functions(e.ctx, func(i backends.FunctionInfo) bool {
			id := i.Namespace + "|" + i.Name
			if want[id] != string(i.Record) {
				e.Errorf("listed %+v", i)
			}
			delete(want, id)
			return true
		})
		if err != nil || len(want) != 0 {
			e.Fatalf("Functions: %v; not listed: %v", err, want)
		}
	}},
	{"listing functions stops when yield returns false, and yield may use the store", func(e *env) {
		r := e.recorder()
		f, ok := e.pm.(backends.FunctionLister)
		if !ok {
			e.Skipf("%s is no FunctionLister", e.h.Name)
		}
		for i := range 5 {
			e.writeRecord(r, backends.FunctionRecord(fmt.Sprint("f", i)), "v")
		}
		n := 0
		err := f.Functions(e.ctx, func(i backends.FunctionInfo) bool {
			e.wantRecord(r, backends.FunctionRecord(i.Name), "v")
			n++
			return n < 2
		})
		if err != nil || n != 2 {
			e.Fatalf("yield was called %d times, %v; want 2", n, err)
		}
	}},
	{"an empty place has no functions", func(e *env) {
		f, ok := e.pm.(backends.FunctionLister)
		if !ok {
			e.Skipf("%s is no FunctionLister", e.h.Name)
		}
		if err := f.Functions(e.ctx, func(i backends.FunctionInfo) bool { e.Errorf("listed %+v", i); return true }); err != nil {
			e.Fatal(err)
		}
	}},
}

func (e *env) recorder() backends.Records {
	e.Helper()
	r, ok := e.store().(backends.Records)
	if !ok {
		e.Skipf("%s has no Records", e.h.Name)
	}
	return r
}

func (e *env) writeRecord(r backends.Records, name, value string) backends.Record {
	e.Helper()
	got, err := r.WriteRecord(e.ctx, name, []byte(value), time.Time{}, backends.AnyVersion)
	if err != nil {
		e.Fatalf("WriteRecord(%s): %v", show(name), err)
	}
	return got
}

func (e *env) record(r backends.Records, name string) backends.Record {
	e.Helper()
	rs, _, err := r.ReadRecords(e.ctx, []string{name})
	if err != nil || len(rs) != 1 {
		e.Fatalf("ReadRecords(%s) = %+v, %v", show(name), rs, err)
	}
	return rs[0]
}

func (e *env) wantRecord(r backends.Records, name, value string) {
	e.Helper()
	if got := e.record(r, name); string(got.Value) != value || got.Value == nil {
		e.Fatalf("record %s reads as %+v, want %s", show(name), got, show(value))
	}
}

func (e *env) wantRecordConflict(r backends.Records, name string, seen backends.Version) {
	e.Helper()
	if _, err := r.WriteRecord(e.ctx, name, []byte("late"), time.Time{}, seen); !errors.Is(err, backends.ErrConflict) {
		e.Fatalf("WriteRecord(%s) over version %q: %v, want ErrConflict", show(name), seen, err)
	}
}
