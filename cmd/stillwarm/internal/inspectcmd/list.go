package inspectcmd

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/stillwarm/stillwarm/inspect"
)

// Functions lists the functions that have entries in a backend.
type Functions struct {
	Target
}

// Run lists.
func (c *Functions) Run(ctx context.Context, o IO) error {
	return c.with(ctx, func(i *inspect.Inspector) error {
		all, err := c.functions(ctx, i)
		if err != nil {
			return err
		}
		if c.JSON {
			return eachJSON(o.Out, all)
		}
		t := newTable(o.Out, "NAMESPACE", "FUNCTION", "KIND", "CODE", "RUN", "SEEN")
		for _, f := range all {
			t.row(orDash(f.Namespace), f.Name, orDash(f.Kind), orDash(lastCode(f.Code)), took(f.RunTime), day(f.Written))
		}
		return t.end("no function has a record here; a function writes its own after its first run")
	})
}

func lastCode(codes []string) string {
	if len(codes) == 0 {
		return ""
	}
	s := shorten(codes[len(codes)-1], 20)
	if n := len(codes) - 1; n > 0 {
		s += fmt.Sprintf(" (+%d)", n)
	}
	return s
}

// Entries lists what functions have stored.
type Entries struct {
	Target
	Limit   int    `default:"100" help:"Entries at most; 0 for all."`
	HTTPURL string `name:"url" placeholder:"/PATH?QUERY" help:"Only HTTP entries of this address."`
	Tag     string `placeholder:"TAG" help:"Only entries with this tag, also inherited ones."`
	Values  bool   `help:"Show values, with the names of their fields."`
	Quick   bool   `help:"Do not read the entries: key, size and expiry only."`
}

// Run lists.
func (c *Entries) Run(ctx context.Context, o IO) error {
	if c.Limit < 0 {
		return usage("--limit must be positive, or 0 for all")
	}
	if c.Quick && (c.Values || c.HTTPURL != "" || c.Tag != "") {
		return usage("--quick reads no entries, so it can neither show values nor find addresses or tags")
	}
	return c.with(ctx, func(i *inspect.Inspector) error {
		all, err := c.functions(ctx, i)
		if err != nil {
			return err
		}
		c.warn(o)
		out := c.printer(o.Out)
		n, cut := 0, false
		for _, f := range all {
			err := i.Entries(ctx, f, !c.Quick, func(e inspect.Entry) bool {
				if c.HTTPURL != "" && e.URL != c.HTTPURL || c.Tag != "" && !e.HasTag(c.Tag) {
					return true
				}
				if c.Limit > 0 && n == c.Limit {
					cut = true
					return false
				}
				n++
				out.entry(e)
				return ctx.Err() == nil
			})
			if err != nil || cut {
				if err != nil {
					_ = out.end("")
					return err
				}
				break
			}
		}
		if cut {
			defer o.say("There are more; --limit %d ended the list.", c.Limit)
		}
		return out.end("no entries")
	})
}

// warn says what a listing costs where that is not nothing.
func (c *Entries) warn(o IO) {
	if strings.Contains(c.URL, "s3://") && c.Function != "" {
		o.say("S3 lists by time of writing for all functions together: finding one function's entries may read the whole list, 1,000 names a request.")
	}
}

// printer writes entries one by one: a backend may hold millions.
type printer interface {
	entry(e inspect.Entry)
	end(ifNone string) error
}

func (c *Entries) printer(w io.Writer) printer {
	if c.JSON {
		return &jsonLines{encoder: encoder(w), values: c.Values}
	}
	return &entryTable{table: newTable(w, "FUNCTION", "KEY", "STATE", "SIZE", "AGE", "LEFT", ""), values: c.Values, w: w}
}

type jsonLines struct {
	encoder *json.Encoder
	values  bool
	err     error
}

func (p *jsonLines) entry(e inspect.Entry) {
	if !p.values {
		e.Value = nil
	}
	if p.err == nil {
		p.err = p.encoder.Encode(e)
	}
}
func (p *jsonLines) end(string) error { return p.err }

type entryTable struct {
	*table
	values bool
	w      io.Writer
}

func (p *entryTable) entry(e inspect.Entry) {
	note := cmp.Or(e.URL, e.Problem)
	if e.Variant != "" {
		note += " (" + e.Variant + ")"
	}
	if p.values && e.Value != nil {
		note = oneLine(e.Value)
	}
	p.row(shortName(e.Function), shorten(e.Key, 16), cmp.Or(e.State, "-"), size(e.Size), age(e.Created), left(e.Fresh, e.Expires), note)
}

func oneLine(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return shorten(string(b), 160)
}

func encoder(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}

func eachJSON[T any](w io.Writer, all []T) error {
	e := encoder(w)
	for _, v := range all {
		if err := e.Encode(v); err != nil {
			return err
		}
	}
	return nil
}

// table aligns columns. It writes in blocks, so that millions of rows are not kept.
type table struct {
	w    *tabwriter.Writer
	out  io.Writer
	rows int
	head []string
}

const block = 500

func newTable(w io.Writer, head ...string) *table {
	return &table{w: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0), out: w, head: head}
}

func (t *table) row(cells ...string) {
	if t.rows == 0 {
		_, _ = fmt.Fprintln(t.w, strings.TrimRight(strings.Join(t.head, "\t"), "\t"))
	}
	t.rows++
	for i := range cells {
		cells[i] = printable(cells[i])
	}
	_, _ = fmt.Fprintln(t.w, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
	if t.rows%block == 0 {
		_ = t.w.Flush()
	}
}

func (t *table) end(ifNone string) error {
	if t.rows == 0 && ifNone != "" {
		_, err := fmt.Fprintln(t.out, ifNone)
		return err
	}
	return t.w.Flush()
}

// printable keeps what somebody else has stored from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' {
			return '?'
		}
		return r
	}, s)
}

func shorten(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n]) + "…"
}

// shortName is a function's name without the folders of its package.
func shortName(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

func orDash(s string) string { return cmp.Or(s, "-") }

func size(n int64) string {
	switch {
	case n < 10_000:
		return fmt.Sprint(n, " B")
	case n < 10_000_000:
		return fmt.Sprint(n/1000, " kB")
	}
	return fmt.Sprint(n/1_000_000, " MB")
}

func took(d time.Duration) string {
	if d <= 0 {
		return "-"
	}
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}

func age(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return span(time.Since(t))
}

// left is how long an entry stays fresh, else how long it may serve.
func left(fresh, expires time.Time) string {
	switch until := fresh; {
	case until.IsZero() && expires.IsZero():
		return "no end"
	case until.IsZero() || time.Until(until) <= 0:
		if expires.IsZero() {
			return "-"
		}
		return span(time.Until(expires))
	default:
		return span(time.Until(until))
	}
}

// span shows a duration by its largest two units.
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "-"
	case d < 2*time.Minute:
		return d.Round(time.Second).String()
	case d < 2*time.Hour:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	case d < 48*time.Hour:
		return strings.TrimSuffix(d.Round(time.Hour).String(), "0m0s")
	}
	return fmt.Sprint(int(d.Hours()/24), "d")
}

func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04")
}
