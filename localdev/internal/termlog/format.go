// Package termlog writes what happens to a terminal or a file, for people: one line an invocation, and beneath it what
// the function logged.
package termlog

import (
	"fmt"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/localdev/internal/journal"
	"github.com/stillwarm/stillwarm/localdev/internal/logline"
)

// Duration writes a duration with as many digits as a reader needs.
func Duration(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case ms < 1:
		return fmt.Sprintf("%.2f ms", ms)
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 1000:
		return fmt.Sprintf("%.0f ms", ms)
	case d < time.Minute:
		return fmt.Sprintf("%.2f s", d.Seconds())
	default:
		return d.Round(time.Second).String()
	}
}

// invocation returns the line of a complete invocation.
func (p palette) invocation(inv journal.Invocation) string {
	var b strings.Builder
	b.WriteString(p.dim(inv.Started.Format("15:04:05")) + "  ")
	b.WriteString(slotName(inv.Slot) + " ")
	if inv.Slot == 0 {
		b.WriteString("     ")
	} else if inv.Cold {
		b.WriteString(p.blue("cold") + " ")
	} else {
		b.WriteString("warm ")
	}
	fmt.Fprintf(&b, " %-32s ", printable(shortened(label(inv))))
	b.WriteString(p.status(inv) + "  ")
	fmt.Fprintf(&b, "%8s", Duration(inv.Duration))
	for _, note := range notes(inv) {
		b.WriteString("  " + p.dim(note))
	}
	if inv.Fault != "" {
		b.WriteString("  " + p.red(printable(shortened(firstLine(inv.Fault)))))
	}
	return b.String()
}

func slotName(slot int) string {
	if slot == 0 {
		return "-- "
	}
	return fmt.Sprintf("#%-2d", slot)
}

func label(inv journal.Invocation) string {
	if inv.Method == "" {
		return "event"
	}
	return inv.Method + " " + inv.Path
}

// shortened keeps a long query from pushing everything else out of sight.
func shortened(s string) string {
	const most = 72
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// notes are the parts of the line that are there only where they say something.
func notes(inv journal.Invocation) []string {
	var list []string
	if inv.Cold && inv.Init > 0 {
		list = append(list, "init "+Duration(inv.Init))
	}
	if inv.After >= time.Millisecond {
		list = append(list, "after "+Duration(inv.After))
	}
	if inv.Cached {
		if s := Counts(inv.Cache); s != "" {
			list = append(list, s)
		}
	}
	return list
}

// Counts writes how the cache was used, or "" where it was not.
func Counts(c logline.CacheCounts) string {
	var parts []string
	add := func(n int, one, many string) {
		if n == 1 {
			parts = append(parts, "1 "+one)
		} else if n > 1 {
			parts = append(parts, fmt.Sprintf("%d %s", n, many))
		}
	}
	add(c.Hits, "hit", "hits")
	add(c.Misses, "miss", "misses")
	add(c.Stale, "stale", "stale")
	add(c.Waits, "wait", "waits")
	return strings.Join(parts, ", ")
}

// log returns a function's line as it stands beneath its invocation.
func (p palette) log(l journal.Log) string {
	var b strings.Builder
	fmt.Fprintf(&b, "          %s %s ", slotName(l.Slot), p.dim("|"))
	if l.Line.Kind == logline.Plain {
		b.WriteString(printable(l.Line.Message))
		return b.String()
	}
	b.WriteString(p.level(l.Line.Level) + " " + printable(l.Line.Message))
	for _, a := range l.Line.Attrs {
		b.WriteString(" " + p.dim(printable(a.Key)+"=") + quoted(a.Value))
	}
	return b.String()
}

func (p palette) progress(l journal.Log) string {
	elapsed := ""
	if l.Line.Elapsed > 0 {
		elapsed = " " + p.dim(Duration(l.Line.Elapsed))
	}
	return fmt.Sprintf("          %s %s %s%s", slotName(l.Slot), p.blue("~"), printable(progressText(l.Line)), elapsed)
}

func progressText(l logline.Line) string {
	if l.Function != "" && !strings.Contains(l.Message, l.Function) {
		return l.Message + " (" + l.Function + ")"
	}
	return l.Message
}

func (p palette) warning(w journal.Warning) string {
	return fmt.Sprintf("%s  %s %s %s", p.dim(w.At.Format("15:04:05")), slotName(w.Slot), p.yellow("warning"), printable(w.Text))
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// printable keeps what a function or a client sends from steering the terminal: control characters are shown, not sent.
func printable(s string) string {
	if !strings.ContainsFunc(s, control) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\t':
			b.WriteString("    ")
		case control(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func control(r rune) bool { return r < 0x20 || (r >= 0x7f && r < 0xa0) }

func quoted(s string) string {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r == ' ' || r == '"' || r == '=' || control(r) }) {
		return fmt.Sprintf("%q", s)
	}
	return s
}
