package bench

import "fmt"

// duration writes nanoseconds with three digits: "52ns", "3.41µs", "1.2ms".
func duration(ns float64) string {
	for _, u := range []struct {
		ns   float64
		name string
	}{{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}} {
		if ns >= u.ns {
			return digits(ns/u.ns) + u.name
		}
	}
	return digits(ns) + "ns"
}

func digits(v float64) string {
	switch {
	case v >= 100 || v == float64(int(v)):
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
