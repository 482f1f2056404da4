# What people and CI run. Everything lands in .venv; what is done already is not done again.

# The first of these that is new enough. `make setup PYTHON=…` chooses another.
PYTHONS = python3 python3.11 python3.12 python3.13 python3.14
PYTHON ?= $(shell for python in $(PYTHONS); do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)
# A second version to try the fast tests on, where it is installed.
PYTHON_NEXT ?= $(shell for python in python3.13 $(HOME)/.pyenv/versions/3.13*/bin/python3.13; do \
	"$$python" -c '' 2>/dev/null && echo "$$python" && break; done)

BIN = .venv/bin
# The list of static files that collectstatic writes last.
STATIC = $(or $(DAERIS_DATA),var)/static/staticfiles.json
PIP_INSTALL = -m pip --disable-pip-version-check --no-input install --progress-bar on --require-hashes --only-binary :all:
# The fast tests compute, or ask the database; others talk with doubles of servers, or are large. Both share the cores,
# and neighbours stay together: what a module makes ready for its tests is made once.
SHARED = -n auto --dist worksteal --no-migrations
FAST = $(SHARED) -m "not wire and not large and not peers and not browser" $(ASIDE)
WIRE = $(SHARED) -m "(wire or large) and not peers and not browser" $(ASIDE)
# Read by neither of them.
ASIDE = --ignore tests/peers --ignore tests/browser --ignore-glob '*/test_in_browser.py'
# Every fault once, with few mails, is among them; `make faults` is the long round.
SLOW = -n 2 --dist loadscope -m "peers or browser" --ignore tests/embedded
# How long a start takes is measured, so nothing runs beside it.
ALONE = -m "peers or browser" tests/embedded
FUZZ = tests/mail/test_routing_fuzz.py tests/mail/test_replies.py tests/mail/test_addresses.py
# What one process compiled serves the others and the next run, also where the environment would not keep it.
test test-fast test-next: export PYTHONDONTWRITEBYTECODE =

.PHONY: setup setup-dev run test test-fast test-next faults lint bench lock messages packages
.DEFAULT_GOAL = setup

# -- Set-up: stamps in .venv tell what is done -------------------------------------------------------
setup: .venv/.installed .venv/.messages $(STATIC)

setup-dev: setup .venv/.installed-dev

.venv/bin/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "Daeris needs Python 3.11 or newer; here is $$(python3 --version 2>/dev/null || echo none)." >&2; exit 1; fi
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "Python has no venv module here; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Making .venv with $$("$(PYTHON)" --version)"
	@"$(PYTHON)" -m venv .venv

.venv/.installed: requirements/run.lock | .venv/bin/python
	@echo "Installing what Daeris runs on (about half a minute the first time)"
	@$(BIN)/python $(PIP_INSTALL) -r $<
	@touch $@

.venv/.installed-dev: requirements/dev.lock .venv/.installed
	@echo "Installing what the tests need"
	@$(BIN)/python $(PIP_INSTALL) -r $<
	@touch $@

.venv/.messages: $(shell find daeris mail chatter -name '*.po') .venv/.installed
	@$(BIN)/python -m daeris.messages compile
	@touch $@

$(STATIC): $(shell find static daeris/ui -type f -not -name '*.pyc') .venv/.installed
	@echo "Collecting the static files"
	@$(BIN)/python manage.py collectstatic --no-input --verbosity 0
	@touch $@

# -- Running -----------------------------------------------------------------------------------------
run: setup
	@exec $(BIN)/python manage.py run $(if $(PORT),--port $(PORT))

# -- Tests -------------------------------------------------------------------------------------------
test: setup-dev packages
	$(BIN)/python -m pytest $(FAST)
	$(BIN)/python -m pytest $(WIRE)
	$(BIN)/python -m pytest $(SLOW)
	$(BIN)/python -m pytest $(ALONE)
	@$(MAKE) --no-print-directory test-next

test-fast: setup-dev
	$(BIN)/python -m pytest $(FAST)

test-next:
	@if [ -z "$(PYTHON_NEXT)" ]; then echo "No Python 3.13 here: the fast tests ran on one version only."; \
	else $(MAKE) --no-print-directory .venv-3.13/.installed && .venv-3.13/bin/python -m pytest -p no:cacheprovider $(FAST); fi

.venv-3.13/.installed: requirements/dev.lock
	@echo "Installing the same for $$("$(PYTHON_NEXT)" --version)"
	@"$(PYTHON_NEXT)" -m venv .venv-3.13
	@.venv-3.13/bin/python $(PIP_INSTALL) -q -r $<
	@touch $@

# The long rounds: every fault five times while 3,000 mails go out, 600 mails through a server limited to 120 a minute,
# a host cut off for longer than a minute,
# 10,000 examples of each fuzz.
faults: setup-dev packages
	DAERIS_LONG=1 $(BIN)/python -m pytest -m peers tests/peers/faults tests/peers/test_limits.py tests/peers/test_hosts.py
	HYPOTHESIS_EXAMPLES=10000 $(BIN)/python -m pytest -n auto -m "not peers and not browser" $(FUZZ)

packages:
	@bash tests/packages.sh

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Everybody side by side; tests/bench/__main__.py shows what BENCH and OPTIONS take.
bench: setup-dev packages .venv-bench/.installed
	$(BIN)/python -m tests.bench $(if $(BENCH),--only "$(BENCH)") $(OPTIONS)

# The others live apart: what they need is nothing of ours.
.venv-bench/.installed: requirements/bench.lock
	@echo "Installing those to measure against"
	@"$(PYTHON)" -m venv .venv-bench
	@.venv-bench/bin/python $(PIP_INSTALL) -r $<
	@touch $@

# -- Upkeep ------------------------------------------------------------------------------------------
LOCK = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --quiet
COMPILE = $(LOCK) pyproject.toml --extra serve --extra embedded

# Run it after a change of the dependencies in pyproject.toml; UPGRADE=--upgrade takes the newest that fit.
lock: setup-dev
	$(COMPILE) $(UPGRADE) -o requirements/run.lock
	$(COMPILE) $(UPGRADE) --extra test -c requirements/run.lock -o requirements/dev.lock
	$(LOCK) requirements/bench.in $(UPGRADE) -c requirements/run.lock -o requirements/bench.lock

messages: setup-dev
	$(BIN)/python -m daeris.messages extract
