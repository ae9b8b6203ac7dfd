package redis

import (
	"context"
	"strings"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stillwarm/stillwarm/backends"
)

// describe returns what is known of entries without reading them: length and trailer. What has gone meanwhile, or is
// no entry, is left out.
func (s *Store) describe(ctx context.Context, on node, keys []string) (infos []backends.Info, err error) {
	err = on(ctx, func(c client) error {
		infos = infos[:0]
		sizes := make([]*goredis.IntCmd, len(keys))
		ends := make([]*goredis.StringCmd, len(keys))
		var cmds []goredis.Cmder
		for i, key := range keys {
			sizes[i] = goredis.NewIntCmd(ctx, "strlen", key)
			ends[i] = goredis.NewStringCmd(ctx, "getrange", key, -s.tailSize(key), -1)
			cmds = append(cmds, sizes[i], ends[i])
		}
		if err := pipe(ctx, c, cmds...); err != nil {
			return err
		}
		for i, key := range keys {
			if info, ok := s.info(key, sizes[i].Val(), ends[i].Val()); ok {
				infos = append(infos, info)
			}
		}
		return nil
	})
	return infos, err
}

// maxListedKey is the length of the longest key that List shows: a longer one would have to be read with its entry.
const maxListedKey = 64 << 10

// tailSize is how much of an entry's end has to be read to know its key and expiry.
func (s *Store) tailSize(redisKey string) int {
	if strings.HasPrefix(redisKey, s.names.entries+"#") {
		return trailerSize + maxListedKey
	}
	return trailerSize
}

// info returns the description of one entry from its stored size and the end of it.
func (s *Store) info(redisKey string, size int64, end string) (backends.Info, bool) {
	if int64(len(end)) > size {
		return backends.Info{}, false // it was replaced between the two questions
	}
	st := decodeSlot([]byte(end))
	if st.kind != kindEntry || s.m.expired(st.expires) {
		return backends.Info{}, false
	}
	t, _ := strings.CutPrefix(redisKey, s.names.entries)
	key, readable := untag(strings.TrimSuffix(t, "}"))
	if !readable {
		key = string(st.key)
	}
	return backends.Info{Key: key, Size: size - trailerSize - int64(len(st.key)), Expires: st.expires}, true
}
