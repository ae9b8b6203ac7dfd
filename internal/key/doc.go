// Package key turns the argument of a cached function into a key: a canonical, length-framed encoding in which different
// arguments never look alike.
//
// A type is compiled once into a [Plan], which walks its values without reflection:
//
//	type Input struct {
//		Symbol string
//		Days   int
//		Trace  string `cache:"-"` // left out
//	}
//
//	plan, err := key.Compile(reflect.TypeFor[Input](), key.Options{Function: "quotes"})
//	encoded, err := key.Append(plan, nil, &Input{Symbol: "ACME", Days: 30, Trace: "a1"})
//	// encoded: 04 'A' 'C' 'M' 'E'  1e 00 00 00 00 00 00 00
//
// Within the process the encoding itself is the key: exact, and cheaper than any cryptographic hash. On its way to a backend it
// becomes a digest that shows nothing of the argument:
//
//	prefix := key.NewPrefix("shop.quotes", codeIdentity, fingerprint)
//	digest := prefix.Sum(scope, encoded)
//
// An encoding says nothing of the types that the plan knows. So whatever compares encodings of different plans must
// compare their fingerprints as well (see [Plan.Fingerprint]); in a digest they belong into the prefix.
//
// # Encoding
//
// Numbers are little endian and as wide as their type, int, uint and uintptr always 8 bytes. Strings, byte slices, slices and
// maps begin with their length as a varint; a map's entries follow in the order of their encodings. Nil and empty are the same
// for slices and maps. A pointer or interface begins with a byte: 0 for nil, 1 before its content, 2 before the number of
// the enclosing value to which a cycle returns. In an interface the full name and the [Fingerprint] of the dynamic type come
// before its value. Canonical forms (of types that marshal themselves) begin with their length in 8 bytes. What a hash
// function returned begins with the byte 0xff and is written like an interface's content.
//
// The one law is that different arguments never share a key. Where equality is in doubt the encoding distinguishes, and
// where it cannot, [Compile] or [Append] refuses with an [UnhashableError].
package key
