package zone

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// A Kind is a way in which a location is made again.
type Kind uint8

// The numbers are part of the format of entries.
const (
	UTC   Kind = 0 // time.UTC
	Fixed Kind = 1 // time.FixedZone(Name, Offset)
	Named Kind = 2 // time.LoadLocation(Name), if it has the same rules
	Local Kind = 3 // time.Local, if it has the same name and rules
)

// A Ref says how to make a location again, in this process or another one. It is comparable: locations with equal Refs come
// back as one location.
type Ref struct {
	Kind   Kind
	Name   string
	Offset int64 // Fixed: seconds east of UTC
	Rules  Rules // Named and Local
}

// ErrUnknown says that no location of this name and with these rules can be loaded here.
var ErrUnknown = errors.New("a time zone that cannot be loaded again")

// RefOf returns how to make loc again. It does not tell whether that will work: see [Restorable].
func RefOf(loc *time.Location) Ref {
	switch loc {
	case time.UTC:
		return Ref{}
	case time.Local:
		return Ref{Kind: Local, Name: loc.String(), Rules: RulesOf(loc)}
	}
	name := loc.String()
	if abbreviation, offset, dst, ok := Constant(yearOne.In(loc)); ok && abbreviation == name && !dst {
		return Ref{Kind: Fixed, Name: name, Offset: int64(offset)}
	}
	return Ref{Kind: Named, Name: name, Rules: RulesOf(loc)}
}

// Restorable reports whether loc comes back from its [Ref] with the same name and rules. A zone made from bytes does not,
// unless the time zone database has the same one.
func Restorable(loc *time.Location) bool {
	made, err := RefOf(loc).Location()
	return err == nil && Same(loc, made)
}

// makers are the locations that were made here: the same Ref gives the same location, as long as it is remembered.
var makers struct {
	sync.Mutex
	m map[Ref]*time.Location
}

// Location makes the location. The error wraps [ErrUnknown].
func (r Ref) Location() (*time.Location, error) {
	switch r.Kind {
	case UTC:
		return time.UTC, nil
	case Local:
		if time.Local.String() != r.Name || RulesOf(time.Local) != r.Rules {
			return nil, fmt.Errorf("%w: the local time zone is another one here", ErrUnknown)
		}
		return time.Local, nil
	}
	makers.Lock()
	loc := makers.m[r]
	makers.Unlock()
	if loc != nil && (r.Kind == Fixed || RulesOf(loc) == r.Rules) {
		return loc, nil
	}
	loc, err := r.load()
	if err != nil {
		return nil, err
	}
	makers.Lock()
	defer makers.Unlock()
	if makers.m == nil || len(makers.m) >= remembered {
		makers.m = map[Ref]*time.Location{}
	}
	makers.m[r] = loc
	return loc, nil
}

func (r Ref) load() (*time.Location, error) {
	if r.Kind == Fixed {
		if int64(int(r.Offset)) != r.Offset {
			return nil, fmt.Errorf("%w: an offset of %d seconds", ErrUnknown, r.Offset)
		}
		return time.FixedZone(r.Name, int(r.Offset)), nil
	}
	if r.Kind != Named || r.Name == "Local" || r.Name == "" {
		return nil, ErrUnknown
	}
	loc, err := time.LoadLocation(r.Name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	if loc.String() != r.Name || RulesOf(loc) != r.Rules {
		return nil, fmt.Errorf("%w: %q has other rules here", ErrUnknown, r.Name)
	}
	return loc, nil
}
