package memory

// EntryOverhead is what the tier charges beside a value and a key.
const EntryOverhead = entryOverhead
