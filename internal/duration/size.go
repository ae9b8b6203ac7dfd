package duration

import (
	"errors"
	"fmt"
	"strings"
)

// sizeUnits are powers of 1000 unless the name has an "i", as the standards have it: 1 MB is 10^6 bytes, 1 MiB is 2^20.
var sizeUnits = map[string]int64{
	"": 1, "b": 1, "byte": 1, "bytes": 1,
	"k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9, "t": 1e12, "tb": 1e12, "p": 1e15, "pb": 1e15, "e": 1e18, "eb": 1e18,
	"ki": 1 << 10, "kib": 1 << 10, "mi": 1 << 20, "mib": 1 << 20, "gi": 1 << 30, "gib": 1 << 30, "ti": 1 << 40, "tib": 1 << 40,
	"pi": 1 << 50, "pib": 1 << 50, "ei": 1 << 60, "eib": 1 << 60,
}

// ParseSize returns the number of bytes that s stands for: "512", "10MB", "10 MiB", "1.5GB". Units may be written in any
// case; "MB" and "M" are 10^6, "MiB" and "Mi" are 2^20. Fractions of a byte are cut off. A size that is negative, empty or
// does not fit in an int64 is an error, which names the text and shows examples.
func ParseSize(s string) (int64, error) {
	n, err := parseSize(strings.TrimSpace(s))
	if err != nil {
		return 0, fmt.Errorf("`%s` is not a size: %w; examples: \"512\", \"64KiB\", \"10MB\" (10,000,000 bytes), \"10 MiB\" (10,485,760 bytes)", shown(s), err)
	}
	return n, nil
}

func parseSize(s string) (int64, error) {
	switch {
	case s == "":
		return 0, errors.New("it is empty")
	case s[0] == '-':
		return 0, errors.New("it is negative")
	}
	n, rest, err := readNumber(s)
	if err != nil {
		return 0, err
	}
	name := strings.TrimLeft(rest, " \t")
	unit, ok := sizeUnits[strings.ToLower(name)]
	if !ok {
		return 0, fmt.Errorf("`%s` is no unit of size", shown(name))
	}
	if unit == 1 && n.fraction != "" && strings.Trim(n.fraction, "0") != "" {
		return 0, errors.New("there is no part of a byte")
	}
	size, ok := n.times(unit)
	if !ok {
		return 0, errors.New("it is more than 8 EiB")
	}
	return size, nil
}
