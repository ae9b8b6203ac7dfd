package backends

// DeadlineKeeper is implemented by a [Store] whose Read ends at [ReadOptions].Deadline by itself. Callers of any other
// store give it a context that ends then, which takes a timer.
type DeadlineKeeper interface {
	// KeepsDeadlines reports whether Read ends at its deadline.
	KeepsDeadlines() bool
}
