package main

func resources() []mutant {
	const (
		objectGo   = "internal/engine/resource/object.go"
		openGo     = "internal/engine/resource/open.go"
		validateGo = "internal/engine/resource/validate.go"
	)
	uses := inAdapter("TestUse|TestResources|TestReleaseWhileInUse|TestResourceRefresh|TestValidationCause")
	races := in("./internal/engine/resource", "TestReleaseUnderRaces")
	return []mutant{
		{id: "R2", fault: "an invalid object stays in the pool", file: "internal/engine/resource/resource.go",
			line: "p.discard(ctx, o)", killer: uses},
		{id: "R2", fault: "a new object that is not valid is returned", file: openGo,
			line: "cause := p.validate(ctx, a, o, unvalidated)", with: "cause := error(nil)", killer: uses},
		{id: "R3", fault: "an object is released each time that somebody is done with it", file: objectGo,
			line: "if !o.left || o.released || o.given || len(o.users) > 0 {", with: "if !o.left || o.given || len(o.users) > 0 {", killer: races,
			survives: "whoever is done with an object had it, and nobody gets one that is released: the next fault holds that"},
		{id: "R3", fault: "an object that leaves the pool twice takes out the one that has come in its place", file: objectGo,
			after: "func (p *Pool) leave(o *object) []*object {", line: "if o.left {", with: "if false {", killer: in("./internal/engine/resource", "TestPlaces")},
		{id: "R3", fault: "an object is released while somebody has it", file: objectGo,
			line: "if !o.left || o.released || o.given || len(o.users) > 0 {", with: "if !o.left || o.released || o.given {", killer: model("released in use")},
		{id: "R3", fault: "a released object is handed out", file: objectGo,
			after: "func (p *Pool) keep(ctx context.Context, o *object) keeping {", line: "if o.released {", with: "if false {", killer: races},
		{id: "R3", fault: "an object that a clear met while it was opened stays in the pool", file: openGo,
			line:   "ready, evicted := p.enter(o, !a.Alone && !p.clears.Void(a.Key, since) && !p.env.Closed())",
			with:   "ready, evicted := p.enter(o, !a.Alone && !p.env.Closed())",
			killer: races},
		{id: "R3", fault: "an object that Close met while it was opened stays in the pool", file: openGo,
			line:   "ready, evicted := p.enter(o, !a.Alone && !p.clears.Void(a.Key, since) && !p.env.Closed())",
			with:   "ready, evicted := p.enter(o, !a.Alone && !p.clears.Void(a.Key, since))",
			killer: races},
		{id: "R4", fault: "ValidateEvery spares an object the validation after a thaw", file: validateGo,
			line: "if every := p.spec.ValidateEvery; every > 0 && o.thaws.Load() == thaws {", with: "if every := p.spec.ValidateEvery; every > 0 {", killer: uses},
		{id: "R5", fault: "a refresh that failed is tried at once", file: openGo,
			line: "o.retryAt.Store(p.env.Now() + int64(coolDown))", killer: uses},
		{id: "R6", fault: "Use never lets go", file: "internal/engine/resource/resource.go",
			line: "defer p.letGo(ctx, h)", killer: uses},
	}
}

func keys() []mutant {
	const pkg = "./internal/key"
	return []mutant{
		{id: "K4 K10", fault: "unexported fields do not show", file: "internal/key/beside.go",
			after: "if !readable(f) {", line: "return shownPart", with: "continue", killer: in(pkg, "Test")},
		{id: "K9", fault: "zones are told apart by name alone", file: "internal/key/timekey.go",
			line: "return append(appendText(append(dst, zoneChanging), loc.String()), rules[:]...)", with: "_ = rules; return appendText(append(dst, zoneChanging), loc.String())", killer: in(pkg, "Test")},
		{id: "K9", fault: "two fixed zones of one name are one", file: "internal/key/timekey.go",
			line: "dst = binary.LittleEndian.AppendUint64(dst, uint64(offset))", with: "_ = offset", killer: in(pkg, "Test")},
		{id: "K20", fault: "a call without a tenant gets what belongs to one of several", file: "adapter/tenant.go",
			line: "return unknownTenant, !t.strict", with: `return seen.id, true`, killer: inAdapter("TestTenants")},
		{id: "K20", fault: "tenant and scope run into each other", file: "adapter/tenant.go",
			line: "return appendFramed(appendFramed(dst, s.tenant), s.own)", with: "return append(append(append(dst, 0, 0, 0, 0, 0, 0, 0, 0), s.tenant...), s.own...)",
			killer: inAdapter("TestTenants|TestKeys")},
		{id: "K2", fault: "the namespace is no part of a key", file: "internal/engine/store.go",
			line: `s.keys = key.NewPrefix(s.f.env.Namespace, spec.Name, code, string(spec.In[:]), string(spec.Out[:]))`,
			with: `s.keys = key.NewPrefix("", spec.Name, code, string(spec.In[:]), string(spec.Out[:]))`, killer: inEngine("TestKeysOfStores")},
		{id: "K2", fault: "the code is no part of a key", file: "internal/engine/store.go",
			line: `s.keys = key.NewPrefix(s.f.env.Namespace, spec.Name, code, string(spec.In[:]), string(spec.Out[:]))`,
			with: `s.keys = key.NewPrefix(s.f.env.Namespace, spec.Name, "", string(spec.In[:]), string(spec.Out[:]))`, killer: inEngine("TestKeysOfStores")},
	}
}

func breakage() []mutant {
	return []mutant{
		{id: "L3", fault: "refreshes are done before the response", file: "internal/invocation/invocation.go",
			line: "if before && j.drop != nil {", with: "if false {", killer: in("./internal/invocation", "Test")},
		{id: "L5", fault: "an invocation that is over takes jobs that nobody does", file: "internal/invocation/invocation.go",
			after: "func (inv *Invocation) leave(j job) bool {", line: "if inv.ended {", with: "if false {", killer: in("./internal/invocation", "Test")},
		{id: "W2", fault: "each lookup has a budget of its own", file: "internal/invocation/budget.go",
			line: "b.spent += time.Since(b.since)", killer: in("./internal/invocation", "Test")},
		{id: "W3", fault: "a panic of the backend reaches the caller", file: "internal/breaker/within.go",
			line: "err = guarded(ctx, now.Add(bound), op)", with: "err = op(ctx, now.Add(bound))", killer: inAdapter("TestABackendThatPanics")},
		{id: "W3", fault: "a panic of an operation that keeps to its deadline by itself reaches the caller", file: "internal/breaker/breaker.go",
			line: "err = guarded(ctx, now.Add(bound), op)", with: "err = op(ctx, now.Add(bound))", killer: in("./internal/breaker", "TestPanics")},
		{id: "W4", fault: "an entry of another type is decoded", file: readGo,
			line: "if h.Codec&^codecTagged != l.Codec || h.Type != [16]byte(f.spec.Out[:16]) {", with: "if false {", killer: inEngine("TestEntriesOfOthers")},
		{id: "W4 C1", fault: "an entry of another generation is believed", file: readGo,
			line: "if h.Generation != r.Generation {", with: "if false {", killer: inEngine("TestEntriesOfOthers")},
		{id: "W4", fault: "an entry that nobody can use stays", file: "internal/engine/waiting.go",
			line: "f.store.deleteBad(ctx, l)", killer: inAdapter("TestBreakage")},
		{id: "W4", fault: "records before a payload are read beyond its end", file: "internal/engine/writes.go",
			line: "if len(b) < 1 || len(b) < 1+int(b[0])+8 {", with: "if len(b) < 1 {", killer: inEngine("FuzzRecordsOfEntries")},
		{id: "W8", fault: "expired entries leave last", file: "internal/engine/memory/bounded.go",
			line:   "if n := b.end.first(); n != nil && now > 0 && n.ranks[b.end.kind] <= uint64(now) {",
			with:   "if n := b.end.first(); n != nil && now < 0 {",
			killer: in("./internal/engine/memory", "TestOrder")},
		{id: "W8", fault: "the most recently used leaves first", file: "internal/engine/memory/bounded.go",
			line: "b.use.raise(n, used) // it was used since", with: "return n", killer: in("./internal/engine/memory", "TestOrder")},
		{id: "W9", fault: "blank keys seal nothing, silently", file: "serialize/keycheck.go",
			line: `if strings.TrimSpace(keys) == "" {`, with: "if false {", killer: in("./serialize", "TestCheckKeys")},
		{id: "N7", fault: "reads and writes that fail are two outages", file: "adapter/outage.go",
			line: "return before != (o.failed[reading] || o.failed[writing])", with: "_ = before; return true", killer: inAdapter("TestOutageMessages")},
		{id: "N8", fault: "a configuration shows its sealing keys", file: "adapter/config_show.go",
			line: `add(c.SealKeys != "", "SealKeys", "set")`, with: `add(c.SealKeys != "", "SealKeys", c.SealKeys)`, killer: inAdapter("TestSecretsInConfigurations")},
	}
}
