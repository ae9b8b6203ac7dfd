package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// versionCommand prints what this binary was built from.
type versionCommand struct{}

// Run prints one line: the module's version, the commit where it is known, and the Go release.
func (versionCommand) Run(out *output) error {
	_, err := fmt.Fprintln(out.Out, "stillwarm", version(debug.ReadBuildInfo()))
	return err
}

func version(info *debug.BuildInfo, ok bool) string {
	number, commit := "(devel)", ""
	if ok {
		if info.Main.Version != "" {
			number = info.Main.Version
		}
		dirty := ""
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				commit = " " + s.Value[:min(12, len(s.Value))]
			case s.Key == "vcs.modified" && s.Value == "true":
				dirty = " (modified)"
			}
		}
		commit += dirty
	}
	return fmt.Sprintf("%s%s, %s %s/%s", number, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
