// Package serialize turns the result of a cached function into an entry and back.
//
// It has two halves. A [Codec] turns values of one Go type into bytes and back, exactly: what a hit returns equals what
// the miss returned. A [Sealer] puts those bytes into an envelope that says when the entry was made, until when it holds
// and what it belongs to, compresses them where that helps, and encrypts them where keys are set. Whatever is wrong with
// an entry (cut short, altered, of another key, of another version, too large) is found when it is opened, and is an
// error that matches [ErrBadEntry]: a miss, never a wrong value.
//
// # Encoding
//
// The encoding is CBOR (RFC 8949), but not the usual mapping of Go to CBOR, which keeps what is worth showing to others
// and loses the rest: fields left out by tags, embedded fields merged by name, zones of times. Here a struct is the array
// of all its fields, nil and empty slices differ, floats keep their bits. The shape is not in the bytes; the fingerprint
// of the type, which is part of the key and of the envelope, guards it. A type whose structure does not say everything
// (unexported fields) is stored by its own methods: binary, text, JSON or gob; protobuf messages by theirs.
//
// A type that would lose something on the way has no codec: [CodecFor] returns an [*UnserializableError] that names the
// place. Only what an empty interface holds is judged when a value is encoded.
//
// The format, with test vectors, is in docs/internals/format.md.
package serialize
