package duration

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// designators are ISO 8601's units in the order in which they must come. Before "T" an M is a month, after it a minute.
var designators = []struct {
	letter byte
	clock  bool // after "T"
	unit   time.Duration
}{
	{'Y', false, 0}, {'M', false, 0}, {'W', false, week}, {'D', false, day},
	{'H', true, time.Hour}, {'M', true, time.Minute}, {'S', true, time.Second},
}

// parseISO reads what follows the "P" of an ISO 8601 duration.
func parseISO(s string) (total time.Duration, err error) {
	rest := strings.ToUpper(strings.ReplaceAll(s, ",", "."))
	clock, next, terms := false, 0, 0
	for rest != "" {
		if rest[0] == 'T' {
			if clock || len(rest) == 1 {
				return 0, errors.New("in an ISO 8601 duration one \"T\" stands before hours, minutes and seconds")
			}
			clock, rest = true, rest[1:]
		}
		var n number
		if n, rest, err = readNumber(rest); err != nil {
			return 0, err
		}
		if rest == "" {
			return 0, fmt.Errorf("the number %s has no unit", n.text)
		}
		i := next
		for i < len(designators) && (designators[i].letter != rest[0] || designators[i].clock != clock) {
			i++
		}
		if i == len(designators) {
			return 0, fmt.Errorf("`%s%c` is not expected there in an ISO 8601 duration, whose units come in the order Y M W D T H M S", n.text, rune(rest[0]))
		}
		if designators[i].unit == 0 {
			return 0, errUneven
		}
		if n.fraction != "" && len(rest) > 1 {
			return 0, errors.New("in an ISO 8601 duration only the last number may have a fraction")
		}
		if total, err = add(total, n, designators[i].unit); err != nil {
			return 0, err
		}
		rest, next, terms = rest[1:], i+1, terms+1
	}
	if terms == 0 {
		return 0, errNoNumber
	}
	return total, nil
}
