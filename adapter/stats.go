package adapter

import (
	"time"
)

// Stats tells what happened to one cached function in this container since it was wrapped.
type Stats struct {
	Hits        uint64 // fresh entries returned, from either tier
	MemoryHits  uint64 // of these, from memory
	Stale       uint64 // entries returned past their ttl
	Misses      uint64 // calls that ran the function because nothing was at hand
	Runs        uint64 // runs of the function, refreshes included
	Errors      uint64 // of these, failed
	Waits       uint64 // calls that waited for a run in this container
	FleetWaits  uint64 // runs avoided, or delayed, by waiting for another container
	Evictions   uint64 // entries that left memory for want of room
	Stores      uint64 // entries written to the backend
	StoreErrors uint64 // entries that could not be written
	// BackendErrors counts failed reads, BadEntries entries that were no entries of their key.
	BackendErrors, BadEntries uint64
	Entries, Bytes            int64 // in memory now
}

// ResourceStats tells what happened to one resource in this container since it was wrapped.
type ResourceStats struct {
	Hits     uint64 // objects returned that were open
	Stale    uint64 // of these, past their ttl, in the stale window
	Misses   uint64 // calls that opened an object
	Opens    uint64 // objects opened
	Errors   uint64 // opens that failed
	Waits    uint64 // calls that waited for another caller's open
	Invalid  uint64 // objects discarded by validation
	Releases uint64 // objects released
	Open     int    // objects in the cache now
}

// Explanation tells what Get would find for an argument.
type Explanation struct {
	Function string
	Key      string // the key in the backend, a digest; empty where the function is kept in memory only
	Hit      bool   // Get would return an entry without running the function
	Stale    bool   // it would be past its ttl, and refreshed after the response
	Tier     string // where the entry is: TierMemory, TierBackend or empty
	Age      time.Duration
	Created  time.Time
	// Fresh is until when the entry is fresh, Expires until when it may serve at all; zero: without end.
	Fresh, Expires time.Time
	RunTime        time.Duration // what computing it took
	Why            string        // why Get would be a miss, or where the hit comes from
}
