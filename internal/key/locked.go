package key

import (
	"reflect"
	"sync"
)

// A struct that guards its fields by a lock may be changed by others while it is looked at; its own methods take the lock,
// and so must whoever reads its fields. Waiting for it is out of the question: the caller may hold it. So the fields are
// copied under the lock where it is free, and the call runs uncached where it is not.

var (
	typeMutex   = reflect.TypeFor[sync.Mutex]()
	typeRWMutex = reflect.TypeFor[sync.RWMutex]()
)

// locksOf returns the fields of the struct t that are locks.
func locksOf(t reflect.Type) (locks []reflect.StructField) {
	for i := range t.NumField() {
		if f := t.Field(i); f.Type == typeMutex || f.Type == typeRWMutex {
			locks = append(locks, f)
		}
	}
	return locks
}

// locked encodes the fields of the struct at p as they are while its locks are held.
func (e *encoder) locked(dst []byte, o *op, p ptr) ([]byte, *fault) {
	copied, ok := copyLocked(o.full.typ, p)
	if !ok {
		return dst, &fault{typ: o.full.typ, uncached: true, hard: true, reason: "its lock is held, so its fields cannot be read"}
	}
	return e.run(dst, o.sub, addressOf(copied))
}

func copyLocked(t reflect.Type, p ptr) (copied reflect.Value, ok bool) {
	for _, f := range locksOf(t) {
		unlock, ok := tryLock(valueAt(f.Type, at(p, f.Offset)).Addr().Interface())
		if !ok {
			return copied, false
		}
		defer unlock()
	}
	copied = reflect.New(t).Elem()
	copyFields(addressOf(copied), t, p)
	return copied, true
}

func tryLock(lock any) (unlock func(), ok bool) {
	switch l := lock.(type) {
	case *sync.Mutex:
		return l.Unlock, l.TryLock()
	case *sync.RWMutex:
		return l.RUnlock, l.TryRLock()
	}
	return nil, false
}

// copyFields copies the fields of the struct of type t at p, and the slices and maps that they hold. What package sync
// declares stays where it is.
func copyFields(to ptr, t reflect.Type, p ptr) {
	for i := range t.NumField() {
		f := t.Field(i)
		from, copied := valueAt(f.Type, at(p, f.Offset)), valueAt(f.Type, at(to, f.Offset))
		switch f.Type.Kind() {
		case reflect.Struct:
			if !isSync(f.Type) {
				copyFields(at(to, f.Offset), f.Type, at(p, f.Offset))
			}
		case reflect.Slice:
			if !from.IsNil() {
				copied.Set(reflect.MakeSlice(f.Type, from.Len(), from.Len()))
				reflect.Copy(copied, from)
			}
		case reflect.Map:
			if !from.IsNil() {
				copied.Set(reflect.MakeMapWithSize(f.Type, from.Len()))
				for iter := from.MapRange(); iter.Next(); {
					copied.SetMapIndex(iter.Key(), iter.Value())
				}
			}
		default:
			copied.Set(from)
		}
	}
}
