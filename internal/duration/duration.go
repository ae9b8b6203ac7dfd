// Package duration reads durations and sizes as people write them in options and in the environment: "90m", "1.5 days",
// "PT1H", "10 MiB".
package duration

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

var (
	errNoNumber = errors.New("it has no number")
	errUneven   = errors.New("months and years are not always equally long; write days or weeks")
)

// unit returns a unit of time by its name in lower case, in the spellings of Go, of Streamlit and of pandas; 0 for what
// is none. Months and years are not among them: they are not always equally long. It is a switch because a map would be
// built at each cold start.
func unit(name string) time.Duration {
	switch name {
	case "ns", "nano", "nanos", "nanosecond", "nanoseconds":
		return time.Nanosecond
	case "us", "µs", "μs", "micro", "micros", "microsecond", "microseconds":
		return time.Microsecond
	case "ms", "milli", "millis", "millisecond", "milliseconds":
		return time.Millisecond
	case "s", "sec", "secs", "second", "seconds":
		return time.Second
	case "m", "min", "mins", "minute", "minutes":
		return time.Minute
	case "h", "hr", "hrs", "hour", "hours":
		return time.Hour
	case "d", "day", "days":
		return day
	case "w", "wk", "wks", "week", "weeks":
		return week
	}
	return 0
}

// Parse returns the duration that s stands for. It reads Go's durations ("1h30m"), Streamlit's ("1d", "1.5 days", "1w 2d",
// "2 minutes 30 sec"), where a day is 24 hours, and those of ISO 8601 ("PT1H", "P1DT12H", "P2W"). What
// [time.ParseDuration] reads has the same value here. Units may be written in any case, but "1M" could be a minute or a
// month and is refused. Fractions below a nanosecond are cut off. A duration that is
// negative, empty, too long or of no certain length is an error, which names the text and shows examples.
func Parse(s string) (time.Duration, error) {
	d, err := parse(strings.TrimSpace(s))
	if err != nil {
		return 0, fmt.Errorf("`%s` is not a duration: %w; examples: \"90m\", \"24h\", \"1d\", \"1.5 days\", \"1w 2d\", \"PT1H\"", shown(s), err)
	}
	return d, nil
}

func parse(s string) (time.Duration, error) {
	switch {
	case s == "":
		return 0, errors.New("it is empty")
	case s[0] == '-':
		if isZero(s[1:]) {
			return 0, nil
		}
		return 0, errors.New("it is negative")
	case s[0] == '+':
		s = s[1:]
	}
	if strings.EqualFold(s, "nan") || strings.EqualFold(s, "nat") {
		return 0, errors.New("it says that there is none; leave the option out instead")
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 && s[0] != '-' && s[0] != '+' { // so that even its rounding is the same
		return d, nil
	}
	if s != "" && (s[0] == 'P' || s[0] == 'p') {
		return parseISO(s[1:])
	}
	return parseTerms(s)
}

// isZero reports whether s is a zero, which Go reads with a minus sign too.
func isZero(s string) bool {
	d, err := time.ParseDuration(s)
	return err == nil && d == 0 && s[0] != '+' && s[0] != '-'
}

// parseTerms reads numbers with units, such as "1h 30 minutes".
func parseTerms(s string) (total time.Duration, err error) {
	if s == "0" { // the one number that needs no unit
		return 0, nil
	}
	s = strings.TrimLeft(s, " \t")
	if s == "" {
		return 0, errNoNumber
	}
	for rest := s; rest != ""; {
		var n number
		if n, rest, err = readNumber(rest); err != nil {
			return 0, err
		}
		rest = strings.TrimLeft(rest, " \t")
		end := strings.IndexFunc(rest, func(r rune) bool { return strings.ContainsRune(" \t.,", r) || '0' <= r && r <= '9' })
		if end < 0 {
			end = len(rest)
		}
		name := rest[:end]
		if name == "" {
			return 0, fmt.Errorf("the number %s has no unit", n.text)
		}
		unit, err := unitOf(name)
		if err != nil {
			return 0, err
		}
		if total, err = add(total, n, unit); err != nil {
			return 0, err
		}
		rest = strings.TrimLeft(rest[end:], " \t")
		if after, comma := strings.CutPrefix(rest, ","); comma { // "1 day, 2 hours"
			rest = strings.TrimLeft(after, " \t")
			if rest == "" {
				return 0, errNoNumber
			}
		}
	}
	return total, nil
}

func unitOf(name string) (time.Duration, error) {
	if name == "M" {
		return 0, errors.New("`M` could be minutes or months; write `m` or `min`")
	}
	lower := strings.ToLower(name)
	if unit := unit(lower); unit != 0 {
		return unit, nil
	}
	switch lower {
	case "y", "yr", "yrs", "year", "years", "mo", "mon", "month", "months":
		return 0, errUneven
	}
	return 0, fmt.Errorf("`%s` is no unit of time", shown(name))
}

// shown returns s as messages show it: not endlessly.
func shown(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
