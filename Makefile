# GNU make. What a target needs beyond Go and make is fetched by it, into the user's cache; see each one.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

GO ?= go
# Real servers of these names are fetched and tested on, see internal/testcluster/fetch-servers.sh.
SERVERS ?= redis-7.0 redis-8.0 valkey-8.1 valkey-9.1
export REDISARROW_TEST_SERVERS ?= $(SERVERS)
# How long each fuzz target runs: a time, or executions as in 20000x.
FUZZTIME ?= 60s
# How many scans of disturbed clusters, and the first one's seed.
RUNS ?= 200
SEED ?= 1
# Arguments of the benchmark: go run ./bench -help lists them. A Python with redis and pyarrow, or polars-redis, may be
# named in REDISARROW_BENCH_PYTHON.
BENCH ?= -server redis-7.0,valkey-8.1 -workloads hash7,hash50,strings,mixed -runs 3 -memory -many 1000000 -delay -delay-rows 300000
BENCH_FULL ?= -server $(subst $(space),$(comma),$(strip $(SERVERS))) -memory -many 10000000 -delay -rueidis
BENCH_CHECK ?= -server redis-7.0,valkey-8.1 -rows 100000 -workloads hash3,hash7,hash50,strings,mixed
RECORDED = bench/recorded.json
comma := ,
space := $(subst ,, )
GOLANGCI_LINT ?= $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# The servers for the run with the race detector, which takes several times as long. What differs between servers is
# tested there on fakes of each kind.
RACE_SERVERS ?= redis-8.0
# Packages with goroutines, and those that fill Arrow's buffers: run once more with the race detector and Arrow's own
# assertions. -short is for tests whose mass of data would find nothing more there.
RACE_PACKAGES ?= ./arrowutil/... ./cluster/... ./convert/... ./iterator/... ./internal/minicluster/... \
	./internal/resp/... ./internal/scan/... ./schema/...
# Modules below this one, which ./... leaves out: what depends on more than the library does.
MODULES = $(patsubst %/go.mod,%,$(shell find . -mindepth 2 -name go.mod))
# The driver in examples/duckdb knows Arrow with this tag alone.
MODULE_TAGS = -tags duckdb_arrow
# The race detector needs cgo, so a C compiler.
RACE = $(if $(filter 1,$(shell $(GO) env CGO_ENABLED)),-race)

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Scan an embedded cluster, or the one of REDIS_URL, and show what comes out
	@$(GO) run ./cmd/redisarrow demo

# One part of test: its name, and the command. What each took is told at its end, and by times at the end of all.
part = @printf '\n== %s\n' '$(1)'; begun=$$(date +%s); { $(2); } && \
	printf '%5d s  %s\n' $$(($$(date +%s) - begun)) '$(1)' | tee -a $(TIMES)
TIMES = $(CURDIR)/test.out

.PHONY: test
test: ## Fetch what the tests need, and run them all: some 25 minutes
	@rm -f $(TIMES)
	$(call part,tools and servers,.ci/prepare.sh $(SERVERS))
	$(call part,vet,$(GO) vet ./...)
	$(call part,modules of their own,for module in $(MODULES); do \
		$(GO) -C $$module vet $(MODULE_TAGS) ./... && $(GO) -C $$module test -vet=off $(MODULE_TAGS) ./... || exit; done)
	@# Tests wait more than they work: for servers, and for time-outs.
	$(call part,tests,$(GO) test -vet=off -timeout 45m -parallel 6 ./...)
	$(call part,race detector and assertions,REDISARROW_TEST_SERVERS='$(RACE_SERVERS)' \
		$(GO) test -vet=off -timeout 45m -parallel 6 -short $(RACE) -tags assert $(RACE_PACKAGES))
	$(call part,fuzzing,.ci/fuzz.sh 20000x)
	@printf '\n'; cat $(TIMES); rm -f $(TIMES)

.PHONY: fuzz
fuzz: ## Fuzz every parser for FUZZTIME (60s each)
	@.ci/fuzz.sh $(FUZZTIME)

.PHONY: chaos
chaos: ## Scan disturbed clusters, RUNS times (200), from SEED on (1): half a minute each, four at a time
	@.ci/prepare.sh $(SERVERS)
	REDISARROW_CHAOS_RUNS=$(RUNS) REDISARROW_CHAOS_SEED=$(SEED) \
		$(GO) test ./internal/chaos -run 'TestChaos$$' -count 1 -timeout 0 -v

.PHONY: bench
bench: ## Measure against the floor and plain go-redis, on two real clusters: some minutes
	@.ci/prepare.sh $(SERVERS)
	$(GO) run ./bench $(BENCH)

.PHONY: bench-full
bench-full: ## The same on all servers, with more and other readers and 10 million keys: an hour, 2 GB of memory
	@.ci/prepare.sh $(SERVERS)
	$(GO) run ./bench $(BENCH_FULL)

.PHONY: bench-check
bench-check: ## Fail if allocations or CPU ratios are worse than those recorded in bench/recorded.json
	@.ci/prepare.sh $(SERVERS)
	$(GO) run ./bench $(BENCH_CHECK) -check $(RECORDED)

.PHONY: bench-record
bench-record: ## Record them anew
	@.ci/prepare.sh $(SERVERS)
	$(GO) run ./bench $(BENCH_CHECK) -record $(RECORDED)

.PHONY: lint
lint: ## Run golangci-lint (built on first use, some minutes)
	$(GOLANGCI_LINT) run ./...

.PHONY: fmt
fmt: ## Format the code with gofumpt, through golangci-lint
	$(GOLANGCI_LINT) fmt ./...
