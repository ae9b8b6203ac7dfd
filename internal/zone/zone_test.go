package zone

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/internal/zone/tzif"
)

func load(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Skip(err)
	}
	return loc
}

func made(t testing.TB, name string, table tzif.Table) *time.Location {
	t.Helper()
	loc, err := time.LoadLocationFromTZData(name, table.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

var (
	winter = tzif.Zone{Name: "CET", Offset: 3600}
	summer = tzif.Zone{Name: "CEST", Offset: 7200, DST: true}
)

const central = "CET-1CEST,M3.5.0,M10.5.0/3"

func changeAt(year int, zone int) tzif.Change {
	return tzif.Change{When: time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC).Unix(), Zone: zone}
}

func TestZonesThatDisagreeHaveDifferentRules(t *testing.T) {
	table := func(changes ...tzif.Change) tzif.Table {
		return tzif.Table{Zones: []tzif.Zone{winter, summer}, Changes: changes}
	}
	withRule := func(rule string, changes ...tzif.Change) tzif.Table {
		tab := table(changes...)
		tab.Rule = rule
		return tab
	}
	locations := map[string]*time.Location{
		"berlin": load(t, "Europe/Berlin"), "paris": load(t, "Europe/Paris"), "new york": load(t, "America/New_York"),
		"utc": time.UTC, "fixed": time.FixedZone("CET", 3600), "fixed, other name": time.FixedZone("X", 3600),
		"never":              made(t, "X", table()),
		"in 1950":            made(t, "X", table(changeAt(1950, 1), changeAt(1951, 0))),
		"in 1960":            made(t, "X", table(changeAt(1960, 1), changeAt(1961, 0))),
		"in year one":        made(t, "X", table(tzif.Change{When: yearOne.Unix(), Zone: 1})),
		"after year one":     made(t, "X", table(tzif.Change{When: yearOne.Unix() + 1, Zone: 1})),
		"before Christ":      made(t, "X", table(tzif.Change{When: -1 << 40, Zone: 1})),
		"in 2036":            made(t, "X", table(changeAt(2036, 1))),
		"in 2040":            made(t, "X", table(changeAt(2040, 1))),
		"in 2600":            made(t, "X", table(changeAt(2600, 1))),
		"in 9000":            made(t, "X", table(changeAt(9000, 1))),
		"a rule":             made(t, "X", withRule(central, changeAt(1990, 0))),
		"another rule":       made(t, "X", withRule("CET-1CEST,M3.5.0,M10.4.0/3", changeAt(1990, 0))),
		"a rule, later":      made(t, "X", withRule(central, changeAt(1995, 0))),
		"not in order":       made(t, "X", table(changeAt(1960, 1), changeAt(1950, 0))),
		"another name for a": made(t, "X", tzif.Table{Zones: []tzif.Zone{{Name: "ABC", Offset: 3600}}}),
		"summer for ever":    made(t, "X", tzif.Table{Zones: []tzif.Zone{{Name: "CET", Offset: 3600, DST: true}}}),
	}
	seen := map[Rules]string{}
	for name, loc := range locations {
		rules := RulesOf(loc)
		other, found := seen[rules]
		if pair := name + other; found && pair != "neverfixed" && pair != "fixednever" {
			t.Errorf("%s and %s have the same rules", name, other)
		}
		seen[rules] = name
	}
}

func TestZonesThatAgreeHaveTheSameRules(t *testing.T) {
	// One zone as one table lists its changes to 1996 and leaves the rest to its rule, and as another lists them to 2037.
	short := tzif.Table{Zones: []tzif.Zone{winter, summer}, Rule: central}
	berlin := load(t, "Europe/Berlin")
	for at := time.Date(1995, 1, 1, 0, 0, 0, 0, berlin); ; {
		_, next := at.ZoneBounds()
		zone := 0
		if next.IsDST() {
			zone = 1
		}
		if next.Year() > 2037 {
			break
		}
		short.Changes = append(short.Changes, tzif.Change{When: next.Unix(), Zone: zone})
		at = next
	}
	long := short
	short.Changes = short.Changes[:4]
	if a, b := made(t, "X", short), made(t, "X", long); RulesOf(a) != RulesOf(b) {
		t.Error("the length of the table is part of the rules")
	}
	if RulesOf(load(t, "Europe/Berlin")) != RulesOf(berlin) {
		t.Error("a zone that was loaded twice has different rules")
	}
	if !Same(time.FixedZone("A", 60), time.FixedZone("A", 60)) || Same(time.FixedZone("A", 60), time.FixedZone("B", 60)) {
		t.Error("fixed zones are compared by something else than name and offset")
	}
}

func TestALocationThatWasAssignedToIsLookedAtAgain(t *testing.T) {
	loc := *load(t, "Europe/Berlin")
	before := RulesOf(&loc)
	loc = *load(t, "Asia/Tokyo")
	if RulesOf(&loc) == before {
		t.Error("the rules are those of the zone that was there before")
	}
}

func TestConstant(t *testing.T) {
	for _, tt := range []struct {
		loc  *time.Location
		want string
	}{
		{time.UTC, "UTC 0 false true"},
		{time.FixedZone("X", -90), "X -90 false true"},
		{load(t, "Europe/Berlin"), " 0 false false"},
		{made(t, "X", tzif.Table{Zones: []tzif.Zone{winter, summer}, Changes: []tzif.Change{{When: yearOne.Unix(), Zone: 1}}}), " 0 false false"},
		{made(t, "X", tzif.Table{Zones: []tzif.Zone{summer}}), "CEST 7200 true true"},
	} {
		name, offset, dst, ok := Constant(time.Now().In(tt.loc))
		if got := fmt.Sprint(name, " ", offset, " ", dst, " ", ok); got != tt.want {
			t.Errorf("%v: got %s, want %s", tt.loc, got, tt.want)
		}
	}
}

func TestRestoring(t *testing.T) {
	for name, tt := range map[string]struct {
		loc  *time.Location
		want bool
	}{
		"UTC":   {time.UTC, true},
		"local": {time.Local, true},
		"fixed": {time.FixedZone("CET", 3600), true}, "without a name": {time.FixedZone("", 5400), true},
		"named":                            {load(t, "Europe/Berlin"), true},
		"constant and named":               {load(t, "Etc/GMT+5"), true},
		"from bytes":                       {made(t, "Europe/Nowhere", tzif.Table{Zones: []tzif.Zone{winter}}), false},
		"from bytes, under a known name":   {made(t, "Europe/Berlin", tzif.Table{Zones: []tzif.Zone{winter}, Rule: central}), false},
		"from bytes, called Local":         {made(t, "Local", tzif.Table{Zones: []tzif.Zone{winter}}), false},
		"from bytes, as time.FixedZone is": {made(t, "CET", tzif.Table{Zones: []tzif.Zone{winter}}), true},
		"a path":                           {made(t, "../etc/passwd", tzif.Table{Zones: []tzif.Zone{winter}}), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Restorable(tt.loc); got != tt.want {
				t.Errorf("got %v", got)
			}
			loc, err := RefOf(tt.loc).Location()
			if !tt.want {
				if !errors.Is(err, ErrUnknown) {
					t.Errorf("got %v", err)
				}
				return
			}
			if again, _ := RefOf(tt.loc).Location(); again != loc {
				t.Error("two locations for one reference")
			}
			if at := time.Now(); !Equal(at.In(tt.loc), at.Round(0).In(loc)) {
				t.Error("another zone came back")
			}
		})
	}
	t.Run("a local zone that is another one here", func(t *testing.T) {
		ref := RefOf(time.Local)
		defer func(l *time.Location) { time.Local = l }(time.Local)
		time.Local = load(t, "Asia/Tokyo")
		if _, err := ref.Location(); !errors.Is(err, ErrUnknown) {
			t.Errorf("got %v", err)
		}
	})
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	for i := range 4 * remembered {
		loc := made(t, fmt.Sprint("X", i), tzif.Table{Zones: []tzif.Zone{winter, summer}, Changes: []tzif.Change{changeAt(1950, 1)}})
		RulesOf(loc)
		if _, err := RefOf(time.FixedZone(fmt.Sprint("F", i), i)).Location(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(*memo.Load()); n > remembered {
		t.Errorf("the rules of %d locations", n)
	}
	if n := len(makers.m); n > remembered {
		t.Errorf("%d locations that were made", n)
	}
}

func TestConcurrentUse(t *testing.T) {
	berlin, tokyo := load(t, "Europe/Berlin"), load(t, "Asia/Tokyo")
	want := RulesOf(berlin)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if RulesOf(berlin) != want || RulesOf(tokyo) == want {
					t.Error("other rules")
				}
				if _, err := RefOf(berlin).Location(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// FuzzRules reads zones from bytes: whatever the table is, looking at it ends, and what a zone says is all that its rules
// depend on.
func FuzzRules(f *testing.F) {
	f.Add(tzif.Table{Zones: []tzif.Zone{winter, summer}, Changes: []tzif.Change{changeAt(1950, 1), changeAt(1951, 0)}, Rule: central}.Bytes())
	f.Add(tzif.Table{Zones: []tzif.Zone{winter}}.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		loc, err := time.LoadLocationFromTZData("X", data)
		if err != nil {
			return
		}
		again, _ := time.LoadLocationFromTZData("X", data)
		if digest(loc) != digest(again) {
			t.Error("one table has two digests")
		}
	})
}
