package duration

import (
	"errors"
	"fmt"
	"strings"
)

// sizeUnit returns a unit of size by its name in lower case, 0 for what is none. Units are powers of 1000 unless the name
// has an "i", as the standards have it: 1 MB is 10^6 bytes, 1 MiB is 2^20.
func sizeUnit(name string) int64 {
	switch name {
	case "", "b", "byte", "bytes":
		return 1
	case "k", "kb":
		return 1e3
	case "m", "mb":
		return 1e6
	case "g", "gb":
		return 1e9
	case "t", "tb":
		return 1e12
	case "p", "pb":
		return 1e15
	case "e", "eb":
		return 1e18
	case "ki", "kib":
		return 1 << 10
	case "mi", "mib":
		return 1 << 20
	case "gi", "gib":
		return 1 << 30
	case "ti", "tib":
		return 1 << 40
	case "pi", "pib":
		return 1 << 50
	case "ei", "eib":
		return 1 << 60
	}
	return 0
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
	unit := sizeUnit(strings.ToLower(name))
	if unit == 0 {
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
