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
// Numbers are little endian and as wide as their type, int, uint and uintptr always 8 bytes. Strings begin with their length as
// a varint. Byte slices, slices and maps begin with the number of their elements plus one, 0 for nil; a map's entries follow in
// the order of their encodings. A pointer or interface begins with a byte: 0 for nil, 1 before its content, 2 before the number
// of the enclosing value to which a cycle returns. In an interface the full name, the [Fingerprint] and the compiler's numbers of
// the dynamic type come before its value. A time is its instant, the name of its zone and what tells the zone's rules. What a
// hash function returned begins with the byte 0xff and is written like an interface's content.
//
// Structure comes first: a type without unexported fields is written by its structure, whatever methods it has, for a text form
// may redact, round or forget. A type that hides fields and has a canonical form (a marshaler) is written by all its fields that
// are data, hidden ones among them, and then by that form, which speaks for the rest; 3 stands in the place of a part that only
// the form speaks for. The byte before them says whether the form is there, not needed, or has failed.
//
// The one law is that different arguments never share a key. Where equality is in doubt the encoding distinguishes, and
// where it cannot, [Compile] or [Append] refuses with an [UnhashableError]. What fails for a value only, its marshaler for one,
// is an [UncachedError]: a call must not fail for it.
package key
