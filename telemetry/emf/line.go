package emf

import (
	"strconv"
	"strings"
	"time"
)

// A line is one document of the format, complete but for its time and values.
type line struct {
	counters *counters // nil: of all functions
	head     string    // up to the time
	tail     string    // from behind the time up to the values
}

const metrics = `"Metrics":[{"Name":"Hits","Unit":"Count"},{"Name":"Misses","Unit":"Count"},{"Name":"Stale","Unit":"Count"},` +
	`{"Name":"Errors","Unit":"Count"},{"Name":"SavedMs","Unit":"Milliseconds"}]`

// newLine prepares the document of a function, or of all functions.
func newLine(o *Options, function string, c *counters) line {
	dimensions := `["FunctionName"]`
	members := `"FunctionName":` + quote(dimension(o.Service))
	if function != "" {
		dimensions = `["FunctionName","CachedFunction"]`
		members += `,"CachedFunction":` + quote(dimension(function))
	}
	if o.Level != "" {
		members += `,"level":` + quote(o.Level)
	}
	return line{
		counters: c,
		head:     `{"_aws":{"Timestamp":`,
		tail: `,"CloudWatchMetrics":[{"Namespace":` + quote(o.Namespace) + `,"Dimensions":[` + dimensions + `],` + metrics + `}]},` +
			members,
	}
}

// append appends the line with its end. A line is shorter than 4096 bytes, so that a pipe takes it whole: lines of others
// never stand in the middle of it.
func (l *line) append(b []byte, milliseconds int64, s sums) []byte {
	b = append(b, l.head...)
	b = strconv.AppendInt(b, milliseconds, 10)
	b = append(b, l.tail...)
	b = append(b, `,"Hits":`...)
	b = strconv.AppendInt(b, s.hits, 10)
	b = append(b, `,"Misses":`...)
	b = strconv.AppendInt(b, s.misses, 10)
	b = append(b, `,"Stale":`...)
	b = strconv.AppendInt(b, s.stale, 10)
	b = append(b, `,"Errors":`...)
	b = strconv.AppendInt(b, s.errors, 10)
	b = append(b, `,"SavedMs":`...)
	b = strconv.AppendFloat(b, float64(s.saved/time.Microsecond)/1000, 'f', -1, 64)
	return append(b, "}\n"...)
}

// maxDimension bounds the value of a dimension. CloudWatch takes 1024 bytes; no name needs them.
const maxDimension = 255

// dimension makes of a name what CloudWatch takes for the value of a dimension: printable ASCII that does not begin with a
// colon and is not only space. What it does not take becomes "?"; of a long name the end says more than the beginning.
func dimension(name string) string {
	b := []byte(strings.TrimSpace(name))
	kept := b[:0]
	for _, c := range string(b) {
		if c < ' ' || c > '~' {
			c = '?'
		}
		kept = append(kept, byte(c)) //nolint:gosec // printable ASCII
	}
	if n := len(kept) - maxDimension; n > 0 {
		kept = kept[n:]
	}
	if len(kept) == 0 {
		return "?"
	}
	if kept[0] == ':' {
		kept[0] = '?'
	}
	return string(kept)
}

// quote writes printable ASCII as a JSON string.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func validNamespace(s string) bool {
	const others = ".-_/#:"
	if s == "" || len(s) > 255 || strings.HasPrefix(s, "AWS/") || strings.HasPrefix(s, ":") {
		return false
	}
	for _, c := range s {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune(others, c) {
			return false
		}
	}
	return true
}
