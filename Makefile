# Daily commands. Needs make, git and Python 3; uv, Node and the rest are brought along.
# Variables: COMPANY=DIR and PORT=N for `make up`, NAME=… for `make bench`, TESTS=… for `make test`.

# The machine's uv, else one of our own in .tools/.
UV := $(or $(shell command -v uv 2>/dev/null),$(CURDIR)/.tools/uv/bin/uv)
RUN := $(UV) run --frozen
NPM := $(RUN) python -m server.up.npm
SAY := @printf '\n== %s\n'

# Images of containers often forbid to keep compiled code: every start of every process would compile its libraries anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help sync up build lint types check-bot check-web tests test format bench screenshots clean

help:
	@echo 'make up [COMPANY=DIR] [PORT=N]   build what is missing and run everything until Ctrl-C'
	@echo 'make test                        everything that CI runs: lint, types, bot, web, tests'
	@echo 'make lint                        lint and types only; make format mends what can be mended'
	@echo 'make bench [NAME=NAME]           run a benchmark; without NAME, list them'
	@echo 'make screenshots                 take the pictures in the README again'
	@echo 'make clean                       remove environments and builds; data in .kefu stays'

$(CURDIR)/.tools/uv/bin/uv:
	$(SAY) 'uv is missing: installing it into .tools/uv'
	@python3 -m venv .tools/uv || { echo 'Python cannot make a virtual environment: install python3-venv, or uv itself'; exit 1; }
	@.tools/uv/bin/pip install --quiet --disable-pip-version-check uv

sync: | $(UV)
	@$(UV) sync --frozen --quiet

up: sync
	@exec $(RUN) kefu up $(if $(COMPANY),--company '$(COMPANY)') $(if $(PORT),--port '$(PORT)')

build: sync
	$(SAY) 'environments and web pages'
	@$(RUN) kefu build

lint: sync
	$(SAY) 'ruff check'
	@$(RUN) ruff check .
	$(SAY) 'ruff format --check'
	@$(RUN) ruff format --check .
	$(SAY) 'mypy (strict)'
	@$(RUN) mypy

check-bot: build
	$(SAY) 'the bot: pytest bot/tests'
	@if [ -d bot/tests ]; then env -u VIRTUAL_ENV $(UV) run --project bot --frozen pytest bot/tests; fi

check-web: build
	$(SAY) 'the web pages: types'
	@$(NPM) run check
	$(SAY) 'the web pages: tests'
	@$(NPM) test

tests: build
	$(SAY) 'pytest'
ifdef TESTS
	@$(RUN) pytest $(TESTS)
else
	@$(RUN) pytest -n 2 --dist loadfile tests/unit
# Pages and processes beside each other, each with a product of its own: both mostly wait.
	@pages=$$(mktemp); $(RUN) pytest tests/browser >"$$pages" 2>&1 & browser=$$!; failed=0; \
	$(RUN) pytest tests/integration || failed=1; wait $$browser || failed=1; cat "$$pages"; rm -f "$$pages"; exit $$failed
endif

# One after the other, cheapest first, also under make -j: two cores are soon busy. The demo's release is trained
# meanwhile; whoever needs it first waits for that, and says so where it fails.
test: build
	@$(RUN) kefu train --company demo >/dev/null 2>&1 & training=$$!; trap 'kill $$training 2>/dev/null || true' EXIT; \
	for part in lint check-bot check-web tests; do $(MAKE) --no-print-directory $$part || exit 1; done

format: sync
	@$(RUN) ruff check --fix .
	@$(RUN) ruff format .

bench: sync
	@$(RUN) kefu bench $(NAME)

screenshots: build
	@$(RUN) python benchmarks/screenshots.py

clean:
	rm -rf .venv .tools bot/.venv server/web/node_modules server/web/dist
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
