package bench

import (
	"fmt"
	"strings"
)

// causes says what stands between a contest's goals and what was reached, by the beginning of the contest's id: what a
// profile shows that cannot go, or would cost more than it brings. The page has those whose goals were missed in its run.
var causes = []struct{ prefix, why string }{
	{"hit-spread", "It takes two idle cores: no lock and no counter is shared, so what is missing is what other processes took."},
	{"batch-redis", "In processor time, for a hundred elements: 60 us for arguments and keys (half is SHA-256), 80 for checking and decoding " +
		"(a third each the CRC-32C and the digest of the address), 40 for lookups, times, types, generation and counting; the answer is read " +
		"as fast as MGET reads it. By hand, with nothing but keys and checks, it is 1.0 to 1.1 of MGET: see the floor."},
	{"hit-flat", "Of some 170 ns the wall clock takes 50, the key 40, its lookup 30, the copy and " +
		"the frame around it the rest. The goal is a time, so a slow or busy machine misses it."},
	{"hit-100", "The goal is a time, and the copy is nearly all of it: see the floor beside it."},
	{"hit-", "Allocating and clearing a megabyte, and copying it, is all of it; what the cache does is below the spread."},
	{"key-", "The goal is a time, and SHA-256 is most of it: see the floor beside it."},
	{"copy-nested", "Six small allocations of types that only reflection knows. reflect.New, Grow and Copy take 30 to 60 ns more " +
		"each than what the compiler writes for a known type; a goal of half of that would take the runtime's private functions."},
	{"redis-1KB", "One MGET of three longer keys in place of a GET, here and in the server; three digests and the envelope: 3 us of the client's own."},
	{"redis-100KB", "The envelope's CRC-32C reads the payload once more: 10 to 12 us for 100 KB."},
	{"s3-", "The SDK checks S3's checksum, which a bare GetObject of an object without one does not, and the envelope has its own: each " +
		"reads the payload once more. The entry's metadata are two headers to sign and to parse. A timer bounds an attempt in which " +
		"nothing moves. Without them a hit could be wrong, or endless."},
	{"http-lambda-1KB", "Within the spread: an invocation takes 4 us more of processor time, of some 200 that its client waits."},
	{"http-lambda-private-noop", "Two functions, their Runtime APIs and the client keep two cores busy, so this is the share of processor time: " +
		"of some 120 us of an invocation that does nothing, 25 more make a request of the event, its key, and judge the answer's header."},
	{"handler-hit", "In processor time 10 to 15 us more, of some 100: half of it is that the answer is sent as a reader, whose end says when " +
		"work after the response may begin, and which net/http sends in chunks."},
	{"handler-miss-s3", "Two requests to S3 before the run (the entry, the lease), of which the PUT takes most on MinIO. Without leases it " +
		"would be one, and a fleet would run the function once in each container."},
	{"cold-", "Half of what is more than the bare function is linking and wrapping: plans for keys, copies and codec of the function's types " +
		"(0.1 ms), pages of a larger program. 0.15 ms is a table that golang/snappy makes for a checksum that nobody here uses. What " +
		"could go has gone: see below."},
}

// causeOf returns why the contest misses its goals, "" where nothing is known about it.
func causeOf(id string) string {
	for _, c := range causes {
		if strings.HasPrefix(id, c.prefix) {
			return c.why
		}
	}
	return ""
}

// missed writes which goals were not met in this run, by how much, and why.
func (r *Report) missed(b *strings.Builder) {
	if _, unmet := r.Unmet(); unmet == 0 {
		return
	}
	b.WriteString("\n## What is not met here, and why\n\n| what | goal | got | why |\n|---|---|---|---|\n")
	last := ""
	for _, v := range r.verdicts() {
		if v.met() {
			continue
		}
		why := causeOf(v.result.id)
		if why == last {
			why = "as above"
		} else {
			last = why
		}
		fmt.Fprintf(b, "| %s | %s | %.2f of %.2f | %s |\n", v.result.id, v.goal.text, v.got, v.limit, why)
	}
}
