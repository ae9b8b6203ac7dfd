package main

import (
	"context"
	"os"
	"strings"

	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/buildcmd"
	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/codeid"
	"github.com/stillwarm/stillwarm/localdev/awschain"
	"github.com/stillwarm/stillwarm/localdev/cli"
	"github.com/stillwarm/stillwarm/localdev/runner"
)

// connectDev lets stillwarm dev find AWS credentials, build with identities, so that a save leaves what it does not concern
// in the cache, and say after each save which functions keep their entries.
func connectDev() {
	cli.AskAWS = awschain.Ask // linked for the other subcommands anyway: an installed binary needs no source
	if self, err := os.Executable(); err == nil {
		cli.BuildCommand = []string{self, "build"}
		cli.CompareKeys = compareKeys
	}
}

// compareKeys reads the records that the two builds left beside their executables.
func compareKeys(_ context.Context, before, after runner.Version) ([]string, error) {
	older, err := buildcmd.ReadRecord(before.Binary + buildcmd.RecordSuffix)
	if os.IsNotExist(err) {
		return nil, nil // no cached function
	} else if err != nil {
		return nil, err
	}
	newer, err := buildcmd.ReadRecord(after.Binary + buildcmd.RecordSuffix)
	if os.IsNotExist(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var lines []string
	for _, change := range codeid.Compare(older, newer) {
		lines = append(lines, strings.Split(strings.TrimSuffix(change.Format(), "\n"), "\n")...)
	}
	return lines, nil
}
