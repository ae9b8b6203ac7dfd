package termlog

import (
	"fmt"
	"os"

	"github.com/stillwarm/stillwarm/localdev/internal/journal"
)

// palette colours text, or does not.
type palette bool

// Colours reports whether f should get colours: it is a terminal, and NO_COLOR is not set.
func Colours(f *os.File) bool {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (p palette) paint(code int, s string) string {
	if !p {
		return s
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", code, s)
}

func (p palette) dim(s string) string    { return p.paint(2, s) }
func (p palette) red(s string) string    { return p.paint(31, s) }
func (p palette) green(s string) string  { return p.paint(32, s) }
func (p palette) yellow(s string) string { return p.paint(33, s) }
func (p palette) blue(s string) string   { return p.paint(36, s) }

func (p palette) status(inv journal.Invocation) string {
	text := fmt.Sprintf("%3d", inv.Status)
	switch {
	case inv.Fault != "" || inv.Status >= 500:
		return p.red(text)
	case inv.Status >= 400:
		return p.yellow(text)
	default:
		return p.green(text)
	}
}

func (p palette) level(level string) string {
	text := fmt.Sprintf("%-5s", level)
	switch level {
	case "ERROR", "FATAL":
		return p.red(text)
	case "WARN":
		return p.yellow(text)
	case "DEBUG", "TRACE":
		return p.dim(text)
	default:
		return p.blue(text)
	}
}
