package inspect

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
	"github.com/stillwarm/stillwarm/serialize"
)

// The states of an entry.
const (
	Fresh   = "fresh"   // within its ttl
	Stale   = "stale"   // past its ttl, and still kept
	Expired = "expired" // not to be used any more
	Cleared = "cleared" // of a generation that a Clear replaced
	Sealed  = "sealed"  // cannot be opened with these keys
	Unknown = "unknown" // cannot be read; Problem says why
)

// Entry is one stored result.
type Entry struct {
	Function string        `json:"function"`
	Key      string        `json:"key"`   // the digest under which it is stored
	State    string        `json:"state"` // Fresh, Stale, Expired, Cleared, Sealed or Unknown
	Problem  string        `json:"problem,omitempty"`
	Size     int64         `json:"size"` // in bytes, as the backend counts
	Created  time.Time     `json:"created,omitzero"`
	Fresh    time.Time     `json:"freshUntil,omitzero"` // zero: without end
	Expires  time.Time     `json:"expires,omitzero"`    // zero: never
	RunTime  time.Duration `json:"-"`
	RunMs    float64       `json:"runTimeMs"`
	Sealed   string        `json:"sealedWith,omitempty"` // id of the sealing key
	Packed   bool          `json:"compressed,omitempty"`
	URL      string        `json:"url,omitempty"` // of an HTTP entry
	// Variant says which of the URL's answers an HTTP entry is: the request fields that it varies on.
	Variant string   `json:"variant,omitempty"`
	Tags    []string `json:"tags,omitempty"` // of an HTTP entry
	Value   any      `json:"value,omitempty"`

	records []string // names of the invalidation records that it depends on
}

// HasTag reports whether invalidating the tag makes the entry a miss. An entry keeps digests of its tags, so they can be
// asked for and not listed. It is false where the entry was not read, or is sealed and could not be opened.
func (e Entry) HasTag(tag string) bool {
	return slices.Contains(e.Tags, tag) || slices.Contains(e.records, invalidation.TagRecord(tag))
}

// Entries calls yield for each stored entry of the function, in no order, until yield returns false. With details each
// entry is read, one after the other; without, only key, size and expiry are known. Listing S3 reads the names of all
// functions' entries.
func (i *Inspector) Entries(ctx context.Context, f Function, details bool, yield func(Entry) bool) error {
	s, err := i.store(ctx, f)
	if err != nil {
		return err
	}
	l, ok := s.(backends.Lister)
	if !ok {
		return ErrNoListing
	}
	var failed error
	err = l.List(ctx, func(info backends.Info) bool {
		e := Entry{Function: f.Name, Key: info.Key, Size: info.Size, Expires: info.Expires}
		if details {
			read, found, err := i.read(ctx, s, f, info.Key)
			switch {
			case err != nil:
				failed = err
				return false
			case !found:
				return true // gone meanwhile
			}
			read.Size = info.Size
			e = read
		}
		return yield(e)
	})
	return errors.Join(failed, err)
}

// Entry returns the entry under a key; found is false where there is none.
func (i *Inspector) Entry(ctx context.Context, f Function, key string) (e Entry, found bool, err error) {
	s, err := i.store(ctx, f)
	if err != nil {
		return e, false, err
	}
	return i.read(ctx, s, f, key)
}

func (i *Inspector) read(ctx context.Context, s backends.Store, f Function, key string) (Entry, bool, error) {
	e := Entry{Function: f.Name, Key: key}
	r, err := s.Read(ctx, key, backends.ReadOptions{Fresh: true})
	if err != nil || r.Entry == nil {
		return e, false, err
	}
	e.Size, e.Expires = int64(len(r.Entry)), r.Expires
	i.describe(&e, f, r)
	return e, true, nil
}

// describe says what an entry holds. It never fails: what is wrong with an entry is said in it.
func (i *Inspector) describe(e *Entry, f Function, r backends.Reading) {
	info, err := serialize.Describe(r.Entry)
	if err != nil {
		e.State, e.Problem = Unknown, reason(err)
		return
	}
	h := info.Header
	e.Created, e.Fresh, e.RunTime, e.RunMs = h.Created, h.FreshUntil, h.RunTime, float64(h.RunTime)/float64(time.Millisecond)
	if !h.Expires.IsZero() {
		e.Expires = h.Expires
	}
	e.Packed, e.Sealed = info.Compressed, info.KeyID
	e.State = i.state(h, r.Generation)
	sealer := i.plain
	if info.Sealed {
		sealer = i.sealed
	}
	_, payload, err := sealer.Open(f.Namespace+"\x00"+f.Name+"\x00"+e.Key, r.Entry)
	if err != nil {
		e.Problem = reason(err)
		if info.Sealed {
			e.State = Sealed
			return
		}
		e.State = Unknown
		return
	}
	if info.Sealed || !i.keyed {
		i.decode(e, f, h, payload)
		return
	}
	e.Problem = "it is not sealed, and functions that have sealing keys do not use it"
	i.decode(e, f, h, payload)
}

func (i *Inspector) state(h serialize.Header, generation uint64) string {
	now := i.clock()
	switch {
	case h.Generation != generation:
		return Cleared
	case !h.Expires.IsZero() && !now.Before(h.Expires):
		return Expired
	case !h.FreshUntil.IsZero() && !now.Before(h.FreshUntil):
		return Stale
	}
	return Fresh
}

// reason is an error of serialize without its package's name.
func reason(err error) string {
	var e *serialize.EntryError
	if errors.As(err, &e) && e.Reason == serialize.UnknownKey {
		return fmt.Sprintf("%v; set STILLWARM_SEAL_KEYS to the functions' keys", err)
	}
	return err.Error()
}

// decode puts the value into the entry, with the names that the function's record has.
func (i *Inspector) decode(e *Entry, f Function, h serialize.Header, payload []byte) {
	if m, ok := httpEntry(h, payload); ok {
		e.URL, e.Variant, e.Tags = m.URL, m.Variant, m.Tags
		return
	}
	records, codec, payload, err := cutRecords(h.Codec, payload)
	if err != nil {
		e.Problem = err.Error()
		return
	}
	e.records = records
	value, err := decodeValue(codec, payload, f.trees[hex.EncodeToString(h.Type[:])])
	if err != nil {
		e.Problem = err.Error()
		return
	}
	e.Value = value
}
