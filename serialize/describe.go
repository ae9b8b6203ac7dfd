package serialize

// Description is what an entry shows without keys.
type Description struct {
	Header     Header
	Compressed bool
	Sealed     bool
	KeyID      string // of the sealing key
}

// Describe reads an entry's clear header, without its address or keys, for tools. Times and generation of a sealed entry
// are not proven by it: [Sealer.Open] does that. Every error is an [*EntryError].
func Describe(entry []byte) (Description, error) {
	var env envelope
	if err := env.parse(entry); err != nil {
		return Description{}, err
	}
	return Description{
		Header: env.header, Compressed: env.flags&flagCompressed != 0, Sealed: env.flags&flagSealed != 0, KeyID: env.keyID,
	}, nil
}
