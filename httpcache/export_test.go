package httpcache

// Internals returns how many routes, reasons and refreshes the cache remembers.
func (c *Cache) Internals() int {
	return len(c.routes.all) + len(c.reasons.all) + len(c.cooling.keys) + len(c.flights.runs)
}

// Warned returns how many routes a warning was given for.
func (c *Cache) Warned() int { return len(c.warned.routes) }
