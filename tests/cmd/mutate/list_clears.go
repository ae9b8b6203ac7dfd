package main

const (
	clearGo      = "internal/engine/clear.go"
	readGo       = "internal/engine/read.go"
	generationGo = "internal/engine/generation.go"
	lookupGo     = "internal/engine/lookup.go"
	recordsGo    = "internal/engine/records.go"
	tellGo       = "internal/engine/records_tell.go"
	logGo        = "internal/engine/invalidation/log.go"
	stateGo      = "internal/genstate/state.go"
)

func clears() []mutant {
	return []mutant{
		{id: "C2", fault: "ClearFor leaves the entry in memory", file: clearGo,
			after: "func (f *Function) ClearFor(ctx context.Context, l *Lookup) error {",
			line:  "f.spec.Owner.Delete(l.Key)", killer: inAdapter("TestClear")},
		{id: "C2", fault: "a Get after ClearFor joins a run of before it", file: clearGo,
			after: "func (f *Function) ClearFor(ctx context.Context, l *Lookup) error {",
			line:  "f.flights.Detach(l.Key)", killer: inEngine("TestClearsDuringRuns")},
		{id: "C2", fault: "a Get after Clear joins a run of before it", file: clearGo,
			line: "f.log.Clear(f.flights.DetachAll)", with: "f.log.Clear(nil)", killer: inEngine("TestClearsDuringRuns")},
		{id: "F3", fault: "Clear forgets no mark", file: clearGo,
			line: "f.marks.clear()", killer: inEngine("TestClearsDuringRuns")},
		{id: "C2", fault: "what was read before a clear goes into memory after it", file: readGo,
			after: "func (f *Function) keepRead(l *Lookup, point invalidation.Point, found *memory.Entry) {",
			line:  "f.log.Store(l.Key, point, func() {", with: "put := func(f func()) { f() }; put(func() {",
			killer: inAdapter("TestClear")},
		{id: "C2", fault: "beyond the bound clears of keys are forgotten", file: logGo,
			line: "l.all = l.now", with: "", after: "case len(l.keys) >= maxKeys && !l.prune(): // what is under way loses more than it must, and nothing is lost that must not be",
			killer: in("./internal/engine/invalidation", "TestLog")},
		{id: "C5", fault: "a run that a clear has overtaken stores its result in memory", file: logGo,
			after: "func (l *Log) Store(key string, p Point, put func()) bool {",
			line:  "if l.void(key, p) {", with: "if false {", killer: inAdapter("TestClear")},
		{id: "C5", fault: "a clear during a run does not keep the result from being written", file: "internal/engine/writes.go",
			line: "if f.log.Void(l.Key, held) {", with: "if false {", killer: inEngine("TestClearsDuringRuns")},
		{id: "C5 C6", fault: "Set does not void the run under way", file: clearGo,
			after: "func (f *Function) Set(ctx context.Context, l *Lookup, res Result) error {",
			line:  "f.supersede(l)", killer: model("set voids nothing")},
		{id: "C6", fault: "the backend is believed while a Refresh's result waits to be written", file: clearGo,
			after: "func (t *turn) replaceLater(ctx context.Context, e *memory.Entry, late int) {",
			line:  "owed := f.store.gen.ClearSlot(f.store.slot(l), f.env.Now())", with: "owed := genstate.Clear{Slot: f.store.slot(l)}",
			killer: inEngine("TestWhatTheBackend")},
		{id: "C6", fault: "a refresh that was overtaken leaves the older entry", file: "internal/engine/run.go",
			line: "t.voidOlder(ctx)", killer: model("void older")},
		{id: "C1", fault: "a generation that was replaced is believed when it returns", file: stateGo,
			line: "if old == generation {", with: "if old == 0 {", killer: in("./internal/genstate", "Test")},
		{id: "C1", fault: "a backend that went back to an older state is believed", file: generationGo,
			line: "s.gen.ClearAll(s.f.env.Now())", killer: inEngine("TestGenerationsThatReturn")},
		{id: "C1", fault: "Clear walks over the entries", file: "backends/memory/place.go",
			after: "func (p *place) clear(id fnID) uint64 {",
			line:  "p.touched++", with: "for el := p.recent.Front(); el != nil; el = el.Next() { p.touched++ }",
			killer: in("./backends/memory", "TestConformance")},
		{id: "C3", fault: "what could not be told is never told", file: generationGo,
			line: "c, owed := s.gen.Owed(slot, s.f.env.Now())", with: "c, owed := s.gen.Owed(slot, s.f.env.Now()); owed = false",
			killer: inEngine("TestWhatTheBackend")},
		{id: "C3", fault: "a generation is believed while a clear is owed", file: stateGo,
			line: "case r.clears != s.clears, s.owed.all != 0:", with: "case r.clears != s.clears:", killer: in("./internal/genstate", "Test")},
		{id: "C3", fault: "ClearFor is not remembered where the backend could not be told", file: clearGo,
			line: "owed = f.store.gen.ClearSlot(f.store.slot(l), f.env.Now())", with: "owed = genstate.Clear{Slot: f.store.slot(l)}",
			killer: inEngine("TestWhatTheBackend")},
		{id: "C4", fault: "a clear elsewhere is never heard of", file: generationGo,
			line: "if !s.gen.Trusts(e.Generation, now, near) {", with: "if s.gen.Known() != e.Generation {", killer: inAdapter("TestClear")},
		{id: "C4", fault: "a coherent function never compares its memory with the backend", file: generationGo,
			line: "since := now - e.Checked.Load()", with: "since := int64(0)", killer: inEngine("TestCoherent")},
		{id: "C7", fault: "Set answers here and tells nobody", file: clearGo,
			line: "return t.replace(ctx, f.store.gen.ClearSlot(f.store.slot(l), f.env.Now()), e, len(res.Terms.Tags), err)",
			with: "return err", killer: model("set tells nobody")},
		{id: "C8", fault: "an entry is believed whose tag was invalidated elsewhere", file: recordsGo,
			line: "case known.ID != ref.ID:", with: "case known.ID != known.ID:", killer: model("tags elsewhere")},
		{id: "C8", fault: "memory does not hear that a tag was invalidated", file: recordsGo,
			line:   "return since >= 0 && since < int64(near) && e.RefEpoch.Load() == r.epoch.Load()",
			with:   "return since >= 0 && since < int64(near)",
			killer: model("tags in memory")},
		{id: "C8", fault: "an invalidation during a run is overlooked when the run ends", file: "internal/engine/run.go",
			line: "if f.records.void(e) || !f.keep(l, t.point, e) { // cleared meanwhile", with: "if !f.keep(l, t.point, e) {",
			killer: inEngine("TestTags"), survives: "each hit in memory and each write asks again: it spares a write that would be refused"},
		{id: "C8", fault: "an invalidation that could not be told is forgotten", file: tellGo,
			line: "r.owe(names)", killer: inAdapter("TestWriteThroughAndTags")},
		{id: "C8", fault: "an entry inherits no tags", file: "internal/engine/flight/run.go",
			line: "r.refs = append(r.refs, ref)", killer: inAdapter("TestWriteThroughAndTags")},
		{id: "C8", fault: "an invalidation does not move the epoch", file: "internal/engine/invalidation/record.go",
			line: "names = append(slices.Clone(names), EpochRecord)", with: "names = slices.Clone(names)", killer: inEngine("TestTagsAcrossContainers")},
		{id: "C8", fault: "tags that only the result names are not compared with the store's clock", file: recordsGo,
			line: "if invalidatedSince(rs[0], began) {", with: "if began.IsZero() && false {", killer: inEngine("TestTagsAcrossContainers")},
	}
}
