package main

const (
	runGo       = "internal/engine/run.go"
	marksGo     = "internal/engine/marks.go"
	refreshGo   = "internal/engine/refresh.go"
	freshnessGo = "internal/engine/freshness/freshness.go"
)

func results() []mutant {
	deciding := inAdapter("TestResultsThatDecide")
	return []mutant{
		{id: "F3", fault: "who waited for a private result gets it", file: runGo,
			after: "case terms.Private, terms.Lossy:", line: "o.Alone = true", killer: model("private")},
		{id: "F3", fault: "the runs of a private key are joined", file: marksGo,
			line: "return ok && k.kind == markPrivate", with: "return ok && k.kind == markPrivate && now < 0", killer: inEngine("TestMarks")},
		{id: "F3", fault: "a refused result's mark does not grow", file: marksGo,
			line: "last = min(2*k.took, longestRefuse)", killer: inEngine("TestMarks")},
		{id: "F3", fault: "a marked key is read at each call", file: marksGo,
			line: "return ok && now-k.heard < int64(every) && now >= k.heard", with: "return ok && now-k.heard < int64(every) && now < 0", killer: inEngine("TestMarks")},
		{id: "F4", fault: "a predicate sees the value that others get", file: "adapter/call.go",
			line: "_ = c.values.Copy(seen, kept) // it was copied before", with: "seen = c.values.At(kept)", killer: deciding},
		{id: "F4", fault: "a result whose predicate panics is cached", file: "adapter/call.go",
			line: "terms.Private = true", killer: deciding},
		{id: "F7", fault: "NearTTL is left out of the comparison", file: "adapter/option.go",
			line: "nearTTL       time.Duration `option:\"NearTTL\"` // zero: the default", with: "nearTTL time.Duration `same:\"-\"`",
			killer: inAdapter("TestOptionComparison")},
		{id: "F7", fault: "closures of one literal are the same function", file: "adapter/compare.go",
			line: "return closureAt(a) == closureAt(b)", with: "return a.Pointer() == b.Pointer()", killer: inAdapter("TestOptionComparison")},
		{id: "F7", fault: "closures of one literal are the same function where any type may be", file: "adapter/compare.go",
			line: "return closureIn(a) == closureIn(b)", with: "return a.Elem().Pointer() == b.Elem().Pointer()", killer: inAdapter("TestOptionComparison")},
		{id: "I1", fault: "callers share one value", file: "adapter/core.go",
			line: "if r.Own {", with: "if true {", killer: inAdapter("TestIsolation")},
		{id: "I2", fault: "a result that its copy does not equal is cached", file: "adapter/call.go",
			line: "res.Terms.Lossy = true", killer: inAdapter("TestUnserializable")},
		{id: "K18", fault: "a refresh is left although the argument may change", file: refreshGo,
			line: "if l.Arg == Shared || !f.env.Defers(ctx) || f.rests.resting(l.Key, now) || !e.Refreshing.CompareAndSwap(false, true) {",
			with: "if !f.env.Defers(ctx) || f.rests.resting(l.Key, now) || !e.Refreshing.CompareAndSwap(false, true) {", killer: inEngine("TestArgumentsThatMayChange")},
		{id: "K18", fault: "a run outlives its call although the argument may change", file: joiningGo,
			line: "if l.Arg == Shared {", with: "if false {", killer: inEngine("TestArgumentsThatMayChange")},
	}
}

func times() []mutant {
	stale := inAdapter("TestStaleWindow")
	return []mutant{
		{id: "T2", fault: "a result's own lifetime goes beyond the ttl", file: freshnessGo,
			line: "if own >= 0 && (ttl <= 0 || own < ttl) {", with: "if own >= 0 {", killer: inAdapter("TestResultsThatDecide")},
		{id: "T3", fault: "an entry from the future is served from memory as it is", file: lookupGo,
			line: "if now < e.Created || now >= e.Fresh || f.spec.Policy.Ahead > 0 && f.spec.Policy.State(times(e), now) != freshness.Fresh {",
			with: "if now >= e.Fresh || f.spec.Policy.Ahead > 0 && f.spec.Policy.State(times(e), now) != freshness.Fresh {", killer: inAdapter("TestTTL|TestClock")},
		{id: "T3", fault: "an entry from the future lives until its ttl from then", file: freshnessGo,
			line: "t.Fresh -= ahead", killer: inAdapter("TestTTL")},
		{id: "T4", fault: "a shorter ttl does not cut what another process wrote", file: freshnessGo,
			line: "t.Fresh = min(t.Fresh, Add(t.Created, p.TTL))", killer: inAdapter("TestTTL")},
		{id: "T4", fault: "sums of durations overflow", file: freshnessGo,
			line: "if d > 0 && t > math.MaxInt64-int64(d) {", with: "if false {", killer: in("./internal/engine/freshness", "TestBounds")},
		{id: "T4", fault: "an entry is served at the instant when its ttl ends", file: freshnessGo,
			line: "case over < 0:", with: "case over <= 0:", killer: in("./internal/engine/freshness", "TestBounds")},
		{id: "T5", fault: "the stale window never ends", file: freshnessGo,
			line: "case over < int64(p.Stale):", with: "case p.Stale > 0:", killer: stale},
		{id: "T5", fault: "a refused refresh does not cool down", file: refreshGo,
			line: "f.refreshFailed(ctx, refused, l)", killer: inAdapter("TestResultsThatDecide")},
		{id: "T5", fault: "a refresh that was queued before Clear runs after it", file: refreshGo,
			line: "if f.log.Void(l.Key, point) {", with: "if false {", killer: stale},
		{id: "T5", fault: "each stale hit leaves a refresh", file: refreshGo,
			line: "if l.Arg == Shared || !f.env.Defers(ctx) || f.rests.resting(l.Key, now) || !e.Refreshing.CompareAndSwap(false, true) {",
			with: "if l.Arg == Shared || !f.env.Defers(ctx) || f.rests.resting(l.Key, now) {", killer: inEngine("TestRefreshes")},
		{id: "T6", fault: "a value stands in beyond fail-safe", file: freshnessGo,
			line: "case over < int64(p.FailSafe):", with: "case p.FailSafe > 0:", killer: inAdapter("TestFailSafe")},
		{id: "T6", fault: "a key does not rest after a failure", file: runGo,
			line: "f.rests.begin(t.l.Key, now+int64(coolDown))", killer: inAdapter("TestFailSafe|TestResultsThatDecide")},
		{id: "T7", fault: "a run that took too long is given up", file: joiningGo,
			line: "f.env.Defer(ctx, func(later context.Context) { call.Outlast(later, ctx, leader) })", with: "if leader { call.LeaveLed(ctx) } else { call.Leave(ctx) }",
			killer: model("soft timeout ends the run")},
		{id: "T7", fault: "an expired value is returned after the soft timeout", file: joiningGo,
			line: "if call.Ended() || !f.spec.Policy.MayStandIn(times(old), f.env.Now()) { // a result is better than what stands in for it",
			with: "if call.Ended() {", killer: model("soft timeout and expired")},
		{id: "T8", fault: "no hit is ever due for a refresh", file: freshnessGo,
			line: "case over < 0 && p.ahead(t, now):", with: "case false:", killer: inEngine("TestStaleAndAhead")},
	}
}
