package redis

import (
	"encoding/binary"
	"time"
	"unsafe"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/internal/version"
)

// A slot's string ends in a trailer: the key where its tag is a hash, then the version, which holds the expiry (24 bytes),
// the key's length (4 bytes, big-endian), and the kind (1 byte). It comes last so that the entry is the beginning of what
// was read, and nothing has to be moved. The scripts find the version by its distance from the end.
const (
	trailerSize   = version.Size + 4 + 1
	kindEntry     = 2
	kindTombstone = 3 // no entry
)

// slot is what a string holds. Its parts, the version too, lie in the memory of that string.
type slot struct {
	kind    byte // 0: nothing that encodeSlot wrote
	entry   []byte
	key     []byte
	version backends.Version
	expires time.Time
}

// encodeSlot returns entry and trailer in a slice of their own. key is empty where the tag tells it.
func encodeSlot(kind byte, entry []byte, key string, v backends.Version) []byte {
	b := make([]byte, 0, len(entry)+len(key)+trailerSize)
	b = append(b, entry...)
	b = append(b, key...)
	b = append(b, v...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(key)))
	return append(b, kind)
}

// foreign is the version of a string that is too short to have one, or larger than any that is read.
const foreign backends.Version = "?"

// decodeSlot splits what was stored. What encodeSlot did not write is no entry, and has a version all the same, so that
// it can be replaced. Nothing may change b beyond the entry afterwards.
func decodeSlot(b []byte) slot {
	n := len(b) - trailerSize
	if n < 0 {
		if len(b) <= 5 {
			return slot{version: foreign}
		}
		return slot{version: backends.Version(textOf(b[:len(b)-5]))}
	}
	s := slot{version: backends.Version(textOf(b[n : n+version.Size]))}
	keyLen := int64(binary.BigEndian.Uint32(b[n+version.Size:]))
	kind := b[len(b)-1]
	if keyLen > int64(n) || kind != kindEntry && kind != kindTombstone {
		return s
	}
	split := n - int(keyLen)
	s.kind, s.entry, s.key, s.expires = kind, b[:split:split], b[split:n:n], version.Expires(s.version)
	return s
}

// textOf returns b as a string without copying; nothing may change b any more.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// The version is bytes versionFrom to versionTo of a string, counted from its end as GETRANGE does.
const (
	versionFrom = "-29"
	versionTo   = "-6"
)

// putScript stores ARGV[1], whose version is ARGV[2], where the slot has the version ARGV[3]; ARGV[5] is the expiry. Where
// an earlier try has stored it already, that is as good. ARGV[4] is "empty" where an empty slot comes to the same, and else
// the length beyond which a string is foreign. What is no string is as good as empty: somebody else put it there.
const putScript = `local v=''
local t=redis.call('type',KEYS[1])
if (t.ok or t)=='string' then v=redis.call('getrange',KEYS[1],` + versionFrom + `,` + versionTo + `) end
if v==ARGV[2] then return 1 end
if v~=ARGV[3] then
local long=tonumber(ARGV[4])
if not (v=='' and (long or ARGV[4]=='empty')) and not (long and redis.call('strlen',KEYS[1])>long) then return 0 end
end
if ARGV[5]=='' then redis.call('set',KEYS[1],ARGV[1]) else redis.call('set',KEYS[1],ARGV[1],'px',ARGV[5]) end
return 1`

// deleteScript empties the slot where it has the version ARGV[1].
const deleteScript = `if redis.call('getrange',KEYS[1],` + versionFrom + `,` + versionTo + `)==ARGV[1] then return redis.call('del',KEYS[1]) end return 0`

// changedScript returns the string, or 1 where it has the version ARGV[1].
const changedScript = `if redis.call('getrange',KEYS[1],` + versionFrom + `,` + versionTo + `)==ARGV[1] then return 1 end return redis.call('get',KEYS[1])`
