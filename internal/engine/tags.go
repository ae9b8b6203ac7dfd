package engine

import (
	"strconv"
	"sync"

	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
)

// maxTagNames bounds the tags that are remembered by their records.
const maxTagNames = 4096

// tagNames knows tags by the names of their records, so that a miss can name the tag that made it: entries carry the
// records' names only. Its zero value is ready; it is safe for concurrent use.
type tagNames struct {
	mu    sync.Mutex
	names map[string]string
}

// learn remembers a tag that no lookup may name: one of a result, or one that was invalidated.
func (t *tagNames) learn(record, tag string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.names == nil || len(t.names) >= maxTagNames {
		t.names = map[string]string{}
	}
	t.names[record] = tag
}

// why says that the invalidation of a record made a lookup a miss. record is "" where it is not known which.
func (t *tagNames) why(l *Lookup, record string) string {
	for _, tag := range l.Tags {
		if invalidation.TagRecord(tag) == record {
			return whyTag(tag)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if tag, known := t.names[record]; known {
		return whyTag(tag)
	}
	if record == "" {
		return "invalidated by one of its tags"
	}
	return "invalidated by one of its tags, whose name this container does not know (record " + record + ")"
}

func whyTag(tag string) string { return "invalidated by the tag " + strconv.Quote(tag) }
