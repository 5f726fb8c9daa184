# `make up` and `make test` work on a fresh machine with Python >= 3.11 and Node >= 20 and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NODE_MODULES := tests/node/node_modules/.package-lock.json
# Tests of one file share servers and a checkout, so a file stays on one worker.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile

.PHONY: up test check bench fuzz chaos docs clean chromium nginx

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

$(NODE_MODULES): tests/node/package-lock.json
	# Not `npm ci`: it refuses where a registry lacks the optional packages of other platforms.
	cd tests/node && npm install --no-save --no-progress --loglevel=error
	touch $@

# Debian's browser; elsewhere put chromium or google-chrome on PATH.
chromium:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
	  { $$(test "$$(id -u)" = 0 || echo sudo) sh -c 'apt-get update -qq && apt-get install -y -qq chromium'; }

# Its program alone, for two tests that are skipped without it: nothing is installed or started.
nginx:
	@command -v nginx >/dev/null || test -x tests/.nginx/usr/sbin/nginx || \
	  { mkdir -p tests/.nginx && cd tests/.nginx && apt-get download -qq nginx 2>/dev/null && dpkg -x nginx_*.deb .; } || \
	  echo "no nginx: two tests will be skipped"

up: $(VENV)/.installed
	$(BIN)/devstack up --yes || test $$? -eq 130 # Ctrl-C is how one leaves

test: $(VENV)/.installed $(NODE_MODULES) chromium nginx
	$(PYTEST)

check: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m tests.docs_in_sync

# Writes docs/rules.md, docs/stack.schema.json, the tables of README and the diagram of phases.
docs: $(VENV)/.installed
	$(BIN)/python -m tests.docs_in_sync --write

bench: $(VENV)/.installed $(NODE_MODULES)
	$(BIN)/python -m benchmarks

# 20,000 generated env files per loader against the real programs; minutes.
fuzz: $(VENV)/.installed $(NODE_MODULES)
	$(BIN)/python -m tests.env.loaders.fuzz --count 20000

# Random kills, stops, edits and port thefts over twelve services: make chaos SECONDS=120 SEED=1
SECONDS ?= 120
SEED ?= 0
chaos: $(VENV)/.installed
	$(BIN)/python -m tests.chaos --seconds $(SECONDS) --seed $(SEED)

clean:
	rm -rf $(VENV) build dist tests/node/node_modules tests/.nginx examples/voice/web/node_modules
