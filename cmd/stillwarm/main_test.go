package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func invoke(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, &output{Out: &o, Err: &e})
	return code, o.String(), e.String()
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		name, args, want string
		code             int
	}{
		{"no command", "", "Usage: stillwarm", 0},
		{"help", "--help", "version", 0},
		{"help as a command", "help", "version", 0},
		{"help for a command", "help dev", "--timeout", 0},
		{"help for build", "build --help", "go help build", 0},
		{"help for why", "help why", "git revision", 0},
		{"unknown command", "verion", `did you mean "version"`, 2},
		{"unknown flag", "--hlep", `did you mean "--help"`, 2},
		{"unknown flag of dev", "dev --timout 5", `did you mean "--timeout"`, 2},
		{"dev without a function", "dev no/such/folder", "no such folder", 2},
		{"argument too many", "version now", "unexpected argument now", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := invoke(t, strings.Fields(c.args)...)
			if code != c.code || !strings.Contains(stdout+stderr, c.want) {
				t.Errorf("status %d, want %d, with %q\n%s%s", code, c.code, c.want, stdout, stderr)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	if code, stdout, _ := invoke(t, "version"); code != 0 || !strings.HasPrefix(stdout, "stillwarm ") {
		t.Errorf("status %d: %s", code, stdout)
	}
}

func TestStatus(t *testing.T) {
	var w bytes.Buffer
	for _, c := range []struct {
		err  error
		code int
		text string
	}{
		{nil, 0, ""},
		{errors.New("the server is down"), 1, "stillwarm: the server is down\n"},
		{usageError("no folder %q", "x"), 2, "stillwarm: no folder \"x\"\n"},
		{&exitError{code: 3}, 3, ""},
	} {
		w.Reset()
		if code := status(c.err, &w); code != c.code || w.String() != c.text {
			t.Errorf("%v: status %d, %q", c.err, code, w.String())
		}
	}
}
