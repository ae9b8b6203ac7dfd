// Package clone copies the values of cached functions, so that every caller has one of its own.
//
// [Compile] looks at a type once, with reflection, and makes a [Plan]: for each part of the type, how to copy it and
// how to measure it. [Copy] then only walks along the plan, by address.
//
// # A plan at work
//
// Take a result of this type:
//
//	type Quote struct {
//		Symbol string
//		Price  float64
//		Asks   []Level         // type Level struct{ Price, Size float64 }
//		Seen   time.Time
//		Tags   map[string]string
//		Parent *Quote
//	}
//
// A copy begins as an assignment of the whole struct, which finishes Symbol and Price: strings never change, so they
// are shared. The plan lists only what assignment leaves shared, with its offset:
//
//	Asks    new array of exactly len(Asks) levels, one memmove: Level is flat, so nothing is left to do in it
//	Seen    serialize.CanonicalTime, which drops the monotonic reading and the zone's name
//	Tags    new map; keys and values are strings, so the table is copied as a whole
//	Parent  new Quote, assigned, then this same plan for what the assignment left shared
//
// A type of which the list is empty is flat (see [Plan.Flat]): its copy is one assignment and allocates nothing.
//
// # What a copy promises
//
// The copy equals what package serialize would decode from the encoding of the source, so the memory tier and a backend
// return the same value. Therefore the two accept the same types, follow values to the same depth, and both make two
// targets of one that two pointers share. A type that stores itself by methods of its own is copied through them; where
// the standard library offers a shorter way to the same result, that is taken (times, addresses, big numbers, regular
// expressions). An interface may hold what the codec restores in one, and nothing else.
//
// The copy shares only what cannot be changed: the bytes of strings, time zones, a regular expression's program. Slices
// have no room beyond their length. If the copy fails, nothing of it is visible.
package clone
