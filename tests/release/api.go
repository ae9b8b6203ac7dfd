package release

import (
	"context"
	"errors"
	"fmt"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/exp/apidiff"
	"golang.org/x/mod/semver"
	"golang.org/x/tools/go/packages"
)

// compare refuses a version that promises more compatibility with the last release than there is: below v1.0.0 a patch
// release may change no API, from v1.0.0 on a minor release may break none.
func (r *run) compare(ctx context.Context) error {
	base := r.Base
	if base == "" {
		var err error
		if base, err = r.lastRelease(ctx); err != nil {
			return err
		}
	}
	if base == "" {
		_, _ = fmt.Fprintln(r.Log, "release: no earlier release to compare with")
		return nil
	}
	r.result.Base = base
	old := filepath.Join(r.scratch, "base")
	if err := r.archive(ctx, base, old); err != nil {
		return err
	}
	report, err := r.differences(ctx, old)
	if err != nil {
		return err
	}
	for _, c := range report.Changes {
		line := "compatible: " + c.Message
		if !c.Compatible {
			line = "incompatible: " + c.Message
		}
		r.result.Changes = append(r.result.Changes, line)
		_, _ = fmt.Fprintln(r.Log, "release: since", base+":", line)
	}
	return allowed(base, r.Version, report)
}

// differences compares the exported API of every module that the last release had with today's.
func (r *run) differences(ctx context.Context, old string) (apidiff.Report, error) {
	var all apidiff.Report
	for _, m := range r.result.Modules {
		if _, err := os.Stat(filepath.Join(old, filepath.FromSlash(m.Dir), "go.mod")); err != nil {
			all.Changes = append(all.Changes, apidiff.Change{Message: "module " + m.Path + ": added", Compatible: true})
			continue
		}
		before, err := loadAPI(ctx, old, m)
		if err != nil {
			return all, fmt.Errorf("%s of the last release: %w", m.Path, err)
		}
		after, err := loadAPI(ctx, r.tree, m)
		if err != nil {
			return all, fmt.Errorf("%s: %w", m.Path, err)
		}
		all.Changes = append(all.Changes, apidiff.ModuleChanges(before, after).Changes...)
	}
	gone, err := removedModules(old, r.result.Modules)
	all.Changes = append(all.Changes, gone...)
	return all, err
}

func removedModules(old string, now []Module) ([]apidiff.Change, error) {
	before, err := findModules(old)
	var changes []apidiff.Change
	for _, b := range before {
		if !slices.ContainsFunc(now, func(m Module) bool { return m.Path == b.Path }) {
			changes = append(changes, apidiff.Change{Message: "module " + b.Path + ": removed"})
		}
	}
	return changes, err
}

// loadAPI type-checks the packages of a module that others can import.
func loadAPI(ctx context.Context, tree string, m Module) (*apidiff.Module, error) {
	loaded, err := packages.Load(&packages.Config{
		Context: ctx, Dir: filepath.Join(tree, filepath.FromSlash(m.Dir)),
		Mode: packages.NeedName | packages.NeedTypes | packages.NeedModule,
	}, "./...")
	if err != nil {
		return nil, err
	}
	api := &apidiff.Module{Path: m.Path}
	var errs []error
	for _, p := range loaded {
		for _, e := range p.Errors {
			errs = append(errs, e)
		}
		if p.Types != nil && exported(p.Types) {
			api.Packages = append(api.Packages, p.Types)
		}
	}
	return api, errors.Join(errs...)
}

func exported(p *types.Package) bool {
	return p.Name() != "main" && !slices.Contains(strings.Split(p.Path(), "/"), "internal")
}

// allowed holds a version to what Semantic Versioning promises of it.
func allowed(base, version string, report apidiff.Report) error {
	if semver.Major(base) != semver.Major(version) {
		return nil
	}
	breaks := slices.ContainsFunc(report.Changes, func(c apidiff.Change) bool { return !c.Compatible })
	samePair := semver.MajorMinor(base) == semver.MajorMinor(version)
	switch {
	case breaks && semver.Major(version) != "v0":
		return fmt.Errorf("%s breaks the API of %s; that needs a new major version", version, base)
	case len(report.Changes) > 0 && samePair:
		return fmt.Errorf("%s changes the API of %s; that needs a new minor version", version, base)
	}
	return nil
}
