# What `sam build` runs for the function of template.yaml (Metadata: BuildMethod: makefile). SAM copies the folder of
# CodeUri, the whole repository, to a scratch folder and calls this target there with ARTIFACTS_DIR set; with
# --build-in-source it calls it here. SAM does not say for which architecture: ARCH has the words of the template's
# parameter and must agree with it (ARCH=x86_64 sam build --parameter-overrides Architecture=x86_64).
#
# The same source gives the same file anywhere, since paths and version control are left out and the environment's flags
# are not read. So its build ID is the same, and a deploy without changes stays warm. stillwarm build also gives each cached
# function an identity of its own code, so that a deploy leaves warm what it does not change (docs/code-identity.md).
ARCH ?= arm64
GOARCH_arm64 := arm64
GOARCH_x86_64 := amd64

.PHONY: build-DemoFunction
build-DemoFunction:
	@test -n "$(ARTIFACTS_DIR)" || { echo "ARTIFACTS_DIR is not set: run sam build, or name a folder"; exit 2; }
	@test -n "$(GOARCH_$(ARCH))" || { echo "ARCH is $(ARCH); it must be arm64 or x86_64"; exit 2; }
	@GOFLAGS= GOOS= GOARCH= $(or $(GO),go) build -C cmd/stillwarm -o "$(CURDIR)/bin/stillwarm" .
	GOWORK=off GOFLAGS= GOOS=linux GOARCH=$(GOARCH_$(ARCH)) CGO_ENABLED=0 bin/stillwarm build -tags lambda.norpc -trimpath \
		-buildvcs=false -ldflags "-s -w" -table=off -o "$(ARTIFACTS_DIR)/bootstrap" ./lambda/demo
