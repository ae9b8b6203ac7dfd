package field

import (
	"strings"
	"time"
)

var (
	shortDays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
	longDays  = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
	months    = []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}
)

// ParseDate parses an HTTP date in any of its three formats, in any case, with exact widths. The day's name must be one,
// but need not be the date's. A year of two digits that seems to be more than 50 years after now is one of the past.
func ParseDate(s string, now time.Time) (time.Time, bool) {
	p := dateParser{s: s}
	switch {
	case len(s) == len("Sun, 06 Nov 1994 08:49:37 GMT") && s[3] == ',':
		p.name(shortDays)
		p.text(", ")
		p.day = p.digits(2)
		p.text(" ")
		p.month = p.name(months)
		p.text(" ")
		p.year = p.digits(4)
		p.text(" ")
		p.clock()
		p.text(" gmt")
	case len(s) == len("Sun Nov  6 08:49:37 1994") && s[3] == ' ':
		p.name(shortDays)
		p.text(" ")
		p.month = p.name(months)
		p.text(" ")
		p.day = p.paddedDay()
		p.text(" ")
		p.clock()
		p.text(" ")
		p.year = p.digits(4)
	default:
		p.name(longDays)
		p.text(", ")
		p.day = p.digits(2)
		p.text("-")
		p.month = p.name(months)
		p.text("-")
		p.year = century(p.digits(2), now)
		p.text(" ")
		p.clock()
		p.text(" gmt")
	}
	return p.time()
}

// century completes a year of two digits.
func century(yy int, now time.Time) int {
	year := now.UTC().Year()
	y := year - year%100 + yy
	switch {
	case y > year+50:
		y -= 100
	case y <= year-50:
		y += 100
	}
	return y
}

type dateParser struct {
	s                      string
	bad                    bool
	year, month, day       int
	hour, minutes, seconds int
}

// name consumes one of the names and returns its number.
func (p *dateParser) name(names []string) int {
	for i, n := range names {
		if len(p.s) >= len(n) && strings.EqualFold(p.s[:len(n)], n) {
			p.s = p.s[len(n):]
			return i
		}
	}
	p.bad = true
	return 0
}

func (p *dateParser) text(t string) {
	if len(p.s) < len(t) || !strings.EqualFold(p.s[:len(t)], t) {
		p.bad = true
		return
	}
	p.s = p.s[len(t):]
}

func (p *dateParser) digits(n int) int {
	if len(p.s) < n {
		p.bad = true
		return 0
	}
	v := 0
	for i := range n {
		c := p.s[i]
		if c < '0' || c > '9' {
			p.bad = true
			return 0
		}
		v = v*10 + int(c-'0')
	}
	p.s = p.s[n:]
	return v
}

// paddedDay consumes a day of two places, the first of which may be a space.
func (p *dateParser) paddedDay() int {
	if p.s != "" && p.s[0] == ' ' {
		p.text(" ")
		return p.digits(1)
	}
	return p.digits(2)
}

func (p *dateParser) clock() {
	p.hour = p.digits(2)
	p.text(":")
	p.minutes = p.digits(2)
	p.text(":")
	p.seconds = p.digits(2)
}

func (p *dateParser) time() (time.Time, bool) {
	if p.bad || p.s != "" || p.hour > 23 || p.minutes > 59 || p.seconds > 60 || p.day < 1 {
		return time.Time{}, false
	}
	t := time.Date(p.year, time.Month(p.month+1), p.day, p.hour, p.minutes, min(p.seconds, 59), 0, time.UTC)
	if t.Day() != p.day { // the 31st of a month that has 30
		return time.Time{}, false
	}
	return t.Add(time.Duration(p.seconds-min(p.seconds, 59)) * time.Second), true
}
