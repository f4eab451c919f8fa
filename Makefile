# The commands of this project. ARGS passes arguments on: `make demo ARGS=--plain`, `make test ARGS=tidy`.
.DEFAULT_GOAL := help
.PHONY: help demo test test-fast chaos outage check fmt bench bench-gate train clean
SHELL := bash

CARGO ?= cargo
# Crates are built as Cargo.lock says.
LOCKED := --locked
# Documentation last of all would end a run with "0 tests": the doc tests go first.
TESTS := --lib --bins --tests

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | awk -F'\t' '{ printf "make %-10s %s\n", $$1, $$2 }'

demo: ## build and run the live demo, no Kafka needed (ARGS="--plain")
	@scripts/bootstrap.sh build
	$(CARGO) run $(LOCKED) --release -- demo $(ARGS)

test: ## all checks and tests, on a real Kafka broker (KAFKA_BROKERS uses a running one)
	@scripts/bootstrap.sh build browser
	@scripts/bootstrap.sh watch || echo 'make test: NO PROMETHEUS, the checks that need promtool or a live Prometheus are LEFT OUT' >&2
	@tests/kafka/kafka.sh fetch || { echo 'make test: NO KAFKA BROKER, so the tests that prove exactly-once cannot run (make test-fast leaves them out)' >&2; exit 1; }
	@$(MAKE) --no-print-directory check
	$(CARGO) test $(LOCKED) --doc
	$(CARGO) test $(LOCKED) $(TESTS) -- $(ARGS)

test-fast: ## the tests that need no Kafka broker
	@echo 'make test-fast: the tests on a real Kafka broker are LEFT OUT; make test runs them'
	$(CARGO) test $(LOCKED) --doc
	LATEFUSION_NO_BROWSER=1 $(CARGO) test $(LOCKED) $(TESTS) -- --skip kafka:: $(ARGS)

chaos: ## minutes of kill -9, zombies and broker loss under load on a real broker (KILLS=60 PATIENTS=100000)
	@tests/kafka/kafka.sh fetch
	LATEFUSION_CHAOS_KILLS=$(or $(KILLS),60) LATEFUSION_CHAOS_PATIENTS=$(or $(PATIENTS),100000) $(CARGO) test $(LOCKED) --test it -- --nocapture kafka::chaos $(ARGS)

outage: ## hours of a silent laboratory in simulated time, with the times to detection
	@scripts/bootstrap.sh build watch
	LATEFUSION_OUTAGE=1 $(CARGO) test $(LOCKED) --test it -- --nocapture operate::outage $(ARGS)

check: ## format, lints, documentation, licences; changes nothing
	$(CARGO) fmt --check
	$(CARGO) clippy $(LOCKED) --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc $(LOCKED) --no-deps --document-private-items --quiet
	@if command -v cargo-deny >/dev/null; then \
	    echo 'cargo deny check licenses bans sources' && $(CARGO) deny --offline --log-level error check licenses bans sources; \
	else \
	    echo 'make check: LICENCE CHECK SKIPPED, cargo-deny is not installed (cargo install --locked cargo-deny)'; \
	fi

fmt: ## format the code
	$(CARGO) fmt

bench: ## all benchmarks and one table, a quarter of an hour (ARGS="latency --json FILE" for one part, and the figures in a file)
	@scripts/bootstrap.sh build kafka gate
	@tests/kafka/kafka.sh fetch
	$(CARGO) bench $(LOCKED) --bench all -- $(ARGS)

bench-gate: ## fail where the engine needs 3 % more instructions an event than the baseline (valgrind)
	@scripts/bootstrap.sh build gate
	benches/gate.sh $(ARGS)

train: ## the shipped models again, and cross-fitted ones for evaluate (DATA=folder of the unpacked data sets)
	$(CARGO) build $(LOCKED) --release
	test -x training/venv/bin/python || python3 -m venv training/venv
	training/venv/bin/pip install --quiet -r training/requirements.txt
	training/make.sh $(or $(DATA),data)

clean: ## remove what was built and the fetched Kafka broker
	$(CARGO) clean
	rm -rf tests/kafka/.cache
