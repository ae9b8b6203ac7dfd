package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"strconv"

	goredis "github.com/redis/go-redis/v9"
)

// batchFloor is a batch of one function by hand: what an entry must be checked for is in it, and nothing that makes a cache of
// it. An argument is written out field by field and its key is the SHA-256 of that; one MGET asks for the keys, whose answer is
// read as it comes, each value into memory of its own; each value is its own checksum's and its own key's.
type batchFloor struct {
	client goredis.UniversalClient
	args   []any
	text   []byte
	reply  floorReply
}

// The layout of a value: the digest of its key and a header's worth of other things before the payload, a checksum after it, and
// as many bytes as a version takes.
const (
	floorDigest   = 16
	floorHeader   = 108
	floorChecksum = 4
	floorTrailer  = 29
	floorKey      = "stillwarm:e:default/batch-floor:{"
)

var (
	castagnoli   = crc32.MakeTable(crc32.Castagnoli)
	errFloor     = errors.New("the value is not what was stored")
	errFloorWire = errors.New("not an answer to MGET")
)

// newBatchFloor stores a value under the key of each argument.
func newBatchFloor(ctx context.Context, client goredis.UniversalClient, ins []query, value []byte) (*batchFloor, error) {
	f := &batchFloor{client: client}
	for i := range ins {
		var room [2 * sha256.Size]byte
		name := f.appendKey(nil, &ins[i], &room)
		digest := sha256.Sum256(room[:])
		entry := make([]byte, floorHeader, floorHeader+len(value)+floorChecksum+floorTrailer)
		copy(entry, digest[:floorDigest])
		entry = append(entry, value...)
		entry = binary.BigEndian.AppendUint32(entry, crc32.Checksum(entry, castagnoli))
		if err := client.Set(ctx, string(name), append(entry, make([]byte, floorTrailer)...), peerTTL).Err(); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// appendKey appends the name of an argument in Redis, and leaves its digest in hex.
func (f *batchFloor) appendKey(dst []byte, in *query, digits *[2 * sha256.Size]byte) []byte {
	var room [256]byte
	b := room[:0]
	for _, s := range [...]string{in.User, in.Region, in.Symbol, in.Currency, in.Venue} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	for _, n := range [...]int64{in.From, in.To, in.Limit, in.Offset} {
		b = binary.AppendVarint(b, n)
	}
	sum := sha256.Sum256(b)
	hex.Encode(digits[:], sum[:])
	return append(append(append(dst, floorKey...), digits[:]...), '}')
}

// getAll returns the values of all arguments.
func (f *batchFloor) getAll(ctx context.Context, ins []query) ([][]byte, error) {
	digits := make([][2 * sha256.Size]byte, len(ins))
	names := make([]string, len(ins))
	f.args = append(f.args[:0], "mget")
	for i := range ins {
		f.text = f.appendKey(f.text[:0], &ins[i], &digits[i])
		names[i] = string(f.text)
		f.args = append(f.args, &names[i])
	}
	f.reply = floorReply{values: make([][]byte, 0, len(ins))}
	if err := f.client.Process(ctx, goredis.NewRawWriteToCmd(ctx, &f.reply, f.args...)); err != nil {
		return nil, err
	}
	if len(f.reply.values) != len(ins) {
		return nil, errFloorWire
	}
	for i, v := range f.reply.values {
		end := len(v) - floorTrailer - floorChecksum
		if end < floorHeader {
			return nil, errFloor
		}
		digest := sha256.Sum256(digits[i][:])
		if crc32.Checksum(v[:end], castagnoli) != binary.BigEndian.Uint32(v[end:]) || !bytes.Equal(digest[:floorDigest], v[:floorDigest]) {
			return nil, errFloor
		}
		f.reply.values[i] = v[floorHeader:end:end]
	}
	return f.reply.values, nil
}

// floorReply takes the answer as the client reads it: lines by Write, values by ReadFrom.
type floorReply struct {
	values [][]byte
	line   []byte
}

func (r *floorReply) Write(p []byte) (int, error) {
	if r.line = append(r.line, p...); bytes.HasSuffix(r.line, []byte("\r\n")) && r.line[0] != '$' {
		r.line = r.line[:0] // the length of the whole
	}
	return len(p), nil
}

// ReadFrom reads a value and the end of its line.
func (r *floorReply) ReadFrom(src io.Reader) (int64, error) {
	n, err := strconv.Atoi(string(bytes.TrimSpace(r.line[1:])))
	if err != nil || n < 0 {
		return 0, errFloorWire
	}
	r.line = r.line[:0]
	value := make([]byte, n+len("\r\n"))
	got, err := io.ReadFull(src, value)
	r.values = append(r.values, value[:n:n])
	return int64(got), err
}
