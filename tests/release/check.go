package release

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// check refuses what must not be released, before anything is made.
func (r *run) check(ctx context.Context) error {
	if err := checkVersion(r.Version); err != nil {
		return err
	}
	dirty, err := r.git(ctx, "status", "--porcelain")
	if err != nil {
		return err
	}
	if dirty != "" {
		return fmt.Errorf("the checkout has changes that are not committed; commit or stash them:\n%s", dirty)
	}
	if err := r.checkHistory(ctx); err != nil {
		return err
	}
	r.time, err = r.git(ctx, "show", "-s", "--format=%cI", "HEAD")
	return err
}

// checkVersion refuses a version that Go would not take for a release of these modules, whose paths have no /v2.
func checkVersion(v string) error {
	switch {
	case v == "":
		return errors.New("no version given: make release VERSION=v0.9.0")
	case !semver.IsValid(v) || semver.Canonical(v) != v:
		return fmt.Errorf("version %q must have the form v0.9.0 or v0.9.0-rc.1", v)
	case module.IsPseudoVersion(v):
		return fmt.Errorf("version %q has the form that Go gives to commits without a tag", v)
	case semver.Major(v) != "v0" && semver.Major(v) != "v1":
		return fmt.Errorf("version %q: from v2 on the module paths would have to end in /%s", v, semver.Major(v))
	case v == "v0.0.0":
		return errors.New("v0.0.0 is what the modules require of each other in the repository; release a later version")
	}
	return nil
}

// checkHistory refuses a version that was released, here or where the checkout came from, and a clone whose history ends before
// the last release: its tags would be missing, and the API would be compared with nothing.
func (r *run) checkHistory(ctx context.Context) error {
	shallow, err := r.git(ctx, "rev-parse", "--is-shallow-repository")
	if err != nil {
		return err
	}
	if shallow == "true" {
		return errors.New("this is a shallow clone, whose releases are unknown: git fetch --unshallow --tags")
	}
	tags, err := r.git(ctx, "tag", "--list", r.Version, "*/"+r.Version)
	if err != nil {
		return err
	}
	if tags != "" && r.Proxy == "" && !r.Verify {
		return fmt.Errorf("%s exists (tags %s); a version that anybody may have fetched never changes: take the next one",
			r.Version, strings.Join(strings.Fields(tags), ", "))
	}
	return nil
}

// lastRelease returns the newest release below the version, or nothing.
func (r *run) lastRelease(ctx context.Context) (string, error) {
	list, err := r.git(ctx, "tag", "--list", "v*")
	if err != nil {
		return "", err
	}
	last := ""
	for _, tag := range strings.Fields(list) {
		if checkVersion(tag) != nil || semver.Prerelease(tag) != "" || semver.Compare(tag, r.Version) >= 0 {
			continue
		}
		if last == "" || semver.Compare(tag, last) > 0 {
			last = tag
		}
	}
	return last, nil
}
