package slots

import (
	"encoding/hex"
	"errors"
	"time"

	"github.com/stillwarm/stillwarm/httpcache/internal/port"
	"github.com/stillwarm/stillwarm/internal/httpentry"
	"github.com/stillwarm/stillwarm/serialize"
)

var (
	errLayout      = errors.New("not an entry of the HTTP cache")
	errOtherLayout = errors.New("an entry of another layout")
)

// foreign reports errors of entries that belong to another build or to who has other keys. They are misses and left alone,
// since whose they are still reads them: a canary, or a rotation of keys under way.
func foreign(err error) bool {
	var e *serialize.EntryError
	return errors.Is(err, errOtherLayout) || errors.As(err, &e) && (e.Reason == serialize.OtherVersion || e.Reason == serialize.UnknownKey)
}

// address is a slot's key in the backend.
func (e *Engine) address(k port.Key) string { return e.prefix + hex.EncodeToString(k[:]) }

func (e *Engine) sealAddress(k port.Key) string {
	return e.env.Namespace + "\x00" + e.spec.Name + "\x00" + e.address(k)
}

// seal encodes an item for the backend.
func (e *Engine) seal(k port.Key, it *item, generation uint64) ([]byte, error) {
	m := httpentry.Meta{
		URL: it.entry.URL, Variant: it.entry.Variant, Epoch: it.epoch, Resources: it.entry.Resources, Tags: it.entry.Tags, IDs: it.ids,
	}
	b := m.Append(nil)
	b = it.entry.Value.Append(b)
	return e.env.Sealer.Seal(nil, e.sealAddress(k), serialize.Header{
		Generation: generation, Created: it.entry.Began, FreshUntil: it.entry.Fresh, Expires: it.entry.Keep,
		RunTime: it.entry.RunTime, Type: httpentry.Layout,
	}, b)
}

// open returns the item that data encodes.
func (e *Engine) open(k port.Key, data []byte) (*item, error) {
	h, b, err := e.env.Sealer.Open(e.sealAddress(k), data)
	if err != nil {
		return nil, err
	}
	if h.Type != httpentry.Layout {
		return nil, errOtherLayout
	}
	m, rest, ok := httpentry.Parse(b)
	if !ok {
		return nil, errLayout
	}
	it := &item{key: k, epoch: m.Epoch, ids: m.IDs, gen: h.Generation, entry: &port.Entry{
		Began: h.Created, RunTime: h.RunTime, Fresh: h.FreshUntil, Keep: h.Expires,
		URL: m.URL, Variant: m.Variant, Resources: m.Resources, Tags: m.Tags,
	}}
	if it.entry.Value, err = e.spec.Decode(rest, int64(len(rest))); err != nil {
		return nil, err
	}
	it.names = namesOf(k, it.entry)
	return it, nil
}

// expiry is until when the backend keeps what is kept until t.
func expiry(now int64, t time.Time) time.Time {
	if most := time.Unix(0, now).Add(maxKeep); t.After(most) {
		return most
	}
	return t
}
