# Stillwarm. `make run` needs Go only; `make test` installs the real servers that the tests run against, once.

GO ?= go
# The modules of this repository, in the order in which they depend on each other.
MODULES := . backends/s3/awsconfig telemetry/otel localdev cmd/stillwarm examples/testing tests
FUZZTIME ?= 60s
# With the race detector; RACE= runs without.
RACE ?= -race
TESTFLAGS ?=

-include build.mk

.DEFAULT_GOAL := help
.PHONY: help run test tools test-modules test-allocs bench bench-quick simulate lint check fmt tidy release release-check test-386 test-fleet vulnerabilities soundness fuzz model mutate clean

help: ## show this list
	@awk -F':.*## ' '/^[a-zA-Z_-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# A first build on an empty cache is what a newcomer waits for: what the runner only hosts is compiled without
# optimisation.
FASTBUILD := $(foreach p,aws redis alicebob yuin johannesboyne,-gcflags='github.com/$(p)/...=-N -l')

run: ## the demo in a local Lambda at http://127.0.0.1:8787/ (ARGS="--containers 4" for more)
	@$(GO) run $(FASTBUILD) ./localdev $(ARGS)

test: tools test-modules test-allocs test-386 ## install what the tests need, once, and run every test

tools: ## redis-server, MinIO and Versity Gateway, pinned, into the tool cache
	@.ci/stage tools $(GO) run ./tests/cmd/install-tools

test-modules:
	@for m in $(MODULES); do \
		(cd $$m && "$(CURDIR)/.ci/stage" "test $$m" $(GO) test $(RACE) -timeout 20m $(TESTFLAGS) ./...) || exit 1; \
	done

# The race detector allocates on its own account, so what asserts allocations runs without it.
test-allocs:
	@.ci/stage "allocations ." $(GO) test -run Alloc $(TESTFLAGS) ./adapter/... ./internal/... ./serialize/...
	@cd tests && "$(CURDIR)/.ci/stage" "allocations tests" $(GO) test -run Alloc $(TESTFLAGS) ./bench

# What neither talks to a server nor needs 64 bits. The race detector is not to be had here.
test-386: ## the pure packages on 32 bits
	@GOARCH=386 CGO_ENABLED=0 .ci/stage "test 386" $(GO) test $(TESTFLAGS) ./adapter/... ./internal/... ./serialize/... ./backends/memory/... ./telemetry/...

test-fleet: ## fleets of processes against real servers, three times
	@cd tests && "$(CURDIR)/.ci/stage" "test fleet" $(GO) test -count 3 -timeout 60m $(TESTFLAGS) ./fleet/...

vulnerabilities: ## govulncheck over every module; asks the vulnerability database
	@GOWORK=off .ci/stage "build govulncheck" $(GO) build -C tools -o "$(CURDIR)/bin/govulncheck" golang.org/x/vuln/cmd/govulncheck
	@for m in $(MODULES); do (cd $$m && "$(CURDIR)/.ci/stage" "govulncheck $$m" "$(CURDIR)/bin/govulncheck" ./...) || exit 1; done

bench: ## every goal beside its peers; writes docs/performance.md and docs/internals/performance.md
	@$(GO) run ./tests/bench/cmd/bench

bench-quick: ## the same in under a minute: lines "ratio NAME VALUE GOAL"
	@$(GO) run ./tests/bench/cmd/bench -quick

simulate: ## a fleet of containers in virtual time; writes docs/internals/scale.md's tables and charts
	@$(GO) run ./tests/simulate

lint: bin/golangci-lint ## gofmt, go vet and golangci-lint over every module
	@.ci/stage gofmt .ci/gofmt
	@for m in $(MODULES); do \
		(cd $$m && "$(CURDIR)/.ci/stage" "lint $$m" "$(CURDIR)/bin/golangci-lint" run --allow-parallel-runners --config "$(CURDIR)/.golangci.yml" ./...) || exit 1; \
	done

# Pinned in tools/go.mod, a module of its own: the linter's requirements are nobody else's.
bin/golangci-lint: tools/go.mod tools/go.sum
	@GOWORK=off .ci/stage "build golangci-lint" $(GO) build -C tools -o "$(CURDIR)/bin/golangci-lint" github.com/golangci/golangci-lint/v2/cmd/golangci-lint

check: lint test ## what has to pass before a commit lands

fmt: ## gofmt everything, and wrap the prose of the pages
	@gofmt -l -w $$(git ls-files '*.go')
	@$(GO) run ./tests/cmd/prose $$(git ls-files '*.md' ':!*testdata/*' ':!.github/*')

# The download completes go.work.sum: where a hash is missing there, the next go list or go mod of anybody writes it.
tidy: ## go mod tidy in every module; completes go.work.sum
	@for m in $(MODULES) tools; do (cd $$m && GOWORK=off $(GO) mod tidy) || exit 1; done
	@$(GO) mod download

release: ## tag VERSION=v0.9.0, or with PROXY=DIR lay its modules into a folder as a module proxy serves them
	@$(GO) run ./tests/cmd/release -version "$(VERSION)" -proxy "$(PROXY)" -base "$(BASE)"

release-check: ## the tags of VERSION are what make release makes of this commit, which is their parent
	@$(GO) run ./tests/cmd/release -version "$(VERSION)" -verify

# Over public programs too, from the module proxy. It prints the tables of docs/code-identity.md. With COUNTS=FILE, which has
# to be an absolute path, it adds to what is counted in that file: another PART tries other changes.
MUTATIONS ?= 1000
PART ?= 0
soundness: ## mutated programs: no cached function may keep its code identity wrongly (about an hour; MUTATIONS=n)
	@cd cmd/stillwarm && $(GO) test ./internal/codeid -run 'TestSoundness|TestPlantedHoles|TestProfiledProgram' -count=1 -timeout 8h -v \
		-args -mutations $(MUTATIONS) -public -part $(PART) -counts "$(COUNTS)"

TIME ?= 10m
model: ## draw schedules of several containers over one backend for TIME (10m), against an oracle
	@cd tests && $(GO) test ./model -run Schedules -timeout 0 -v -args -model.time=$(TIME)

ONLY ?=
mutate: ## plant faults one at a time, which tests have to notice (ONLY=C5: those whose id, file, fault or tests match)
	@cd tests && $(GO) run ./cmd/mutate -root .. -only '$(ONLY)'

fuzz: ## every fuzz target for FUZZTIME (60s)
	@.ci/fuzz $(FUZZTIME)

clean: ## remove what was built here; the tool cache stays
	@rm -rf bin .aws-sam
