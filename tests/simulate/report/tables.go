package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/tests/simulate/fleet"
	"github.com/stillwarm/stillwarm/tests/simulate/price"
)

// Tables returns the tables of the report by the names under which the page asks for them.
func (s *Study) Tables(p price.Prices) map[string]string {
	return map[string]string{
		"fleet":     s.fleetTable(),
		"calls":     s.operationsTable(),
		"cost":      s.costTable(p),
		"ttl":       s.ttlTable(),
		"ahead":     s.aheadTable(p),
		"batches":   s.batchTable(p),
		"zipf":      s.zipfTable(),
		"leases":    s.leaseTable(p),
		"checks":    s.checksTable(),
		"prices":    pricesTable(p),
		"breakeven": s.BreakEvens(p),
	}
}

// table is a Markdown table.
type table struct{ b strings.Builder }

func newTable(head ...string) *table {
	t := &table{}
	t.row(head...)
	t.b.WriteString("|---" + strings.Repeat("|---:", len(head)-1) + "|\n")
	return t
}

func (t *table) row(cells ...string) {
	t.b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

func (t *table) String() string { return t.b.String() }

// perMillion writes a count as one per million calls.
func perMillion(n, calls int64) string {
	return thousands(int64(float64(n)/float64(max(1, calls))*1e6 + 0.5))
}

// thousands writes a number in groups of three digits.
func thousands(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func percent(x float64) string { return rounded("%.1f", 100*x) + " %" }

// rounded formats a number, and a very small negative one as zero.
func rounded(format string, x float64) string {
	text := fmt.Sprintf(format, x)
	if strings.Trim(text, "-0.") == "" {
		return strings.TrimPrefix(text, "-")
	}
	return text
}

func dollars(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("$%.0f", x)
	case x >= 10:
		return fmt.Sprintf("$%.1f", x)
	}
	return fmt.Sprintf("$%.2f", x)
}

func (s *Study) fleetTable() string {
	t := newTable("containers at the peak", "calls simulated", "cold starts", "memory", "backend", "waited", "ran",
		"runs per million calls", "one cache per container", "optimum", "above the optimum")
	for _, n := range s.Fleets {
		r, alone := s.get(size(n)), s.get(size(n), tiers(fleet.MemoryOnly))
		best := s.optimum(r.Scenario)
		t.row(fmt.Sprintf("%s (%s alive)", thousands(int64(n)), thousands(int64(r.PeakContainers))),
			thousands(r.Calls), thousands(r.ColdStarts),
			percent(r.Share(r.MemoryHits)), percent(r.Share(r.RemoteHits)), percent(r.Share(r.Waited)), percent(r.Share(r.Misses)),
			perMillion(r.Runs, r.Calls), perMillion(alone.Runs, alone.Calls), perMillion(best, r.Calls),
			rounded("%.2f", 100*(float64(r.Runs)/float64(best)-1))+" %")
	}
	return t.String()
}

func (s *Study) operationsTable() string {
	t := newTable("per million calls", "Redis", "S3", "S3 Express")
	of := []*fleet.Result{s.get(), s.get(tiers(fleet.S3)), s.get(tiers(fleet.S3Express))}
	line := func(name string, count func(fleet.Operations) int64) {
		cells := []string{name}
		for _, r := range of {
			cells = append(cells, perMillion(count(r.Operations), r.Calls))
		}
		t.row(cells...)
	}
	line("entry read (`Get`)", func(o fleet.Operations) int64 { return o.Get })
	line("generation read", func(o fleet.Operations) int64 { return o.Generation })
	line("entry written (`Put`)", func(o fleet.Operations) int64 { return o.Put })
	line("lease taken", func(o fleet.Operations) int64 { return o.LeaseTaken })
	line("lease refused", func(o fleet.Operations) int64 { return o.LeaseBusy })
	line("lease renewed", func(o fleet.Operations) int64 { return o.Renew })
	line("lease released", func(o fleet.Operations) int64 { return o.Freed })
	line("billed: Redis commands", func(o fleet.Operations) int64 { return o.Commands })
	line("billed: serverless units", func(o fleet.Operations) int64 { return o.Units })
	line("billed: GET requests", func(o fleet.Operations) int64 { return o.Reads })
	line("billed: PUT requests", func(o fleet.Operations) int64 { return o.Writes })
	return t.String()
}

// offer is a way to buy a backend.
type offer struct {
	tiers   fleet.Tiers
	service price.Service
}

var offers = []offer{
	{fleet.Redis, price.Serverless}, {fleet.Redis, price.Node}, {fleet.S3, price.S3}, {fleet.S3Express, price.S3Express},
}

func (s *Study) costTable(p price.Prices) string {
	head := []string{"containers at the peak", "no cache", "one cache per container"}
	for _, o := range offers {
		head = append(head, string(o.service))
	}
	t := newTable(append(head, "optimum")...)
	for _, n := range s.Fleets {
		none, alone, best := s.bounds(p, n)
		row := []string{thousands(int64(n)), dollars(none), dollars(alone)}
		for _, o := range offers {
			b := p.Of(s.get(size(n), tiers(o.tiers)), o.service, price.Usual)
			row = append(row, fmt.Sprintf("%s (%s)", dollars(b.Total()), dollars(b.Backend)))
		}
		t.row(append(row, dollars(best))...)
	}
	return t.String()
}

// bounds returns what a million calls cost without a cache, with one in each container, and at the optimum.
func (s *Study) bounds(p price.Prices, n int) (none, alone, best float64) {
	sc := s.Of(size(n))
	all := sc.Totals()
	fewest := s.optimum(sc)
	mean := all.Run / time.Duration(max(1, all.Calls))
	none = p.Without(all.Calls, all.Calls, mean, price.Usual).Total()
	alone = p.Of(s.get(size(n), tiers(fleet.MemoryOnly)), price.Nothing, price.Usual).Total()
	best = p.Without(fewest, all.Calls, mean, price.Usual).Total()
	return none, alone, best
}

func (s *Study) ttlTable() string {
	t := newTable("ttl", "one cache per container", "Stillwarm", "optimum", "with a stale window of one more ttl",
		"calls that waited for a run", "with the stale window", "99th percentile in the function", "with the stale window")
	for _, d := range s.TTLs {
		alone, r, st := s.get(ttl(d), tiers(fleet.MemoryOnly)), s.get(ttl(d)), s.get(ttl(d), stale(d))
		t.row(short(d), perMillion(alone.Runs, alone.Calls), perMillion(r.Runs, r.Calls),
			perMillion(s.optimum(r.Scenario), r.Calls), perMillion(st.Runs, st.Calls),
			percent(r.Share(r.Delayed())), percent(st.Share(st.Delayed())), millis(r.P99), millis(st.P99))
	}
	return t.String()
}

func (s *Study) aheadTable(p price.Prices) string {
	t := newTable("ttl", "runs per million calls", "with refresh ahead", "calls that waited for a run", "with refresh ahead",
		"99th percentile in the function", "with refresh ahead", "a million calls with Redis", "with refresh ahead")
	cost := func(r *fleet.Result) string { return dollars(p.Of(r, price.Serverless, price.Usual).Total()) }
	for _, d := range s.TTLs {
		r, early := s.get(ttl(d)), s.get(ttl(d), ahead)
		t.row(short(d), perMillion(r.Runs, r.Calls), perMillion(early.Runs, early.Calls), percent(r.Share(r.Delayed())),
			percent(early.Share(early.Delayed())), millis(r.P99), millis(early.P99), cost(r), cost(early))
	}
	return t.String()
}

func (s *Study) batchTable(p price.Prices) string {
	t := newTable("", "runs per million calls", "Redis commands", "calls that waited for a run", "median in the function",
		"99th percentile", "compute", "backend", "together")
	row := func(name string, r *fleet.Result) {
		b := p.Of(r, price.Serverless, price.Usual)
		t.row(name, perMillion(r.Runs, r.Calls), perMillion(r.Operations.Commands, r.Calls), percent(r.Share(r.Delayed())),
			millis(r.P50), millis(r.P99), dollars(b.Compute), dollars(b.Backend), dollars(b.Total()))
	}
	row("20 keys, one `Get` after the other", s.get(batch(true)))
	row("20 keys, one `GetAll`", s.get(batch(false)))
	return t.String()
}

func (s *Study) zipfTable() string {
	t := newTable("exponent", "one cache per container", "Stillwarm", "optimum", "memory", "backend", "waited", "ran")
	for _, z := range s.Zipfs {
		alone, r := s.get(exponent(z), tiers(fleet.MemoryOnly)), s.get(exponent(z))
		t.row(fmt.Sprint(z), perMillion(alone.Runs, alone.Calls), perMillion(r.Runs, r.Calls),
			perMillion(s.optimum(r.Scenario), r.Calls), percent(r.Share(r.MemoryHits)), percent(r.Share(r.RemoteHits)),
			percent(r.Share(r.Waited)), percent(r.Share(r.Misses)))
	}
	return t.String()
}

func (s *Study) leaseTable(p price.Prices) string {
	t := newTable("", "runs per million calls", "above the optimum", "calls that waited for another container",
		"compute", "backend", "together")
	for _, o := range offers {
		if o.service == price.Node {
			continue
		}
		for _, without := range []bool{false, true} {
			change, name := []func(*fleet.Scenario){tiers(o.tiers)}, string(o.service)
			if without {
				change, name = append(change, noLeases), name+", no leases"
			}
			r := s.get(change...)
			b := p.Of(r, o.service, price.Usual)
			t.row(name, perMillion(r.Runs, r.Calls), percent(float64(r.Runs)/float64(s.optimum(r.Scenario))-1),
				percent(r.Share(r.Waited)), dollars(b.Compute), dollars(b.Backend), dollars(b.Total()))
		}
	}
	return t.String()
}

func (s *Study) checksTable() string {
	t := newTable("", "runs per million calls", "optimum", "memory", "backend", "waited", "99th percentile in the function", "longest")
	row := func(name string, r *fleet.Result) {
		t.row(name, perMillion(r.Runs, r.Calls), perMillion(s.optimum(r.Scenario), r.Calls), percent(r.Share(r.MemoryHits)),
			percent(r.Share(r.RemoteHits)), percent(r.Share(r.Waited)), millis(r.P99), millis(r.Longest))
	}
	row("base: 2 s of work before, 2 s after", s.get())
	row("4 s before, nothing after", s.get(work(4*time.Second, 0)))
	row("nothing before, 4 s after", s.get(work(0, 4*time.Second)))
	row("10 containers, compressed day", s.get(size(10)))
	row("10 containers, day of 24 hours", s.get(realDay))
	return t.String()
}

func pricesTable(p price.Prices) string {
	t := newTable("input", "US dollars")
	for _, line := range []struct {
		name  string
		value float64
	}{
		{"Lambda, arm64, a GB-second", p.LambdaGBSecond}, {"Lambda, a million requests (the same in all columns, left out)", p.LambdaMillion},
		{"S3 Standard, a thousand GET", p.S3Get}, {"S3 Standard, a thousand PUT", p.S3Put}, {"S3 Standard, a GB-month", p.S3Month},
		{"S3 Express One Zone, a thousand GET", p.ExpressGet}, {"S3 Express One Zone, a thousand PUT", p.ExpressPut},
		{"S3 Express One Zone, a GB uploaded", p.ExpressUpload}, {"S3 Express One Zone, a GB retrieved", p.ExpressRead},
		{"S3 Express One Zone, a GB-month", p.ExpressMonth},
		{"ElastiCache Serverless for Valkey, a million units", p.ServerlessUnits},
		{"ElastiCache Serverless for Valkey, a GB-hour (0.1 GB at least)", p.ServerlessHour},
		{"ElastiCache for Valkey, a cache.m7g.large for an hour (two of them)", p.NodeHour},
	} {
		t.row(line.name, strconv.FormatFloat(line.value, 'f', -1, 64))
	}
	return t.String() + "\n" + p.Source + ", written down in " + p.Checked + ".\n"
}

// short writes a duration without the zeros behind it.
func short(d time.Duration) string {
	if d%time.Minute == 0 {
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

func millis(d time.Duration) string { return thousands(d.Milliseconds()) + " ms" }
