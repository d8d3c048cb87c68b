# Weir's one entrance: `make` alone prints what there is.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
OUT := $(or $(CARGO_TARGET_DIR),target)
WEIR := $(OUT)/release/weir
PARTS := auth router limiter translator settings-env
CONFIG ?= examples/quickstart/weir.yaml

.PHONY: help setup up test bench lint components host guests clean

help: ## Print what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: ## Set up what is missing: the wasm target, Python and Node packages for the tests
	@bash scripts/setup.sh test

up: ## Build and run both tiers on loopback with the example configuration (CONFIG=… for another)
	@bash scripts/setup.sh build
	@$(MAKE) --no-print-directory components host
	@exec $(WEIR) up --config $(CONFIG)

components: ## Build tier one's components into target/components
	@bash scripts/components.sh $(PARTS)

host: ## Build the binary, target/release/weir
	$(CARGO) build --release --locked -p weir

guests: ## Build the guest programs that the embedded runtime is tested with
	@bash scripts/guests.sh

test: ## Set up what is missing and run every test that belongs to a commit
	@bash scripts/setup.sh test
	@$(MAKE) --no-print-directory components guests
	$(CARGO) build --release --locked --workspace --all-targets
	$(CARGO) test --release --locked --workspace --no-fail-fast
	target/tools/sdk/bin/python -m pytest tests/sdk -q
	cd tests/sdk-node && node --test

bench: ## Measure, as ratios against a direct call
	@bash scripts/setup.sh build
	@$(MAKE) --no-print-directory components host
	@bash scripts/bench.sh

lint: ## Formatting, clippy with the workspace's lints, the layering check, generated files current
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings
	@bash scripts/clippy-components.sh $(PARTS)
	@python3 scripts/layering.py

clean: ## Remove what was built
	$(CARGO) clean
	rm -rf target .weir examples/quickstart/.weir
