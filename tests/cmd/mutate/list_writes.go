package main

func writes() []mutant {
	const writesGo = "internal/engine/writes.go"
	return []mutant{
		{id: "C10", fault: "a result is written however late", file: writesGo,
			line: "if f.env.Now()-e.Created > int64(latestWrite) {", with: "if false {", killer: inEngine("TestLateWrites")},
		{id: "C10", fault: "memory keeps what the store refused to replace", file: writesGo,
			line: "f.forget(l.Key, e) // cleared, or replaced, elsewhere since the run began", killer: inEngine("TestLateWrites")},
		{id: "C10", fault: "a store compares versions only where the writer saw one", file: "backends/memory/place.go",
			line: "held != nil && held.version != seen {", with: "held != nil && held.version != seen && seen != backends.Absent {",
			killer: in("./backends/memory", "TestConformance")},
		{id: "C10", fault: "ClearFor deletes instead of leaving a tombstone", file: "backends/memory/place.go",
			line: "p.replace(&entry{at: at, expires: expires, version: version.New(expires)})", with: "_ = expires; if el := p.entries[at]; el != nil { p.remove(el) }",
			killer: in("./backends/memory", "TestConformance")},
		{id: "C10", fault: "a write of this container is not told from that of another one", file: writesGo,
			line: "if lane.moved && lane.from == seen.version {", with: "if false {", killer: inAdapter("TestWritesOfOneKey")},
		{id: "C10", fault: "a write goes over whatever the slot holds", file: "backends/memory/place.go",
			line: "if held := p.slot(at); held == nil && seen != backends.Absent && !version.Lapsed(seen, p.now()) ||",
			with: "if held := p.slot(at); false ||", killer: in("./backends/memory", "TestConformance")},
	}
}

func fleet() []mutant {
	const (
		leaseGo  = "internal/engine/lease/lease.go"
		waitGo   = "internal/engine/lease/wait.go"
		flightGo = "internal/engine/flight/flight.go"
		s3Lease  = "backends/s3/lease.go"
	)
	stampedes := inAdapter("TestStampedes")
	waiting := inEngine("TestWaitingForOtherContainers")
	return []mutant{
		{id: "S1", fault: "the first caller's cancellation fails the others", file: "internal/engine/flight/run.go",
			line: "if len(c.waiters) > 0 && !isClosed(c.done) {", with: "if len(c.waiters) > 1 && !isClosed(c.done) {", killer: stampedes},
		{id: "S1", fault: "a run that everybody has left is joined", file: flightGo,
			line: "if c.closed || c.run.cancelled {", with: "if c.closed {", killer: inEngine("TestAbandonedRuns"),
			survives: "whoever leaves last also takes the run off the list of those that can be joined: only what comes between the two would join it, and is cancelled with it"},
		{id: "S1", fault: "the run's deadline is that of its first caller", file: "internal/engine/flight/run.go",
			line: "} else if w.deadline.After(latest) {", with: "} else if latest.IsZero() {", killer: stampedes},
		{id: "F1", fault: "an error of the first caller's context reaches those who joined", file: flightGo,
			line:   "if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {",
			with:   "if errors.As(err, &timeout) && false {",
			killer: inEngine("TestAbandonedRuns")},
		{id: "F1", fault: "any error is passed on after the first caller has left", file: flightGo,
			line: "return c.gone", after: "func (c *Call) notFor() bool {", with: "return false", killer: inEngine("TestAbandonedRuns")},
		{id: "S2", fault: "a run that everybody has left keeps its lease", file: leaseGo,
			after: "case <-run.Abandoned():", line: "h.abandon(run)", killer: inEngine("TestAbandonedRuns")},
		{id: "S3", fault: "the search for a ring visits runs again and again", file: "internal/engine/flight/context.go",
			line: "visited[next] = struct{}{}", killer: in("./internal/engine/flight", "TestDeadlock")},
		{id: "S3", fault: "a run that waits for itself is not noticed", file: "internal/engine/flight/context.go",
			line: "if parent == target || reaches(target, parent) {", with: "if false {", killer: stampedes},
		{id: "S5", fault: "a loser waits until its own run cannot be done any more", file: waitGo,
			line: "p.latest = deadline.Add(-run - run/2)", with: "p.latest = deadline", killer: inEngine("TestWhoeverLosesALease")},
		{id: "S5", fault: "a loser that runs does not go on looking", file: waitGo,
			after: "if !p.known || !p.mayTakeOver() || ctx.Err() != nil {", line: "return Beside", with: "return Free", killer: inEngine("TestWhoeverLosesALease")},
		{id: "S6", fault: "all who wait for a dead holder run at once", file: waitGo,
			line: "if !p.known || !p.mayTakeOver() || ctx.Err() != nil {", with: "if true {", killer: waiting},
		{id: "S7", fault: "a call waits for a lease of its own process", file: waitGo,
			line: `if l == nil && from == "" && errors.As(err, &busy) && ls.Own(busy.Holder) {`, with: "if errors.As(err, &busy) && false {", killer: model("own lease")},
		{id: "S7", fault: "a lease that is being given back is not taken over", file: waitGo,
			line: "l, err = take(busy.Holder)", killer: inEngine("TestReleases")},
		{id: "S7", fault: "a release that failed is not tried again", file: leaseGo,
			line: "h.ls.later(h)", killer: inEngine("TestReleases")},
		{id: "S7", fault: "an attempt without an answer counts as not taken", file: leaseGo,
			line: "ls.later(&Held{ls: ls, slot: slot, leaser: leaser, attempt: attempt})", killer: inEngine("TestReleases")},
		{id: "S8", fault: "a lease is kept until the deadline", file: leaseGo,
			line: "if last, bounded = run.LatestDeadline(); bounded && time.Until(last) <= releaseMargin {", with: "if false {", killer: waiting},
		{id: "S4", fault: "on S3 a lease is believed after its time", file: s3Lease,
			line: "if l.done || !m.now().Before(l.ends) {", with: "if l.done {", killer: in("./backends/s3", "TestLease")},
		{id: "S4", fault: "on S3 a lease is over a second too early by the server's clock", file: s3Lease,
			line: "return sinceModified(obj) > slotTTL(obj)+time.Second", with: "return sinceModified(obj) > slotTTL(obj)",
			killer: in("./backends/s3", "TestLease")},
		{id: "B1", fault: "a batch hands the result of one key to another", file: "internal/engine/batch_run.go",
			line: "res = results[i]", with: "res = results[0]", killer: model("batch mixes")},
		{id: "B1", fault: "a batch uses a lookup again that a refresh still needs", file: "internal/engine/batch_read.go",
			line: "case !l.retained:", with: "case true:", killer: inEngine("TestBatchOfTheBackend")},
		{id: "B2", fault: "what a batch finds stale is refreshed by a run each", file: "internal/engine/batch.go",
			line: "if f.spec.Many != nil {", with: "if false {", killer: inAdapter("TestBatchesInStaleWindows")},
		{id: "C4", fault: "a batch asks for each coherent entry alone", file: "internal/engine/batch.go",
			line: "if b.isDue(e) {", with: "if false && b.isDue(e) {", killer: inAdapter("TestBatchesOfCoherentFunctions")},
		{id: "C4", fault: "a batch keeps an entry that was found to be gone", file: "internal/engine/batch_due.go",
			line: "b.f.forget(it.l.Key, it.due)", with: "_ = it", killer: inAdapter("TestBatchesOfCoherentFunctions")},
		{id: "C8", fault: "a batch believes memory after an invalidation", file: "internal/engine/batch_records.go",
			line: "if record, same := sameIDs(e.Refs, rs); same {", with: `if record, _ := sameIDs(e.Refs, rs); record != "x" {`,
			killer: inAdapter("TestBatchesWithTagsOfResults")},
		{id: "B1", fault: "what a batch puts off until the records were read is never looked at again", file: "internal/engine/records.go",
			line: "l.postponed = true", killer: inAdapter("TestBatchesWithTagsOfResults")},
		{id: "B2", fault: "an error of a batch reaches those who joined it", file: "internal/engine/batch_run.go",
			line:   "if !ok || !leader && !recursive && (o.Err != nil || o.Panic != nil) && !errors.Is(o.Err, ctx.Err()) {",
			with:   "if !ok && !recursive {",
			killer: inEngine("TestBatchesOfEachOther")},
		{id: "B2", fault: "a batch waits for the keys of others before it runs its own", file: "internal/engine/batch_run.go",
			line: "b.runMany(ctx, taken, EventRun)", with: "defer b.runMany(ctx, taken, EventRun)", killer: inEngine("TestBatchesOfEachOther")},
	}
}
