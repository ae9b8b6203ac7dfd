// Command release lays the repository's modules into a folder as a Go module proxy serves them, or makes the commit and
// the tags of a release. make release calls it; RELEASING.md says what comes before and after.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/stillwarm/stillwarm/tests/release"
)

func main() {
	o := release.Options{Repo: ".", Log: os.Stderr}
	flag.StringVar(&o.Version, "version", "", "version of every module, such as v0.9.0")
	flag.StringVar(&o.Proxy, "proxy", "", "folder for the files of a module proxy; empty: make the commit and the tags")
	flag.StringVar(&o.Base, "base", "", "release to compare the API with (default: the newest below the version)")
	flag.BoolVar(&o.Verify, "verify", false, "compare the version's tags with what would be tagged, and make nothing")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	result, err := release.Run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
	if o.Verify {
		fmt.Println("the tags of", o.Version, "are what would be tagged")
		return
	}
	if len(result.Tags) > 0 {
		fmt.Printf("tagged %s; publish it with:\n\n  git push --atomic origin %s\n", result.Commit, strings.Join(result.Tags, " "))
		return
	}
	root := result.Modules[0].Path
	fmt.Printf("use it with:\n\n  export GOPROXY=file://%s,$(go env GOPROXY) GONOSUMDB=%s,%s/*\n", absolute(o.Proxy), root, root)
}

func absolute(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		return filepath.ToSlash(abs)
	}
	return dir
}
