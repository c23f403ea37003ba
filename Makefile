# One verb per thing a person does; `make` alone lists them. What CI runs is what you run.
# Downloads and builds are cached in $HOOKLINE_CACHE (or ~/.cache/hookline) and in target/.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

PYTHON ?= python3
ARCH ?= x86_64
STACK ?= hookline

CACHE := $(or $(HOOKLINE_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/hookline)
TOOLS := $(shell $(PYTHON) local/environments.py path tools)
EMULATOR := $(shell $(PYTHON) local/environments.py path emulator)
CARGO_DENY := $(CACHE)/cargo-deny-0.20.2/bin/cargo-deny
CARGO_FUZZ := $(CACHE)/cargo-fuzz-0.13.1/bin/cargo-fuzz

# Exactly the packages in functions/ are deployed.
FUNCTIONS := $(notdir $(wildcard functions/*))
# Client of the receivers for AWS: its SDKs (sdk), or our own (direct), which takes half the CPU time.
RECEIVERS ?= sdk
RECEIVERS_BUILT := $(if $(filter direct,$(RECEIVERS)),--features hookline-wiring/direct)
# Built separately, for speed, and so that they do not link the others' HTTP/2, a tenth of their size.
RECEIVING := $(foreach name,$(FUNCTIONS),$(if $(shell grep -l hookline-wiring functions/$(name)/Cargo.toml),$(name)))
# cargo-lambda looks for zig beside the first python3 in PATH.
CARGO_LAMBDA := PATH="$(TOOLS)/bin:$$PATH" cargo lambda build --locked
LOCAL := PYTHONPATH=local $(EMULATOR)/bin/python -m hookline_local
PYTEST := PYTHONPATH=local $(EMULATOR)/bin/python -m pytest
SOAK := OSMEM_SERVER=$(EMULATOR)/bin/osmem-server MICROBURST=$(EMULATOR)/bin/microburst \
  LOCAL_SHOPIFY_PYTHON=$(EMULATOR)/bin/python cargo run --quiet --locked --package hookline-soak --
PANEL := $(PYTHON) local/web.py
SDK := $(PYTHON) local/sdk.py
SDK_PYTHON := $(shell $(PYTHON) local/environments.py path sdk)/bin/python
SAM := SAM_CLI_TELEMETRY=0 $(TOOLS)/bin/sam
# Runs in sam's environment, which has boto3.
DEPLOYING := PYTHONPATH=local $(TOOLS)/bin/python -m hookline_local

.PHONY: help
help: ## Shows this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##### Seeing it work

.PHONY: demo
demo: ready ## Runs the whole stack on this machine, sends it a day of webhooks, and checks its promises.
	@$(LOCAL).demo

.PHONY: dev
dev: ready ## Runs the same stack until Ctrl-C, and prints its URLs.
	@$(LOCAL).dev

.PHONY: replay
replay: emulator ## Signs and sends five samples, or one: EVENT=events/shopify/products-update.json [URL= STORE= SECRET= ID= TOPIC=]
	@$(LOCAL).replay $(if $(EVENT),--event '$(EVENT)') $(if $(URL),--url '$(URL)') $(if $(STORE),--store '$(STORE)') \
	  $(if $(ID),--id '$(ID)') $(if $(TOPIC),--topic '$(TOPIC)')

##### Changing it

.PHONY: check
check: tools emulator $(CARGO_DENY) ## Checks format, lints, English, licences and the template. Changes nothing.
	cargo fmt --all --check
	$(EMULATOR)/bin/ruff check --quiet --config local/ruff.toml examples local tests
	$(EMULATOR)/bin/ruff format --quiet --check --config local/ruff.toml examples local tests
	@$(PYTHON) local/english.py
	$(TOOLS)/bin/cfn-lint template.yaml
	$(SAM) validate --lint --region us-east-1 --template-file template.yaml
	@$(PANEL) npm run --silent check
	@$(SDK) check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy --package hookline-wiring --features direct --locked -- -D warnings
	cargo clippy --package hookline-outbound --features loopback --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked --quiet
	cargo package --package hookline-events --package hookline-webhooks --allow-dirty --locked --offline --quiet
	$(CARGO_DENY) --locked check licenses bans sources
	@$(PYTHON) local/advisories.py --cargo-deny $(CARGO_DENY)

.PHONY: test
test: ready browser ## Runs all tests: Rust, the panel, the handler packages, the examples for receivers, the template, the whole stack on this machine, a browser.
	OSMEM_SERVER=$(EMULATOR)/bin/osmem-server LOCAL_SHOPIFY_PYTHON=$(EMULATOR)/bin/python \
		cargo test --workspace --locked
	@$(PYTHON) tests/micro/count.py check
	@$(PANEL) npm test
	@$(MAKE) test-sdk
	@$(MAKE) test-receive
	@$(MAKE) test-referees
	$(SOAK) --short
	@$(MAKE) --jobs=2 $(if $(filter output-sync,$(.FEATURES)),--output-sync) test-stack test-apart
	$(PYTEST) tests/browser --ignore tests/browser/test_made_up.py --ignore tests/browser/test_webhooks.py

# Side by side, because both mostly wait: the tests that share a stack, and those that need none or their own. The rest of
# tests/browser measures how fast the page is, so it runs alone.
.PHONY: test-stack test-apart
test-stack: ready
	$(PYTEST) tests/template tests/endpoints tests/conformance tests/stack --ignore tests/stack/test_rotation.py

test-apart: ready browser
	$(PYTEST) -p no:cacheprovider tests/stack/test_rotation.py
	$(PYTEST) -p no:cacheprovider tests/browser/test_made_up.py tests/browser/test_webhooks.py

.PHONY: test-template
test-template: ready ## Runs the tests of the template, which need no stack. Part of `make test`.
	$(PYTEST) tests/template

.PHONY: test-sdk
test-sdk: ## Runs the tests of the handler packages in sdk/, and packs them into target/sdk. Part of `make test`.
	@$(SDK) test
	@$(SDK) pack

# In the environment of the handler packages, which has the official library of Standard Webhooks.
.PHONY: test-receive
test-receive: emulator sdk languages ## Runs the examples for receivers, in six languages, against one set of requests. Part of `make test`.
	PYTHONPATH=local $(SDK_PYTHON) -m pytest tests/receive

# In the same environment, which has the vendors' own libraries.
.PHONY: test-referees
test-referees: sdk ## Holds samples and signatures of sources to the vendors' own libraries. Part of `make test`.
	PYTHONPATH=local $(SDK_PYTHON) -m pytest tests/referees

.PHONY: count
count: ## Compares the instructions of single steps with tests/micro/instructions.json. Part of `make test`. [ARGS=update]
	@$(PYTHON) tests/micro/count.py $(or $(ARGS),check)

.PHONY: micro
micro: ## Times the same steps, and compares verifying with openssl. [STEP=verify]
	cargo bench --quiet --profile receiver --locked --package hookline-micro --bench steps -- $(STEP)
	@cargo run --quiet --profile receiver --locked --package hookline-micro -- openssl

.PHONY: fuzz
fuzz: $(CARGO_FUZZ) ## Throws hostile input at every parser, each for SECONDS=60. Needs a C++ compiler. [TARGET=payload]
	@$(PYTHON) tests/fuzz/run.py --cargo-fuzz $(CARGO_FUZZ) --seconds $(or $(SECONDS),60) $(addprefix --target ,$(TARGET))

.PHONY: soak
soak: ready ## Kills the functions at every call and fails AWS at 5, 20 and 50 percent: nothing lost, doubled, brought back. [ARGS='--seed 7']
	$(SOAK) $(ARGS)

.PHONY: live-load
live-load: ## Opens 1,000 live connections and writes 50 deliveries a second: nothing lost. [ARGS='--connections 2000']
	cargo run --quiet --release --locked --package hookline-live-load -- $(ARGS)

# Builds only the measured functions: receivers differ only in their topic, and each takes half a minute to build.
BENCHED ?= live-push reindex status
# The functions of outbound webhooks.
POSTING := dispatch fan-out

.PHONY: bench
bench: tools ## Measures start, work, CPU, memory, calls, size and price beside goals and peers. Writes target/bench.json. [ARGS=--quick]
	@mkdir -p target
	@$(PYTHON) tests/bench/peers/install.py > target/bench-peers.json
	@echo "· building the measured functions (cargo profiles receiver and release)" >&2
	@$(CARGO_LAMBDA) --profile receiver --lambda-dir target/lambda-direct --features hookline-wiring/direct --package products-update
	@$(CARGO_LAMBDA) --profile receiver --package products-update --package hookline-micro
	@# Without names, cargo would build all functions.
	@$(if $(strip $(BENCHED)),$(CARGO_LAMBDA) --release $(addprefix --package ,$(BENCHED)))
	@# Apart, because they post to servers on this machine, which no deployed function does.
	@$(CARGO_LAMBDA) --release --lambda-dir target/lambda-outbound --features hookline-outbound/loopback $(addprefix --package ,$(POSTING))
	@cargo build --quiet --profile local --locked --package hookline-bench --package hookline-outbound-load
	@echo "· verifying beside openssl" >&2
	@target/lambda/hookline-micro/bootstrap openssl --json target/bench-openssl.json
	@echo "· simulating endpoints that are away or hang" >&2
	@target/local/hookline-outbound-load --json target/bench-outbound.json >&2
	@target/local/hookline-bench --peers target/bench-peers.json --also target/bench-openssl.json --also target/bench-outbound.json \
	  --json target/bench.json --direct target/lambda-direct --outbound target/lambda-outbound \
	  $(addprefix --only ,products-update $(BENCHED)) $(ARGS)

.PHONY: bench-all
bench-all: ## Runs `bench` with every function that is not a receiver: some minutes longer.
	@$(MAKE) bench BENCHED='$(filter-out $(RECEIVING) $(POSTING),$(FUNCTIONS))'

.PHONY: format
format: emulator ## Formats Rust, Python, the panel and the handler packages.
	cargo fmt --all
	$(EMULATOR)/bin/ruff check --quiet --fix --config local/ruff.toml examples local tests
	$(EMULATOR)/bin/ruff format --quiet --config local/ruff.toml examples local tests
	@$(PANEL) npm run --silent format
	@$(SDK) format

.PHONY: lock
lock: ## Pins the Python packages that local/requirements/*.in ask for. [ARGS='--upgrade-package ruff']
	@$(PYTHON) local/environments.py lock $(ARGS)

.PHONY: screenshots
screenshots: ready browser ## Makes the pictures in docs/screenshots, of the page on the running stack.
	$(PYTEST) --quiet tests/browser/screenshots.py

##### Building and deploying it

.PHONY: build
build: binaries page ## Builds every function for AWS into target/lambda/<function>/bootstrap, and the panel. [ARCH=arm64 RECEIVERS=direct]

.PHONY: build-local
build-local: binaries-local page ## Builds the same and `hookline` for this machine, faster; used by demo, dev and test.

.PHONY: web
web: emulator ## Builds the panel's page into web/dist, when its sources have changed.
	@$(PANEL) build

.PHONY: deploy
deploy: deployable check-account build ## Builds and deploys with SAM: SHOPIFY_CLIENT_SECRETS_ARN= OPENSEARCH_URL= OPENSEARCH_ARN= [STACK= REGION= ARCH= MORE=]
	@# On failure an existing stack is rolled back, and a new one is deleted.
	region=$$($(DEPLOYING).region '$(REGION)') && \
	$(SAM) deploy --region "$$region" --template-file template.yaml --stack-name $(STACK) --resolve-s3 \
	  --capabilities CAPABILITY_IAM --on-failure DELETE \
	  --no-fail-on-empty-changeset --parameter-overrides Architecture=$(ARCH) \
	  ShopifyClientSecretsArn='$(SHOPIFY_CLIENT_SECRETS_ARN)' \
	  OpenSearchUrl='$(OPENSEARCH_URL)' OpenSearchArn='$(OPENSEARCH_ARN)' \
	  OpenSearchSigningService=$(if $(findstring :aoss:,$(OPENSEARCH_ARN)),aoss,es) $(MORE)

.PHONY: deployable
deployable:
	@missing=(); for name in SHOPIFY_CLIENT_SECRETS_ARN OPENSEARCH_URL OPENSEARCH_ARN; do \
	  [[ -n "$${!name:-}" ]] || missing+=("$$name="); done; \
	if (( $${#missing[@]} )); then \
	  echo "make deploy needs $${missing[*]} (described under Parameters in template.yaml; set others with MORE='Name=value …')" >&2; exit 1; fi; \
	if [[ ! "$$SHOPIFY_CLIENT_SECRETS_ARN" =~ :secret:.+-[A-Za-z0-9]{6}$$ ]]; then \
	  echo "SHOPIFY_CLIENT_SECRETS_ARN= must be the full ARN, with the hyphen and six characters after the secret's name" >&2; exit 1; fi

deployable: export SHOPIFY_CLIENT_SECRETS_ARN := $(SHOPIFY_CLIENT_SECRETS_ARN)
deployable: export OPENSEARCH_URL := $(OPENSEARCH_URL)
deployable: export OPENSEARCH_ARN := $(OPENSEARCH_ARN)

.PHONY: check-account
check-account: deployable tools ## Checks the account before a deployment: concurrency, secret, index, stack. Part of `make deploy`. [CHECK_ACCOUNT=no]
	@$(if $(filter no,$(CHECK_ACCOUNT)),echo "· the account is not checked first" >&2,$(DEPLOYING).preflight --stack '$(STACK)' --region '$(REGION)')

check-account: export MORE := $(MORE)

##### Looking after it

.PHONY: cli
cli: ## Installs the command `hookline` with cargo: stores, webhooks, backfill, dead letters, replays, the fate of one delivery.
	cargo install --quiet --locked --path crates/cli

.PHONY: where
where: tools ## Prints a stack's resources as the variables that `hookline` reads. [STACK= REGION=]
	@$(DEPLOYING).where --stack '$(STACK)' --region '$(REGION)'

##### Prerequisites

.PHONY: setup
setup: tools emulator sdk $(CARGO_DENY) ## Installs all that the other targets would install when needed.

.PHONY: tools
tools:
	@$(PYTHON) local/environments.py make tools

.PHONY: emulator
emulator:
	@$(PYTHON) local/environments.py make emulator

.PHONY: sdk
sdk:
	@$(PYTHON) local/environments.py make sdk

.PHONY: binaries
binaries: tools
	$(CARGO_LAMBDA) --profile receiver $(if $(filter arm64,$(ARCH)),--arm64,--x86-64) $(RECEIVERS_BUILT) $(addprefix --package ,$(RECEIVING))
	$(CARGO_LAMBDA) --release $(if $(filter arm64,$(ARCH)),--arm64,--x86-64) \
	  $(addprefix --package ,$(filter-out $(RECEIVING),$(FUNCTIONS)))

.PHONY: binaries-local
binaries-local: tools
	@echo "· building the functions and the command (cargo profile local)" >&2
	@# With endpoints on this machine, which no deployed function posts to.
	@# Twice, if need be: the first links of a machine make files that zig needs, and two at once have been seen to fail.
	@build() { $(CARGO_LAMBDA) --profile local --features hookline-outbound/loopback $(addprefix --package ,$(FUNCTIONS)) ; }; \
	  build || build
	@$(CARGO_LAMBDA) --profile local --package hookline-cli

# Puts the page beside the binary that serves it, in the folder that SAM uploads.
.PHONY: page
page: web
	@$(PANEL) place

# A Chromium for the browser tests; does nothing if there is one.
.PHONY: browser
browser:
	@$(PYTHON) local/browser.py make

# PHP, Ruby and Go for the examples for receivers; does nothing if they are there.
.PHONY: languages
languages:
	@$(PYTHON) local/languages.py make

# Shopify's Admin schema, for the local Shopify.
.PHONY: schema
schema:
	@$(PYTHON) local/shopify_schema.py make

# The emulator's environment is installed and the schema fetched while the compiler runs.
.PHONY: ready
ready:
	@$(MAKE) --jobs=2 build-local emulator schema

# From source, because no registry has a recent binary. Cached.
$(CARGO_DENY):
	@echo "· building cargo-deny (once; kept in $(CACHE))" >&2
	@cargo install --quiet --locked --root $(CACHE)/cargo-deny-0.20.2 --version 0.20.2 --no-default-features cargo-deny

$(CARGO_FUZZ):
	@echo "· building cargo-fuzz (once; kept in $(CACHE))" >&2
	@cargo install --quiet --locked --root $(CACHE)/cargo-fuzz-0.13.1 --version 0.13.1 cargo-fuzz

.PHONY: clean
clean: ## Removes build output. The cache stays; the message says where it is.
	cargo clean --quiet
	rm -rf .pytest_cache web/dist web/node_modules sdk/typescript/dist sdk/typescript/node_modules
	@echo "· kept, because all checkouts share it: $(CACHE)" >&2
