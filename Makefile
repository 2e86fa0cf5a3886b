# Every target is one line of work; bare `make` lists them.
GO        ?= go
TOOL      := $(GO) tool -modfile=.ci/tools/go.mod
BIN       := bin/signalcraft
DATA      ?= ./data
SHARED    ?= ../shared
TESTFLAGS ?=
# ./... leaves folders called testdata out; ours holds packages with tests of their own.
PACKAGES  := ./... ./testdata ./testdata/recorded ./testdata/shared ./testdata/upstream/generate

.DEFAULT_GOAL := help
.PHONY: help setup build demo test check contract generate bench-batch bench-api bench-live bench-models campaign-contract campaign-idempotency campaign-tenants campaign-tokens campaign-uploads campaign-addresses campaign-live clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 24

setup: ## install what is missing (a C compiler, Postgres binaries) or say what to install
	@.ci/setup

build: setup ## build bin/signalcraft
	@echo "building $(BIN) (the first time takes some minutes)"
	@$(GO) build -o $(BIN) ./cmd/signalcraft

demo: build ## three demonstration businesses: run the nightly batch, then serve the API (DATA=./data)
	@$(BIN) demo --data-dir $(DATA)

test: setup ## every test, against a real Postgres that the tests start and stop themselves
	$(GO) test $(TESTFLAGS) $(PACKAGES)

check: ## exactly what CI runs: static checks, generated files current, tests
	@.ci/run

contract: ## lint the OpenAPI document and compile a TypeScript client made from it (needs Node.js)
	@CI=true .ci/setup && .ci/contract/check

campaign-tenants: setup ## every operation as thirteen identities on own, other and absent ids, in five worlds
	SIGNALCRAFT_CAMPAIGN=long $(GO) test ./api -count=1 -run TestTenantCampaign -v -timeout 60m

campaign-tokens: setup ## 100,000 attacks on tokens, sessions, second factors and keys
	SIGNALCRAFT_CAMPAIGN=long $(GO) test ./api -count=1 -run TestTokenCampaign -v -timeout 60m

campaign-uploads: setup ## damaged files through the readers, and from the API to the lake
	SIGNALCRAFT_CAMPAIGN=long $(GO) test ./pipelines/kpi ./cmd/signalcraft -count=1 -run Honest -v -timeout 120m

campaign-addresses: setup ## user-given addresses that must not be reached, 50,000 random forms beside the named ones
	SIGNALCRAFT_CAMPAIGN=long $(GO) test ./cmd/signalcraft -count=1 -run 'TestAddressCampaign|TestRedirectCampaign' -v -timeout 60m

campaign-live: setup ## 20,000 events to listeners whose connections are cut
	SIGNALCRAFT_CAMPAIGN=long $(GO) test ./api/live -count=1 -run NothingIsLost -v -timeout 60m

campaign-contract: setup ## 20,000 requests made from the OpenAPI document, valid and invalid, to the real service
	SIGNALCRAFT_CAMPAIGN=long $(GO) test ./api -run TestContractCampaign -v -timeout 60m

campaign-idempotency: setup ## 1,000 keys x 32 requests at once, with clients leaving and connections cut; 100 kill -9 of the service
	SIGNALCRAFT_CAMPAIGN=long $(GO) test ./api ./cmd/signalcraft -run 'TestIdempotencyCampaign|TestIdempotencyWhenKilled' -v -timeout 60m

generate: ## write the generated files: typed queries, OpenAPI golden file, demo upstream answers
	@.ci/generate

bench-batch: setup ## 1,000 KPIs x 3 years through the whole batch; prints a table
	@$(GO) run ./cmd/signalcraft bench batch

bench-api: setup ## the service over 10,000 businesses and 10 million points, beside the bare SQL
	@$(GO) run ./cmd/signalcraft bench api

bench-live: setup ## 2,000 listeners: memory and delay of an event
	@$(GO) run ./cmd/signalcraft bench live

bench-models: setup ## forecasts, anomalies and headline scores on the public sets, references beside (SHARED=../shared)
	@$(GO) run ./cmd/signalcraft bench models --data $(SHARED)/data

clean: ## remove the binary and the demo's data folder
	@rm -rf bin $(DATA)
