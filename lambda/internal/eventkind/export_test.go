package eventkind

// ByName returns what is known of a type of the events package.
func ByName(name string) Kind { return byName(name) }
