# Weir's one entrance: `make` alone prints what there is.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
OUT := $(or $(CARGO_TARGET_DIR),target)
WEIR := $(OUT)/release/weir
PARTS := auth router limiter translator gateway gateway-p2 grant vault warden-outer warden-inner settings-env
SPIN_PARTS := auth router limiter translator gateway
CONFIG ?= examples/quickstart/weir.yaml

.PHONY: help setup up test runtimes run-runtimes clients run-clients bench peers lint components parts host guests examples clean

help: ## Print what there is
	@grep -hE '^[a-z.-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: ## Set up what is missing: the wasm target, Python and Node packages for the tests
	@bash scripts/setup.sh test

up: ## Build and run both tiers on loopback with the example configuration (CONFIG=… for another)
	@bash scripts/setup.sh build
	@$(MAKE) --no-print-directory parts host
	@exec $(WEIR) up --config $(CONFIG)

components: parts ## Build tier one's components into target/components, and for Spin into target/components/spin
	@bash scripts/spin-parts.sh $(SPIN_PARTS)

parts:
	@bash scripts/components.sh $(PARTS)

host: ## Build the binary, target/release/weir
	$(CARGO) build --release --locked -p weir

spin.toml: examples/quickstart/weir.yaml host ## Make the manifest for Spin anew; a test checks that it is current
	$(WEIR) compose --spin --config $< --values target/spin-values.toml -o $@

examples: ## Build the examples of a tenant's own middleware into target/examples
	@bash scripts/examples.sh

guests: ## Build the guest programs that the embedded runtime is tested with
	@bash scripts/guests.sh

test: ## Set up what is missing and run every test that belongs to a commit
	@bash scripts/setup.sh test
	@$(MAKE) --no-print-directory components guests examples
	$(CARGO) build --release --locked --workspace --bins --tests
	$(CARGO) test --release --locked --workspace --no-fail-fast
	WEIR_TEST_CHAIN=gateway $(CARGO) test --release --locked --workspace --test streams --test requests --test lifecycle --test grpc
	@$(MAKE) --no-print-directory run-clients
	target/tools/sdk/bin/python tests/agents/table.py target/report/clients-*.json --check
	@$(MAKE) --no-print-directory run-runtimes
	target/tools/sdk/bin/python tests/runtimes/table.py target/report/runtimes.json --check
	target/tools/sdk/bin/python -m pytest tests/examples -q

runtimes: ## Try the components under every runtime, and write the table of docs/runtimes.md
	@bash scripts/setup.sh test
	@$(MAKE) --no-print-directory parts host run-runtimes
	target/tools/sdk/bin/python tests/runtimes/table.py target/report/runtimes.json

run-runtimes:
	target/tools/sdk/bin/python -m pytest tests/runtimes -q --complete --report target/report/runtimes.json

clients: ## Try the SDKs, frameworks and agents with every kind of backend, and write the tables of docs/clients.md
	@bash scripts/setup.sh test
	@$(MAKE) --no-print-directory parts host run-clients
	target/tools/sdk/bin/python tests/agents/table.py target/report/clients-*.json

run-clients:
	target/tools/sdk/bin/python -m pytest tests/sdk -q --report target/report/clients-1-python.json
	cd tests/sdk-node && WEIR_TEST_REPORT=../../target/report/clients-2-node.json node --test
	target/tools/sdk/bin/python -m pytest tests/agents -q --report target/report/clients-3-agents.json

bench: ## Measure, as ratios against a direct call, and beside the peers that are installed
	@bash scripts/setup.sh test
	@$(MAKE) --no-print-directory parts host
	@bash scripts/bench.sh

peers: ## Install the peers that `make bench` measures tier two beside, into target/tools/peers
	@bash scripts/peers.sh

lint: ## Formatting, clippy with the workspace's lints, the layering check, generated files current
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings
	@bash scripts/clippy-components.sh $(PARTS) settings-spin
	@python3 scripts/layering.py

clean: ## Remove what was built
	$(CARGO) clean
	rm -rf target .weir examples/quickstart/.weir
